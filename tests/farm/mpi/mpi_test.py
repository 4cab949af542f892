"""The farm under a real mpirun, with toy stages. Usage: mpi_test.py [unittest arguments]; the program is $FARM_MPI."""
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

PROGRAM = os.environ["FARM_MPI"]
MPIEXEC = os.environ.get("MPIEXEC", "mpirun")
ENVIRONMENT = dict(os.environ, OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1")
HURRY = {"FARM_HURRY": "1"}  # for runs that nobody disturbs: stages do not sleep


class Case(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="espalier-farm-mpi-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)

    def command(self, ranks, mode, out):
        launcher = [MPIEXEC, "-np", str(ranks), "--oversubscribe"] if ranks else []
        return launcher + [PROGRAM, mode, str(self.folder / out)]

    def run_farm(self, ranks, mode, out="out", expect=0, timeout=60, hurry=False):
        result = subprocess.run(self.command(ranks, mode, out), env=dict(ENVIRONMENT, **HURRY) if hurry else ENVIRONMENT, capture_output=True,
                                text=True, timeout=timeout)
        self.assertEqual(result.returncode, expect, result.stdout + result.stderr)
        return result

    def rows(self, out="out"):
        return (self.folder / (out + ".rows")).read_text()

    def start(self, ranks, mode, out="out"):
        return subprocess.Popen(self.command(ranks, mode, out), env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def wait_for_records(self, out="out"):
        """Until something is in the journal: the run is in full swing."""
        journal = self.folder / out / "run.journal"
        for _ in range(600):
            if journal.exists() and journal.stat().st_size > 2000:
                return
            time.sleep(0.05)
        self.fail("nothing was recorded within 30 s")


class Rows(Case):
    # Rank counts: none (no mpirun), 1, 2, 3, 4, 8.
    def test_are_the_same_for_any_number_of_ranks(self):
        self.run_farm(None, "grid", "alone")
        reference = self.rows("alone")
        self.assertEqual(reference.count(" done "), 3 + 9 + 36)
        for ranks in (1, 2, 3, 4, 8):
            with self.subTest(ranks=ranks):
                result = self.run_farm(ranks, "grid", f"ranks{ranks}")
                self.assertIn(f"workers {max(1, ranks - 1)}", result.stdout)
                self.assertEqual(self.rows(f"ranks{ranks}"), reference)

    # Rank counts: none, 3.
    def test_failures_are_rows_like_others(self):
        self.run_farm(None, "failing", "alone", expect=1)
        result = self.run_farm(3, "failing", expect=1)
        self.assertEqual(self.rows(), self.rows("alone"))
        self.assertIn("done 48 failed 6", result.stdout)
        self.assertIn("1 x solve: a parent failed", result.stdout)

    # Rank count: 3, then 4.
    def test_a_second_run_does_nothing(self):
        self.run_farm(3, "grid")
        before = self.rows()
        self.assertIn("done 0 failed 0", self.run_farm(4, "grid").stdout)
        self.assertEqual(self.rows(), before)


class BadRank(Case):
    # Rank count: 3.
    def test_one_that_cannot_work_is_named_and_the_others_go_on(self):
        result = self.run_farm(3, "declining")
        self.assertIn("done 48 failed 0 workers 1", result.stdout)
        self.assertRegex(result.stderr, "rank 1 on .* cannot work: no data here")

    # Rank count: 3.
    def test_none_that_can_work_ends_the_run(self):
        result = self.run_farm(3, "all-declining", expect=3)
        self.assertIn("error: no worker can start", result.stdout)


class Stop(Case):
    @classmethod
    def setUpClass(cls):
        with tempfile.TemporaryDirectory() as folder:
            out = pathlib.Path(folder) / "out"
            subprocess.run([PROGRAM, "slow", str(out)], check=True, capture_output=True, timeout=60, env=dict(ENVIRONMENT, **HURRY))
            cls.reference = pathlib.Path(str(out) + ".rows").read_text()

    def stop_and_continue(self, ranks, signal_number, seconds):
        process = self.start(ranks, "slow")
        self.wait_for_records()
        began = time.monotonic()
        process.send_signal(signal_number)
        output, _ = process.communicate(timeout=30)
        self.assertLess(time.monotonic() - began, seconds, output)
        self.assertIn("stopping", output)
        done_before = int(re.search(r"done (\d+) failed 0", output).group(1))
        self.assertGreater(done_before, 0)
        again = self.run_farm(ranks, "slow", hurry=True)
        self.assertIn(f"done {2 + 4 + 24 - done_before} failed 0", again.stdout)
        self.assertEqual(self.rows(), self.reference)
        return process.returncode

    # Rank count: 3. mpirun passes SIGUSR1 on to every rank.
    def test_usr1_to_mpirun(self):
        self.assertEqual(self.stop_and_continue(3, signal.SIGUSR1, 5), 75)

    # Rank count: 3. mpirun gives the ranks SIGTERM after 1 s and kills them 1 s later; its own code is 1 whatever they return.
    def test_term_to_mpirun(self):
        self.stop_and_continue(3, signal.SIGTERM, 6)

    # Rank count: 3. Ctrl-C in the terminal of mpirun.
    def test_int_to_mpirun(self):
        self.stop_and_continue(3, signal.SIGINT, 6)

    # Without mpirun.
    def test_each_signal_to_a_run_alone(self):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1):
            with self.subTest(signal=number):
                shutil.rmtree(self.folder / "out", ignore_errors=True)
                self.assertEqual(self.stop_and_continue(None, number, 5), 75)

    # Rank count: 3, and alone.
    def test_stages_that_do_not_listen_are_abandoned(self):
        processes = {ranks: self.start(ranks, "deaf", f"deaf{ranks}") for ranks in (None, 3)}
        time.sleep(3)
        began = time.monotonic()
        for process in processes.values():
            process.send_signal(signal.SIGUSR1)
        for ranks, process in processes.items():
            with self.subTest(ranks=ranks):
                output, _ = process.communicate(timeout=30)
                self.assertLess(time.monotonic() - began, 9, output)
                self.assertEqual(process.returncode, 75, output)


class Idle(Case):
    # Rank count: 4. The promise is 5 %; the bound is far above noise and far below spinning.
    def test_ranks_that_wait_sleep(self):
        output = self.run_farm(4, "idle").stdout
        shares = {int(rank): (int(ran), float(cpu)) for rank, ran, cpu in re.findall(r"rank (\d) ran (\d) cpu ([\d.]+)", output)}
        self.assertEqual(len(shares), 4, output)
        print("CPU of waiting ranks, % of a core:", {rank: cpu for rank, (ran, cpu) in shares.items() if ran == 0})
        for rank, (ran, cpu) in shares.items():
            if ran == 0:
                self.assertLess(cpu, 25, f"rank {rank} waits at {cpu} % of a core")


if __name__ == "__main__":
    unittest.main(verbosity=2)
