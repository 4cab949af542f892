"""A sweep grows: a changed grid in the output directory of an earlier one (run --extend).
Usage: extending.py [unittest arguments]; the program is $ESPALIER_BIN, the data $ESPALIER_DATA."""
import json
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

from harness import ENVIRONMENT, PROGRAM, Case, espalier, steady, table

GRID = """
name: growing
parameters: {dataset: {name: mnist, side: 8}, network: {depth: 1, width: 4}, train: {epochs: 1}, problem: {epsilon: 2.0, sample_index: 5},
             prune: {finetuning: cumulative, steps: 4, epochs: 1}, solve: {time_limit: 20}}
grid:
  - product: {prune.criterion: [magnitude], prune.rate: RATES}
"""

# An untrained network that nothing proves in seconds, and one that takes milliseconds.
LIMITS = """
name: limits
parameters: {dataset: {name: mnist, side: 28}, network: {depth: 3}, train: {epochs: 0}, prune: {criterion: none},
             problem: {epsilon: 20.0}, solve: {solver: cbc, time_limit: SECONDS}}
grid:
  - product: {network.width: [2, 100]}
"""


class Extending(Case):
    """One finished run of two rates is where every test begins; one of four rates is what it grows to."""

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.home = pathlib.Path(folder.name)
        cls.two = cls.configuration(cls.home / "two.yaml", "[0.1, 0.5]")
        cls.four = cls.configuration(cls.home / "four.yaml", "[0.1, 0.3, 0.5, 0.9]")
        for name, configuration in (("of-two", cls.two), ("of-four", cls.four)):
            result = espalier("run", configuration, "--out", cls.home / name, "--quiet")
            assert result.returncode == 0, result.stderr

    @staticmethod
    def configuration(path, rates):
        path.write_text(GRID.replace("RATES", rates))
        return path

    def setUp(self):
        super().setUp()
        self.out = self.folder / "out"
        shutil.copytree(self.home / "of-two", self.out)

    def assert_as_fresh(self):
        for name in ("solves", "networks", "stages"):
            self.assertEqual(steady(self.home / "of-four", name), steady(self.out, name), name)
        self.run_ok("check", self.out)

    def started(self):
        return {row["key"]: row["started"] for row in table(self.out, "stages")}

    def test_without_the_flag_it_is_refused_and_counted(self):
        result = self.refused("run", self.four, "--out", self.out, code=3, says=[
            "What changed: prune.rate was 0.1, 0.5, now 0.1, 0.3, 0.5, 0.9",
            "With --extend this directory goes over to it: 5 tasks kept (5 of them finished), 4 added, 0 dropped"])
        self.assertNotIn("same command", result.stderr)
        self.run_ok("run", self.two, "--out", self.out)

    def test_only_what_is_new_runs(self):
        before = self.started()
        self.assertIn("4 added", self.run_ok("run", self.four, "--out", self.out, "--extend").stderr)
        self.assert_as_fresh()
        after = self.started()
        self.assertEqual({key: after[key] for key in before}, before)
        self.assertIn(b"configuration changed", set(table(self.out, "events")["name"]))
        self.run_ok("run", self.four, "--out", self.out)  # it is that grid's directory now
        self.refused("run", self.two, "--out", self.out, code=3, says="goes over to it: 5 tasks kept (5 of them finished), 0 added, 4 dropped")

    def test_what_is_no_longer_asked_for_leaves_the_tables(self):
        one = self.configuration(self.folder / "one.yaml", "[0.5]")
        self.run_ok("run", one, "--out", self.out, "--extend")
        self.assertEqual(list(table(self.out, "solves")["prune_rate"]), [0.5])
        stages = table(self.out, "stages")
        self.assertEqual(sorted(row["kind"] for row in stages if row["status"] == b"dropped"), [b"prune", b"solve"])
        self.run_ok("check", self.out)
        self.run_ok("report", self.out)
        self.run_ok("status", self.out, "--exit-code")
        self.run_ok("run", self.four, "--out", self.out, "--extend")  # what had left comes back without running again
        self.assert_as_fresh()

    def test_another_experiment_is_refused(self):
        self.refused("run", self.two, "--out", self.out, "--set", "train.epochs=2", "--extend", code=3,
                     says=["belongs to another experiment", "train.epochs was 1, now 2", "none of its 5 finished tasks would be kept"])
        self.refused("run", self.two, "--out", self.out, "--set", "train.epochs=2", code=3, says="With --extend none of its 5 finished tasks would be kept")

    def test_killed_in_between_and_continued(self):
        """SIGKILL as soon as the change is recorded, then after one and after two new tasks; continued with the flag and without."""
        killed = 0
        command = [PROGRAM, "run", str(self.four), "--out", str(self.out), "--quiet"]
        for new_parts, more in ((0, ["--extend"]), (1, []), (2, ["--extend"])):
            process = subprocess.Popen(command + more, env=ENVIRONMENT, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            deadline = time.monotonic() + 60
            while time.monotonic() < deadline and process.poll() is None:
                if "0.9" in (self.out / "plan.yaml").read_text() and len(list(self.out.glob("parts/*/*.h5"))) >= 3 + new_parts:
                    break
            process.send_signal(signal.SIGKILL)
            process.wait()
            if process.returncode == -signal.SIGKILL:
                killed += 1
                status = json.loads(self.run_ok("status", self.out, "--json").stdout)
                self.assertEqual(sum(stage["total"] for stage in status["stages"]), 9)
                self.assertIn("earlier configuration", self.run_ok("check", self.out, code=1).stdout)
        self.assertGreater(killed, 0)
        self.run_ok("run", self.four, "--out", self.out)
        self.assert_as_fresh()

    def test_a_larger_limit_runs_again_what_had_met_the_old_one(self):
        out = self.folder / "limits"
        one, two = self.folder / "one.yaml", self.folder / "two.yaml"
        one.write_text(LIMITS.replace("SECONDS", "1"))
        two.write_text(LIMITS.replace("SECONDS", "2"))
        self.run_ok("run", one, "--out", out)
        before = {row["network_hidden"]: row for row in table(out, "solves")}
        self.assertEqual({k: row["solve_limit"] for k, row in before.items()}, {b"2-2-2": b"none", b"100-100-100": b"time"})
        self.refused("run", two, "--out", out, code=3,
                     says="3 tasks kept (3 of them finished), 1 that met a smaller limit runs again, 0 added, 0 dropped")
        started = {row["network_hidden"]: row["solve_seconds"] for row in before.values()}
        self.run_ok("run", two, "--out", out, "--extend")
        rows = {row["network_hidden"]: row for row in table(out, "solves")}
        self.assertEqual({k: (row["solve_time_limit"], row["time_limit"]) for k, row in rows.items()},
                         {b"2-2-2": (2, 1), b"100-100-100": (2, 2)})
        self.assertEqual(rows[b"2-2-2"]["solve_seconds"], started[b"2-2-2"])
        self.assertGreater(rows[b"100-100-100"]["solve_seconds"], 1.5)
        self.run_ok("check", out)


if __name__ == "__main__":
    unittest.main()
