"""The batch scripts of jobs/slurm, submitted to a real Slurm: ends of every kind, and what the output directory holds afterwards.
Usage: cluster/slurm-box.py --cpus 16 -- slurm_jobs.py [unittest arguments]; the program is $ESPALIER_BIN.

Slurm looks at time limits every 30 s and needs as long to miss a crashed node: these jobs are submitted first and awaited last."""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "app"))
from harness import ENVIRONMENT, PROGRAM, ROOT, espalier, steady  # noqa: E402

GRID = HERE / "grid.yaml"
BOX = ROOT / "cluster" / "slurm-box.py"
TABLES = ("solves", "networks", "stages")
PATH = f"{HERE}:{os.environ['PATH']}"  # of slow-cbc.sh
ENDED = {"COMPLETED", "FAILED", "CANCELLED", "TIMEOUT", "NODE_FAIL", "OUT_OF_MEMORY", "BOOT_FAIL", "DEADLINE"}


def call(*command, environment=None, check=True):
    result = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=60, cwd=ROOT, check=False,
                            env=environment, stdin=subprocess.DEVNULL)
    if check and result.returncode != 0:
        raise AssertionError(f"{command} returned {result.returncode}:\n{result.stdout}{result.stderr}")
    return result.stdout.strip()


class Job:
    """A submitted job, or array element."""

    def __init__(self, work, script, *arguments, options=(), node="node1", slow=0, **environment):
        self.log = work / f"{time.monotonic_ns()}.log"
        environment = dict(ENVIRONMENT, ESPALIER_BIN=PROGRAM, PATH=PATH, SLOW_CBC_SECONDS=str(slow),
                           **{name: str(value) for name, value in environment.items()})
        self.id = call("sbatch", "--parsable", f"--nodelist={node}", "--output", self.log, *options, ROOT / "jobs" / "slurm" / script, *arguments,
                       environment=environment)

    def field(self, name):
        values = re.findall(rf"(?:^|\s){name}=(\S*)", call("scontrol", "--oneliner", "show", "job", self.id))
        return values[0] if len(set(values)) == 1 else values

    def wait(self, condition, limit):
        """Until condition() holds; a job that ended before that is a failure."""
        end = time.monotonic() + limit
        while not condition():
            states = self.states()
            if states <= ENDED and not condition():
                raise AssertionError(f"job {self.id} ended: {states}\n{self.text()}")
            if time.monotonic() > end:
                raise AssertionError(f"job {self.id} is {states} after {limit} s\n{self.text()}\n{call('sinfo', '-N')}")
            time.sleep(0.2)
        return self

    def ended(self, limit=150):
        return self.wait(lambda: self.states() <= ENDED, limit)

    def states(self):
        state = self.field("JobState")
        return {state} if isinstance(state, str) else set(state)

    def text(self):
        return self.log.read_text(errors="replace") if self.log.exists() else "(no output)"


def finished_networks(out):
    return len(list(out.glob("parts/*/*.h5")))


