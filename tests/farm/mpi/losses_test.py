"""Ranks that die, hang or are told to stop, under a real mpirun: whatever happens, mpirun ends, and the same command finishes the rest.

Usage: losses_test.py [unittest arguments]; the program is $FARM_MPI. Figures go to stdout."""
import functools
import os
import pathlib
import re
import signal
import subprocess
import tempfile
import time
import unittest

import mpi_test

SILENCE = 3  # s, for ranks that are stopped rather than killed
TASKS = 2 + 4 + 40


@functools.cache
def undisturbed_rows():
    with tempfile.TemporaryDirectory() as folder:
        out = pathlib.Path(folder) / "out"
        subprocess.run([mpi_test.PROGRAM, "brisk", str(out)], check=True, capture_output=True, timeout=60,
                       env=dict(mpi_test.ENVIRONMENT, **mpi_test.HURRY))
        return pathlib.Path(str(out) + ".rows").read_text()


class Case(mpi_test.Case):
    recovery = True

    @classmethod
    def setUpClass(cls):
        mpi_test.ENVIRONMENT["FARM_SILENCE"] = str(SILENCE)
        cls.undisturbed = undisturbed_rows()

    def command(self, ranks, mode, out):
        words = super().command(ranks, mode, out)
        recovery = ["--quiet", "--mca", "orte_enable_recovery", "1"] if ranks and self.recovery else []
        return words[:-3] + recovery + words[-3:]

    def start_run(self, ranks):
        """A run in full swing."""
        self.process = self.start(ranks, "brisk")
        self.addCleanup(self.process.kill)
        self.wait_for_records()

    def pid(self, rank):
        return int((self.folder / f"out.pid.{rank}").read_text())

    def kill(self, *ranks, number=signal.SIGKILL):
        self.began = time.monotonic()
        for rank in ranks:
            os.kill(self.pid(rank), number)

    def end(self, seconds):
        """mpirun ends within `seconds`, and no rank outlives it. (One that mpirun has just killed needs a core once more to be gone.)"""
        output, _ = self.process.communicate(timeout=60)
        took = time.monotonic() - self.began
        print(f"{self.id()}: mpirun ended after {took:.1f} s with code {self.process.returncode}")
        self.assertLess(took, seconds, output)
        killed = time.monotonic()
        for path in self.folder.glob("out.pid.*"):
            pid = int(path.read_text())
            while self.runs(pid) and time.monotonic() < killed + 1:
                time.sleep(0.01)
            self.assertFalse(self.runs(pid), f"{path.name} is still there\n{output}")
        return output

    @staticmethod
    def runs(pid):
        try:
            with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
                return file.read().rsplit(")", 1)[1].split()[0] not in "ZX"
        except OSError:
            return False

    def continues(self, ranks=3):
        """The same command does what is left, and the rows are those of an undisturbed run."""
        rest = int(re.search(r"done (\d+) failed 0", self.run_farm(ranks, "brisk", hurry=True).stdout).group(1))
        self.assertLess(rest, TASKS, "nothing was kept")
        self.assertEqual(self.rows(), self.undisturbed)


class Worker(Case):
    # Rank count: 4.
    def test_killed_its_task_goes_to_others_and_the_run_finishes(self):
        self.start_run(4)
        self.kill(2)
        output = self.end(20)
        self.assertRegex(output, r"rank 2 \(process \d+ on .*\) is lost: its process is gone")
        self.assertIn(f"done {TASKS} failed 0", output)
        self.assertIn("lost 1 code 0", output)
        self.assertEqual(self.rows(), self.undisturbed)

    # Rank count: 5.
    def test_a_task_that_kills_its_workers_is_failed(self):
        output = self.run_farm(5, "poison").stdout
        self.assertIn("done 48 failed 1", output)
        self.assertIn("3 worker(s) were lost while running it, the last one was rank", output)
        self.assertIn("lost 3 code 1", output)


class AllWorkers(Case):
    # Rank count: 3.
    def test_killed_the_run_ends_and_can_be_continued(self):
        self.start_run(3)
        self.kill(1, 2)
        self.assertIn("lost 2 code 75", self.end(10))
        self.continues()


class Master(Case):
    # Rank count: 3.
    def test_killed_the_workers_leave(self):
        self.start_run(3)
        self.kill(0)
        self.assertRegex(self.end(10), r"rank 1 leaves: the master \(process \d+\) is gone")
        self.continues()


class Signals(Case):
    # Rank count: 3.
    def test_usr1_to_mpirun(self):
        self.start_run(3)
        self.began = time.monotonic()
        self.process.send_signal(signal.SIGUSR1)
        self.assertIn("lost 0 code 75", self.end(5))
        self.continues()

    # Rank count: 3.
    def test_term_to_mpirun(self):
        self.start_run(3)
        self.began = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        self.end(6)
        self.continues()


class Long(Case):
    # Rank count: 4.
    def test_stopped_for_ever_is_taken_for_lost_and_ended(self):
        self.start_run(4)
        self.kill(2, number=signal.SIGSTOP)
        output = self.end(30)
        self.assertRegex(output, r"rank 2 .* is lost: it has been silent for")
        self.assertIn("lost 1 code 0", output)

    # Rank count: 3.
    def test_stopped_the_workers_leave_and_it_ends_when_it_wakes_up(self):
        self.start_run(3)
        self.kill(0, number=signal.SIGSTOP)
        for _ in range(300):
            if not self.runs(self.pid(1)) and not self.runs(self.pid(2)):
                break
            time.sleep(0.1)
        else:
            self.fail("workers did not leave within 30 s")
        self.kill(0, number=signal.SIGCONT)
        output = self.end(20)
        self.assertIn("the master has been silent for", output)
        self.assertIn("lost 2 code 75", output)
        self.continues()

    # Rank count: 3.
    def test_kill_to_mpirun(self):
        self.start_run(3)
        self.began = time.monotonic()
        self.process.kill()
        for rank in range(3):
            while self.runs(self.pid(rank)):
                self.assertLess(time.monotonic() - self.began, 20, "a rank outlives its launcher")
                time.sleep(0.05)
        print(f"{self.id()}: ranks were gone after {time.monotonic() - self.began:.1f} s")
        self.continues()

    # Rank count: 3.
    def test_usr1_while_stages_do_not_listen(self):
        self.process = self.start(3, "deaf")
        self.addCleanup(self.process.kill)
        time.sleep(3)
        self.began = time.monotonic()
        self.process.send_signal(signal.SIGUSR1)
        self.assertIn("lost 0 code 75", self.end(9))


if __name__ == "__main__":
    unittest.main(verbosity=2)
