"""Solvers that misbehave, under the real program: right status, right log, nothing left behind.
Usage: sandbox_solves.py [unittest arguments]; the program is $ESPALIER_BIN, the data $ESPALIER_DATA."""
import pathlib
import signal
import subprocess
import time
import unittest
import uuid

from harness import ENVIRONMENT, PROBLEMS, PROGRAM, TINY, Case, json_lines, steady, table

PROBLEM = "mnist_18_2x24_0"


def marked_processes(mark):
    """Processes that have the mark in their environment, zombies not counted."""
    found = []
    for path in pathlib.Path("/proc").iterdir():
        if path.name.isdigit():
            try:
                if mark.encode() in (path / "environ").read_bytes():
                    found.append(int(path.name))
            except OSError:
                pass
    return found


class Marked(Case):
    def setUp(self):
        super().setUp()
        self.mark = "ESPALIER_TEST_MARK=" + uuid.uuid4().hex
        name, value = self.mark.split("=")
        self.temporary = self.folder / "tmp"
        self.temporary.mkdir()
        self.environment = dict(ENVIRONMENT, TMPDIR=str(self.temporary), **{name: value})

    def solver(self, *lines):
        """A solver that is a shell script: $1 the model, $2 the solution to write."""
        path = self.folder / "solver.sh"
        path.write_text("\n".join(["#!/bin/bash", *lines]) + "\n")
        path.chmod(0o755)
        return f"external:{path} {{model}} {{solution}}"

    def solve(self, *lines, code=1, seconds=1):
        result = self.run_ok("solve", PROBLEMS, "--problem", PROBLEM, "--solver", self.solver(*lines), "--json", "--time-limit", seconds,
                             "--kill-grace", "3", "--log-dir", self.folder / "logs", code=code, env=self.environment)
        self.expect_nothing_left()
        return json_lines(result.stdout)[0]

    def expect_nothing_left(self):
        deadline = time.monotonic() + 20
        while marked_processes(self.mark) and time.monotonic() < deadline:
            time.sleep(0.05)
        self.assertEqual(marked_processes(self.mark), [])
        self.assertEqual(list(self.temporary.iterdir()), [])


