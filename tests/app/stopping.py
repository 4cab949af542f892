"""What ends a run early, and the command that continues it.
Usage: stopping.py [unittest arguments]; the program is $ESPALIER_BIN, the data $ESPALIER_DATA."""
import signal
import subprocess
import time
import unittest

from harness import ENVIRONMENT, PROGRAM, TINY, Case, steady


class Stop(Case):
    def test_ctrl_c_saves_and_the_same_command_continues(self):
        reference, out = self.folder / "reference", self.folder / "it's out"
        self.run_ok("run", TINY, "--out", reference)
        process = subprocess.Popen([PROGRAM, "run", str(TINY), "--out", str(out)], env=ENVIRONMENT, text=True,
                                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        while not list(out.glob("parts/*/*.h5")):  # in the middle: something is done
            time.sleep(0.01)
            self.assertIsNone(process.poll())
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 75, errors)
        self.assertIn("stopped by Ctrl-C", errors)
        status = self.run_ok("status", out, "--exit-code", code=75)
        self.assertEqual(status.stderr, "")
        command = errors.split("Continue with:\n")[1].splitlines()[0].strip()
        self.assertIn(f"Continue with:\n  {command}\n", status.stdout)
        elsewhere = {name: value for name, value in ENVIRONMENT.items() if name != "ESPALIER_DATA"}
        again = subprocess.run(["bash", "-c", command], env=elsewhere, cwd="/", stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=240)
        self.assertEqual(again.returncode, 0, command + again.stderr)
        self.assertIn(f"check '{out}'".replace("it's", "it'\\''s"), again.stderr)  # what to do next
        self.assertNotIn("Continue with:", self.run_ok("status", out, "--exit-code").stdout)
        for name in ("solves", "networks"):
            self.assertEqual(steady(reference, name), steady(out, name))

    def test_nothing_is_started_that_cannot_end_before_the_deadline(self):
        out = self.folder / "out"
        result = self.run_ok("run", TINY, "--out", out, "--deadline", "0.2", code=75)
        self.assertIn("nothing that is left can end before the deadline", result.stderr)
        self.assertIn("Continue with:", result.stderr)
        self.assertEqual(list(out.glob("parts/*/*.h5")), [])
        self.refused("run", TINY, "--out", out, "--deadline", "soon", code=2, says=["--deadline", "2026-11-21T18:30:00"])
        self.refused("run", TINY, "--out", out, "--deadline", "2099-02-30T00:00:00", code=2, says="expected a date and time that exist")
        job = dict(ENVIRONMENT, SLURM_JOB_END_TIME="4070908800")  # the option counts, and that is said
        self.assertRegex(self.run_ok("run", TINY, "--out", out, "--deadline", "3600", env=job).stderr, r"deadline 20\S+Z \(--deadline\), in 3\d\d\d s")
        self.assertIn("deadline 2099-01-01T00:00:00Z (environment variable SLURM_JOB_END_TIME)", self.run_ok("run", TINY, "--out", out, env=job).stderr)
        self.run_ok("status", out, "--exit-code")

    def test_resume_never_refuses_a_used_directory(self):
        out = self.folder / "out"
        self.run_ok("run", TINY, "--out", out, "--set", "prune.criterion=none")
        self.refused("run", TINY, "--out", out, "--set", "prune.criterion=none", "--resume", "never", code=3, says="already holds a run")

    def test_tasks_that_mpi_does_not_connect_are_told(self):
        step = dict(ENVIRONMENT, SLURM_STEP_NUM_TASKS="4", SLURM_PROCID="0")
        result = self.run_ok("run", TINY, "--out", self.folder / "out", "--deadline", "0", env=step, code=75)
        self.assertIn("one of 4 processes", result.stderr)
        self.assertIn("srun --mpi=pmix", result.stderr)
        for quiet in (dict(step, SLURM_STEP_NUM_TASKS="1"), dict(step, SLURM_PROCID="3")):
            result = self.run_ok("run", TINY, "--out", self.folder / "out", "--deadline", "0", env=quiet, code=75)
            self.assertNotIn("processes", result.stderr)

    def test_another_configuration_is_told_where_to_go(self):
        out = self.folder / "out"
        self.run_ok("run", TINY, "--out", out, "--deadline", "0", code=75)
        (self.folder / "out-2").mkdir()
        self.refused("run", TINY, "--out", f"{out}/", "--set", "train.epochs=3", code=3, says=[f"--out {out}-3", "train.epochs was"])


if __name__ == "__main__":
    unittest.main()
