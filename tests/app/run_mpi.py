"""jobs/run-mpi.sh as a user starts it: its verdicts, and what it does when ranks die. Rank count: 3."""
import os
import pathlib
import signal
import subprocess
import time
import unittest

import h5py

from harness import Case, ENVIRONMENT, PROGRAM, ROOT, TINY, DATA, espalier

SCRIPT = ROOT / "jobs" / "run-mpi.sh"


def children(pid):
    """Processes below `pid`, nearest first."""
    try:
        own = [int(word) for word in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []
    return own + [below for child in own for below in children(child)]


def command(pid):
    """Empty if there is no such process."""
    try:
        return pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""


class RunMpi(Case):
    def start(self, *options, ranks=("--ranks", "3")):
        self.out = self.folder / "out"
        self.temporary = self.folder / "tmp"
        self.temporary.mkdir(exist_ok=True)
        environment = dict(ENVIRONMENT, ESPALIER_BIN=PROGRAM, TMPDIR=str(self.temporary))
        return subprocess.Popen([SCRIPT, TINY, "--out", self.out, *ranks, *options], env=environment,
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def ended(self, process, code, says):
        output, errors = process.communicate(timeout=120)
        self.assertEqual(process.returncode, code, output + errors)
        for text in says:
            self.assertIn(text, output + errors)
        self.assertEqual(list(self.folder.glob(".*exit-code*")), [])
        self.assertEqual(list(pathlib.Path("/dev/shm").glob(f"espalier-mpi-{process.pid}-*")), [])
        deadline = time.monotonic() + 10
        while list(self.temporary.iterdir()) and time.monotonic() < deadline:  # a rank whose mpirun is gone ends within two seconds
            time.sleep(0.05)
        self.assertEqual(list(self.temporary.iterdir()), [])

    def rank(self, process, number):
        """The process of a rank, once something is done."""
        deadline = time.monotonic() + 60
        while True:
            self.assertIsNone(process.poll())
            self.assertLess(time.monotonic(), deadline, f"no rank {number}")
            time.sleep(0.01)
            if not (self.out / "run.lock").exists() or not list(self.out.glob("parts/*/*.h5")):
                continue
            for pid in children(process.pid):
                try:
                    environment = pathlib.Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
                    program = os.readlink(f"/proc/{pid}/exe")
                except OSError:
                    continue
                if f"OMPI_COMM_WORLD_RANK={number}".encode() in environment and program == os.path.realpath(PROGRAM):
                    return pid

    def test_done_with_table(self):
        self.ended(self.start(), 0, ["magnitude structured", "Results:"])
        self.ended(self.start(), 0, ["magnitude structured"])  # again: nothing to do

    def test_every_core_has_a_worker(self):
        self.ended(self.start("--set", "prune.criterion=none", ranks=()), 0, [])
        with h5py.File(self.out / "results.h5") as results:
            self.assertEqual(int(results.attrs["workers"]), len(os.sched_getaffinity(0)))

    def test_refused(self):
        self.ended(self.start("--set", "train.epoch=2"), 2, ["train.epoch", "did you mean"])
        self.ended(self.start("--data-dir", str(self.folder)), 2, ["fetch-data.sh"])
        self.ended(self.start(ranks=("--ranks=none",)), 2, ["--ranks expects a positive number, found 'none'"])
        output, errors = self.start("--no-such-option").communicate(timeout=60)
        # Once, not once a rank, and nothing that mpirun or PMIx would add.
        self.assertEqual(output + errors, "The following argument was not expected: --no-such-option\nSee: espalier run --help\n")

    def test_ctrl_c_is_called_that_and_what_was_typed_continues(self):
        process = self.start("--set", "solve.time_limit=1000", ranks=("--ranks=3",))
        self.rank(process, 0)
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 75, output + errors)
        self.assertIn("stopped by Ctrl-C", errors)
        command = errors.split("Continue with:\n")[1].splitlines()[0].strip()
        typed = f"ESPALIER_BIN={os.path.realpath(PROGRAM)} {SCRIPT} {TINY} --ranks 3 --out {self.out} --set solve.time_limit=1000"
        self.assertEqual(command, f"{typed} --data-dir {DATA}")
        status = espalier("status", self.out)
        self.assertIn("stopped by Ctrl-C", status.stdout)
        self.assertIn(f"Continue with:\n  {command}\n", status.stdout)
        newcomer = {name: value for name, value in ENVIRONMENT.items() if not name.startswith(("OMPI_", "ESPALIER_"))}
        again = subprocess.run(["bash", "-c", command], env=newcomer, cwd="/", stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120)
        self.assertEqual(again.returncode, 0, again.stdout + again.stderr)

    def test_a_killed_worker_costs_nothing(self):
        process = self.start()
        os.kill(self.rank(process, 1), signal.SIGKILL)
        self.ended(process, 0, ["is lost: its process is gone", "magnitude structured"])
        self.assertEqual(espalier("check", self.out).returncode, 0)

    def test_a_killed_mpirun_leaves_nothing(self):
        process = self.start("--set", "train.epochs=200")
        while not (self.out / "plan.yaml").exists():
            self.assertIsNone(process.poll())
            time.sleep(0.02)
        mpirun = next(pid for pid in children(process.pid) if command(pid).startswith("mpirun "))
        shared = list(pathlib.Path("/dev/shm").glob(f"espalier-mpi-{process.pid}-*/*"))
        self.assertTrue(shared, "Open MPI's shared memory is where the script put it")
        os.kill(mpirun, signal.SIGKILL)
        self.ended(process, 75, ["The master was cut off"])

    def test_a_killed_master_and_a_stop_are_continued(self):
        process = self.start()
        os.kill(self.rank(process, 0), signal.SIGKILL)
        self.ended(process, 75, ["The master was cut off", "The same command continues."])
        process = self.start("--set", "solve.time_limit=1000")
        self.rank(process, 0)
        process.send_signal(signal.SIGUSR1)
        output, errors = process.communicate(timeout=60)
        self.assertIn(process.returncode, (0, 75), output + errors)  # 0: it was just finished
        self.ended(self.start(), 0, ["magnitude structured"])

    def test_a_stop_before_the_ranks_listen_is_not_lost(self):
        process = self.start()
        while not any("mpirun" in command(pid) for pid in children(process.pid)):
            self.assertIsNone(process.poll())
            time.sleep(0.001)
        launched = children(process.pid)
        process.send_signal(signal.SIGTERM)
        self.ended(process, 75, ["The same command continues."])
        self.assertEqual([command(pid) for pid in launched if command(pid)], [])


if __name__ == "__main__":
    os.environ["ESPALIER_DATA"] = DATA
    unittest.main(verbosity=1)