class Misbehaving(Marked):
    def test_a_killed_server_is_replaced(self):
        """Three times; then its problem has failed."""
        marks = f"$(ls {self.folder} | grep -c ^killed)"
        solver = self.solver(f"[ {marks} = 3 ] || {{ touch {self.folder}/killed{marks}; kill -9 $(ps -o ppid= -p $PPID); exec sleep 1000; }}",
                             "exit 9")
        result = self.run_ok("solve", PROBLEMS, "--problem", PROBLEM, "--problem", "fashion_14_2x16_0", "--solver", solver, "--json", code=1,
                             env=self.environment)
        first, second = json_lines(result.stdout)
        self.assertEqual((first["status"], first["reason"]), ("error", "crashed"))
        self.assertEqual(first["detail"], "it took the sandbox's server with it, 3 times")
        self.assertEqual(second["status"], "error")
        self.assertIn("returned 9", second["detail"])
        self.expect_nothing_left()

    def test_sleeps_for_ever_and_ignores_term(self):
        answer = self.solve("trap '' TERM USR1", "while true; do sleep 1000; done", code=0)
        self.assertEqual((answer["status"], answer["reason"], answer["limit"]), ("limit", "limit", "time"))
        self.assertIsNotNone(answer["verified_objective"], "the clean input was verified before")
        self.assertIn("ended at the time limit", answer["detail"])

    def test_our_process_stands_still(self):
        answer = self.solve("kill -STOP $PPID", "sleep 1000", code=0)
        self.assertEqual((answer["status"], answer["reason"], answer["limit"]), ("limit", "hard_limit", "time"))
        self.assertIsNotNone(answer["verified_objective"], "the clean input was verified before")
        self.assertIn("after its time limit of 1 s", answer["detail"])

    def test_crashes_our_process(self):
        answer = self.solve("kill -SEGV $PPID", "sleep 1000")
        self.assertEqual((answer["status"], answer["reason"]), ("error", "crashed"))
        printed = f"log/{answer['log']}.out"
        self.assertEqual(answer["detail"], f"ended by signal 11 (Segmentation fault); what it printed is in '{printed}'")
        self.assertIn("espalier", (self.folder / "logs" / printed).read_text(), "the stack")
        self.assertIsNotNone(answer["verified_objective"])

    def test_the_rest_of_the_file_goes_on(self):
        other = "mnist_14_2x16_0"
        result = self.run_ok("solve", PROBLEMS, "--problem", PROBLEM, "--problem", other, "--json", "--solver", self.solver(
            f"[ -e {self.folder}/once ] && exit 77", f"touch {self.folder}/once", "kill -SEGV $PPID", "sleep 1000"),
            code=1, env=self.environment)
        answers = json_lines(result.stdout)
        self.assertEqual([(a["problem"], a["status"], a["reason"]) for a in answers],
                         [(PROBLEM, "error", "crashed"), (other, "error", "error")])
        self.assertIn("returned 77", answers[1]["detail"])

    def test_claims_a_wrong_optimum(self):
        answer = self.solve("echo 'Optimal - objective value 99' > $2")
        self.assertEqual(answer["status"], "error")
        nan = self.solve("printf 'Optimal - objective value nan\\n      0 x0 nan 0\\n' > $2")
        self.assertEqual(nan["status"], "error")

    def test_leaves_a_daemon(self):
        answer = self.solve("setsid bash -c 'trap \"\" TERM; sleep 1000' > /dev/null 2>&1 < /dev/null &", "exit 77")
        self.assertEqual(answer["status"], "error")
        self.assertIn("returned 77", answer["detail"])

    def test_prints_a_gigabyte(self):
        answer = self.solve("head -c 1G /dev/zero", "kill -SEGV $PPID", seconds=100)
        self.assertEqual(answer["status"], "error")
        self.assertLess((self.folder / f"logs/log/{answer['log']}.log").stat().st_size, 1 << 28)

    def test_nobody_survives_a_killed_program(self):
        """The solver and its daemon, behind the program, its sandbox and the solving process."""
        process = subprocess.Popen(
            [PROGRAM, "solve", PROBLEMS, "--problem", PROBLEM, "--solver", self.solver(
                "setsid sleep 1000 > /dev/null 2>&1 < /dev/null &", f"touch {self.folder}/started", "sleep 1000")],
            env=self.environment, stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + 60
        while not (self.folder / "started").exists() and time.monotonic() < deadline:
            time.sleep(0.02)
        self.assertGreaterEqual(len(marked_processes(self.mark)), 5)
        process.send_signal(signal.SIGKILL)
        process.wait()
        self.expect_nothing_left()


class Rows(Marked):
    def test_a_run_whose_solves_crash_goes_on(self):
        out = self.folder / "out"
        self.run_ok("run", TINY, "--out", out, "--quiet", "--set", "solve.node_limit=-1", "--set",
                    "solve.solver=" + self.solver("kill -SEGV $PPID", "sleep 1000"), code=1, env=self.environment)
        self.expect_nothing_left()
        stages = [row for row in table(out, "stages") if row["kind"] == b"solve"]
        failed = [row for row in stages if row["status"] == b"failed"]  # some succeed at the clean input, before the solver starts
        self.assertGreater(len(failed), len(stages) / 2)
        self.assertEqual({row["error_kind"] for row in failed}, {b"crashed"})
        self.assertTrue(all(row["peak_memory_mib"] > 1 and row["cpu_seconds"] > 0 for row in [*failed, *table(out, "solves")]))
        solves = [row for row in table(out, "solves") if row["status"] == b"failed"]
        self.assertEqual({(row["status"], row["solve_status"], row["solve_reason"]) for row in solves}, {(b"failed", b"error", b"crashed")})
        self.assertTrue(all(row["verified_objective"] == row["verified_objective"] for row in solves), "the clean input was verified before")
        self.assertIn("all as stored", self.run_ok("check", out, code=1).stdout)

    def test_limits_change_no_row_but_those_they_fail(self):
        """Without a process of its own, in one, and again with more memory after the first failed: the same rows."""
        here, limited = self.folder / "here", self.folder / "limited"
        self.run_ok("run", TINY, "--out", here, "--quiet", "--no-sandbox")
        self.run_ok("run", TINY, "--out", limited, "--quiet", "--set", "run.memory_limit=1", code=1)
        failed = [row for row in table(limited, "stages") if row["status"] == b"failed"]
        self.assertEqual({(row["kind"], row["error_kind"]) for row in failed}, {(b"solve", b"memory")})
        self.assertIn(b"the limit is 1 MiB", failed[0]["message"])
        self.run_ok("run", TINY, "--out", limited, "--quiet", "--set", "run.memory_limit=1000", "--retry", "memory")
        self.assertEqual(steady(here, "solves"), steady(limited, "solves"))


if __name__ == "__main__":
    unittest.main()