def processes_of(job):
    """Processes of a job, on any node."""
    found = []
    for folder in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            if f"SLURM_JOB_ID={job.id}".encode() in (folder / "environ").read_bytes().split(b"\0"):
                found.append((folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace"))
        except OSError:
            continue  # it has ended
    return found


class Jobs(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.work = pathlib.Path(os.environ["SLURM_BOX"]) / "work"  # in the box's memory: gone with it
        cls.work.mkdir()
        small = ("--ntasks=2", "--time=10", "--signal=B:USR1@60")
        # 12 solves of 8 s and two workers: the first start would need 48 s.
        cls.limited = Job(cls.work, "requeue.sbatch", GRID, cls.work / "limited", options=small, slow=8)
        cls.crashed = Job(cls.work, "requeue.sbatch", GRID, cls.work / "crashed", options=small, node="node2", slow=2)
        cls.limited.wait(lambda: cls.limited.field("JobState") == "RUNNING", 30)
        # As if its limit were close: USR1 is due, and comes with Slurm's next look.
        end = time.strftime("%Y-%m-%dT%H:%M:%S", time.localtime(time.time() + 61))
        call("scontrol", "update", f"jobid={cls.limited.id}", f"EndTime={end}")
        cls.crashed.wait(lambda: finished_networks(cls.work / "crashed") > 0, 30)
        call(BOX, "--kill-node", "node2")
        cls.reference = cls.work / "reference"
        result = espalier("run", GRID, "--out", cls.reference, "--quiet", env=dict(ENVIRONMENT, PATH=PATH))
        assert result.returncode == 0, result.stderr

    def assert_complete(self, out, job):
        check = espalier("check", out)
        self.assertEqual(check.returncode, 0, f"{check.stdout}{check.stderr}\n{job.text()}")
        for name in TABLES:
            self.assertEqual(steady(self.reference, name), steady(out, name), name)

    def assert_state(self, job, state, code):
        self.assertEqual((job.field("JobState"), job.field("ExitCode")), (state, code), job.text())

    def test_finished(self):
        jobs = {launcher: Job(self.work, "single.sbatch", GRID, self.work / launcher, options=("--ntasks=2",), ESPALIER_LAUNCHER=launcher)
                for launcher in ("mpirun", "srun", "none")}
        for launcher, job in jobs.items():
            with self.subTest(launcher):
                self.assert_state(job.ended(), "COMPLETED", "0:0")
                self.assert_complete(self.work / launcher, job)

    def test_missing_input_is_refused(self):
        cases = {
            "no arguments": ("requeue.sbatch", [], {}, "expected CONFIG and OUT"),
            "no config": ("single.sbatch", ["none.yaml", self.work / "x"], {}, "expected an experiment file, found nothing at 'none.yaml'"),
            "no output": ("array.sbatch", [GRID], {"options": ("--array=1",)}, "expected CONFIG and OUT"),
            "no shards": ("merge.sbatch", [self.work / "x"], {}, "found none"),
            "launcher": ("single.sbatch", [GRID, self.work / "x"], {"ESPALIER_LAUNCHER": "ssh"}, "expected mpirun, srun or none, found 'ssh'"),
            "bad option": ("requeue.sbatch", [GRID, self.work / "x", "--set", "train.epoch=1"], {}, "did you mean"),
        }
        jobs = {name: (Job(self.work, script, *arguments, **more), says) for name, (script, arguments, more, says) in cases.items()}
        for name, (job, says) in jobs.items():
            with self.subTest(name):
                self.assert_state(job.ended(), "FAILED", "2:0")
                self.assertIn(says, job.text())

    def test_array_is_merged(self):
        out = self.work / "array"
        array = Job(self.work, "array.sbatch", GRID, out, options=("--array=1-3", "--ntasks=2"))
        merge = Job(self.work, "merge.sbatch", out, options=(f"--dependency=afterany:{array.id}",)).ended()
        self.assert_state(merge, "COMPLETED", "0:0")
        self.assertEqual(array.states(), {"COMPLETED"}, array.text())
        self.assertEqual(len(list(out.glob("shard-*"))), 3)
        self.assert_complete(out / "merged", merge)

    def test_cancelled_stays_cancelled_and_can_be_continued(self):
        out = self.work / "cancelled"
        job = Job(self.work, "requeue.sbatch", GRID, out, options=("--ntasks=2",), slow=5)
        job.wait(lambda: finished_networks(out) > 1, 60)
        call("scancel", job.id)
        job.ended(60)
        job.wait(lambda: not call("squeue", "-h", "-j", job.id), 60)
        self.assertEqual(job.field("JobState"), "CANCELLED", job.text())
        self.assertEqual(processes_of(job), [])
        time.sleep(7)  # longer than a requeued job has to wait
        self.assertEqual((job.field("JobState"), job.field("Restarts")), ("CANCELLED", "0"), job.text())
        self.assertEqual(espalier("status", out, "--exit-code").returncode, 75)
        again = Job(self.work, "requeue.sbatch", GRID, out, options=("--ntasks=2",)).ended()
        self.assert_complete(out, again)

    def test_slow_time_limit_requeues_until_done(self):
        job = self.limited.ended()
        self.assert_state(job, "COMPLETED", "0:0")
        self.assertEqual(job.field("Restarts"), "1", job.text())
        self.assertIn("received USR1", job.text())
        self.assertRegex(job.text(), "requeue: [0-9]+ tasks left")
        self.assert_complete(self.work / "limited", job)

    def test_slow_crashed_node_requeues(self):
        job = self.crashed
        job.wait(lambda: job.field("Restarts") == "1", 90)
        # Drained until it has registered: Slurm may else start the job as soon as the node answers, and kill it a second later, when the
        # node's first registration says that it was rebooted.
        call("scontrol", "update", "nodename=node2", "state=drain", "reason=boot")
        call(BOX, "--start-node", "node2")
        job.wait(lambda: call("sinfo", "-h", "-n", "node2", "-o", "%T") == "drained", 60)
        time.sleep(2)
        call("scontrol", "update", "nodename=node2", "state=resume")
        job.ended()
        self.assert_state(job, "COMPLETED", "0:0")
        self.assertNotIn("received", job.text())
        self.assert_complete(self.work / "crashed", job)

    def test_a_start_without_progress_is_the_last(self):
        out = self.work / "stuck"
        job = Job(self.work, "requeue.sbatch", GRID, out, "--set", "prune.finetuning=none", "--set", "prune.rate=0.5", options=("--ntasks=2",),
                  slow=60, SLOW_CBC_STARTS=9)
        job.wait(lambda: finished_networks(out) == 4, 60)  # two dense, two pruned; their two solves keep both workers
        call("scancel", "--batch", "--signal=USR1", job.id)  # as --signal=B:USR1 does at the limit
        job.wait(lambda: "start 1 of job" in job.text(), 60)
        time.sleep(2)
        call("scancel", "--batch", "--signal=USR1", job.id)
        self.assert_state(job.ended(60), "FAILED", "75:0")
        self.assertEqual(job.field("Restarts"), "1", job.text())
        self.assertIn("not requeued: this start has finished no task", job.text())

    def test_refusals_are_not_taken_for_success(self):
        """In recovery mode mpirun returns 0 whatever the ranks return, and the directory of an earlier run may be complete."""
        job = Job(self.work, "requeue.sbatch", GRID, self.reference, "--set", "train.epochs=2", options=("--ntasks=2",)).ended()
        self.assert_state(job, "FAILED", "2:0")
        self.assertIn("was 1, now 2", job.text())


if __name__ == "__main__":
    shutil.which("sbatch") or sys.exit("slurm_jobs.py: run it inside cluster/slurm-box.py")
    unittest.main(verbosity=2)
