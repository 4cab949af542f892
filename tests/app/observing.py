"""Looking at a run from another process while it writes; failed tasks, listed and run again."""
import json
import subprocess
import unittest

from harness import ENVIRONMENT, PROGRAM, TINY, Case, espalier, steady, table

LONGER = ["--set", "train.epochs=6", "--set", "prune.epochs=4"]  # seconds rather than tenths


class Observing(Case):
    def test_status_and_check_while_a_run_writes(self):
        out = self.folder / "out"
        process = subprocess.Popen([PROGRAM, "run", str(TINY), "--out", str(out), *LONGER], env=ENVIRONMENT, stdin=subprocess.DEVNULL,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while not (out / "plan.yaml").exists():
            self.assertIsNone(process.poll())
        done, seen, checked = 0, 0, 0
        while True:
            running = process.poll() is None
            status = json.loads(self.run_ok("status", out, "--json").stdout)
            now = sum(kind["done"] for kind in status["stages"])
            self.assertGreaterEqual(now, done)
            done = now
            seen += running and status["running"]
            result = espalier("check", out)
            self.assertIn(result.returncode, (0, 1), result.stderr)
            self.assertNotIn("problem", result.stdout)
            checked += running
            if not running:
                break
        self.assertEqual(process.returncode, 0)
        self.assertGreater(seen, 0)
        self.assertGreater(checked, 0)
        self.assertTrue(status["settled"])
        self.run_ok("check", out)


class WhereARunIs(Case):
    """Each command is given what is no run: the same exit code, and one sentence that says what was expected."""

    def wrong_places(self):
        (self.folder / "empty").mkdir()
        (self.folder / "text").write_text("text")
        (self.folder / "broken").mkdir()
        (self.folder / "broken" / "run.journal").write_text("no journal")
        return {
            self.folder / "missing": "no such file or directory",
            self.folder / "empty": "is not an output directory of espalier: expected a file run.journal",
            self.folder / "text": "expected",
            self.folder / "text" / "below": "no such file or directory",
            self.folder / ("x" * 300): "File name too long",
            self.folder / "broken": "is not a journal of espalier",
        }

    def test_every_command_refuses_alike(self):
        for place, sentence in self.wrong_places().items():
            for command in (["status", place], ["check", place], ["report", place], ["merge", place, "--out", self.folder / "merged"]):
                if command[0] == "check" and place.name == "broken":
                    continue  # damage is what check finds: exit 1
                with self.subTest(command=command[0], place=place.name[:20]):
                    result = espalier(*command)
                    self.assertEqual(result.returncode, 3, result.stderr)
                    self.assertEqual(result.stdout, "")
                    self.assertEqual(len(result.stderr.strip().splitlines()), 1, result.stderr)
                    self.assertIn(sentence, result.stderr)
                    self.assertNotIn("unexpected", result.stderr)

    def test_a_run_is_its_folder_or_a_file_of_it(self):
        out = self.folder / "out"
        self.run_ok("run", TINY, "--out", out)
        for command in ("status", "check", "report"):
            text = self.run_ok(command, out).stdout
            for file in ("results.h5", "run.journal"):
                self.assertEqual(self.run_ok(command, out / file).stdout, text, command)
        (out / "results.h5").rename(self.folder / "alone.h5")
        alone = self.run_ok("report", self.folder / "alone.h5").stdout
        self.assertEqual(alone, text)
        result = espalier("report", out)
        self.assertEqual(result.returncode, 3)
        subprocess.run(result.stderr.strip().splitlines()[-1], shell=True, check=True, capture_output=True, env=ENVIRONMENT, cwd="/")
        self.assertEqual(self.run_ok("report", out).stdout, text)

    def test_a_run_that_is_not_complete_says_so_first(self):
        out = self.folder / "out"
        self.assertEqual(espalier("run", TINY, "--out", out, "--deadline", "0").returncode, 75)
        self.assertTrue(self.run_ok("report", out).stdout.startswith("The run is not complete: "))


# An external solver that behaves as the file `mode` beside it says.
SOLVER = """#!/bin/sh
case $(cat {folder}/mode) in
  broken) echo "no licence today" >&2; exit 9;;
  *) exec cbc "$@";;
esac
"""


class Retry(Case):
    def setUp(self):
        super().setUp()
        self.solver = self.folder / "solver.sh"
        self.solver.write_text(SOLVER.format(folder=self.folder))
        self.solver.chmod(0o755)
        self.out = self.folder / "out"
        self.command = ["run", TINY, "--out", self.out, "--set", "prune.criterion=none", "--set", "solve.node_limit=-1",
                        "--set", "problem.epsilon=0.5",
                        "--set", f"solve.solver=external:{self.solver} {{model}} scaling off solve solution {{solution}}"]

    def mode(self, text):
        (self.folder / "mode").write_text(text)

    def test_failed_tasks_are_listed_and_run_again(self):
        self.mode("broken")
        self.run_ok(*self.command, code=1)
        failed = [row["key"].decode() for row in table(self.out, "solves")]
        self.assertEqual(len(failed), 2)
        (self.out / "log" / f"{failed[0]}.out").write_text("what it printed")

        status = json.loads(self.run_ok("status", self.out, "--failed", "--json").stdout)["failed_tasks"]
        self.assertEqual({task["key"] for task in status}, set(failed))
        by_key = {task["key"]: task for task in status}
        self.assertEqual(by_key[failed[0]]["logs"], [str(self.out / "log" / f"{failed[0]}.out")])
        self.assertEqual(by_key[failed[1]]["logs"], [])
        self.assertEqual({task["parameters"]["train_seed"] for task in status}, {2, 12})
        self.assertNotIn("solve_goal", status[0]["parameters"])  # it is the same everywhere
        text = self.run_ok("status", self.out, "--failed").stdout
        for said in (failed[0], "train_seed = 2", "problem_sample_index = 17673", f"{failed[0]}.out", status[0]["message"]):
            self.assertIn(said, text)
        kind = status[0]["error_kind"]

        self.mode("well")
        networks = table(self.out, "networks")
        self.run_ok(*self.command, code=1)  # without --retry a failure is final
        other = "numeric" if kind != "numeric" else "solver"
        self.assertIn("0 failed tasks run again", self.run_ok(*self.command, "--retry", other, code=1).stderr)
        self.assertIn("2 failed tasks run again", self.run_ok(*self.command, "--retry", kind).stderr)
        self.assertEqual({row["status"] for row in table(self.out, "solves")}, {b"done"})
        self.assertEqual(list(networks["key"]), list(table(self.out, "networks")["key"]))
        self.run_ok("check", self.out)
        self.assertEqual(self.run_ok("status", self.out, "--failed").stdout, "no task failed\n")
        undisturbed = self.folder / "undisturbed"
        self.run_ok(*[undisturbed if a == self.out else a for a in self.command])
        self.assertEqual(steady(undisturbed, "solves"), steady(self.out, "solves"))

    # Rank count: 3.
    def test_a_rank_whose_solves_fail_is_quarantined(self):
        """As on a node without the solver, where everything else works."""
        self.solver.write_text('#!/bin/sh\n[ "$OMPI_COMM_WORLD_RANK" != 1 ] || exit 9\nexec cbc "$@"\n')
        changed = [word for word in self.command if word != "prune.criterion=none"]
        changed.pop(changed.index("--set"))
        result = self.run_ok(*changed, "--set", "solve.start=none", ranks=3)
        self.assertRegex(result.stderr, "rank 1 .* is quarantined: its last 5 tasks failed")
        self.assertEqual({row["status"] for row in table(self.out, "stages")}, {b"done"})

    def test_unknown_kinds_are_refused(self):
        self.refused(*self.command, "--retry", "crash", code=2, says=["expected a list of failed (all), crashed", "found 'crash'"])
        self.assertFalse(self.out.exists())


if __name__ == "__main__":
    unittest.main(verbosity=1)
