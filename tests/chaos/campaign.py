#!/usr/bin/env python3
"""A kill campaign: a real grid under mpirun -np 3, SIGKILL for a random process at a random moment, again and again until the kills are
used up; killed runs are resumed until they are done. After every kill: nothing of the victim survives it, every file is readable, no
task that was done has become undone. At the end of every run: no process is left; nor a temporary file, if nothing was killed in it. At the
end of every grid: all columns that do not measure time or place are those of an undisturbed run.

As root, among the victims is the disk: it becomes full at a random moment. The run ends by itself, with exit code 3, and no task is failed by
it; then there is room again, and the next run continues.

The plan follows from the seed; what it meets depends on the machine. Exit code 0 only if every promise was kept.

  tests/chaos/campaign.py --kills 20 --seed 1           the program is $ESPALIER_BIN
  tests/chaos/campaign.py --kills 20 --seed 1 --plan    only shows the plan
"""
import argparse
import collections
import json
import os
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass

import h5py

import journal
import processes

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "app"))
from harness import ENVIRONMENT, PROGRAM, espalier, steady, table  # noqa: E402

GRID = HERE / "grid.yaml"
VICTIMS = ("master", "worker", "child", "server", "mpirun") + (("disk",) if os.geteuid() == 0 else ())  # small disks need root
DISK_BYTES = 1 << 28
MODES = {"default": [], "recovery": ["--mca", "orte_enable_recovery", "1"]}
ORPHAN_SECONDS = 10   # mpirun needs 2 s to end the ranks of a broken job
END_SECONDS = 90      # an undisturbed run takes 5 s on two free cores


@dataclass(frozen=True)
class Kill:
    mode: str      # of the run that it hits
    victim: str
    pick: float    # which of several
    delay: float   # s, since the run has begun to work or since the kill before


def make_plan(seed, kills, modes):
    """Every kind of victim equally often in every mode, in random order."""
    source = random.Random(seed)
    hits = [(mode, victim) for mode in modes for victim in VICTIMS]
    hits = [hits[i % len(hits)] for i in range(kills)]
    source.shuffle(hits)
    return [Kill(mode, victim, source.random(), round(source.uniform(0.0, 1.5), 2)) for mode, victim in hits]


class Campaign:
    def __init__(self, plan, folder):
        self.plan = list(plan)
        self.folder = folder
        self.marker = f"ESPALIER_CHAOS={folder.name}-{os.getpid()}"
        self.disk, self.temporary = folder / "disk", folder / "tmp"
        for path in (self.disk, self.temporary):
            path.mkdir()
        if "disk" in VICTIMS:
            subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", str(self.disk)], check=True)
        self.environment = dict(ENVIRONMENT, ESPALIER_MPI_INIT_SECONDS="5", TMPDIR=str(self.temporary), **dict([self.marker.split("=")]))
        self.begin = time.monotonic()
        self.used = collections.Counter()
        self.violations = collections.Counter()
        self.runs = self.grids = self.observed = 0
        self.known = {}  # key -> start time of what the current grid's journal called done

    def say(self, text):
        print(f"[{time.monotonic() - self.begin:7.1f} s] {text}", flush=True)

    def violation(self, kind, text):
        self.violations[kind] += 1
        self.say(f"VIOLATION, {kind}: {text}")

    # ---- one run

    def start(self, mode):
        self.runs += 1
        log = self.folder / f"run-{self.runs:03}.log"
        command = ["setpriv", "--pdeathsig", "KILL", "mpirun", "--quiet", "--oversubscribe", "--bind-to", "none", *MODES[mode], "-np", "3", PROGRAM, "run", str(GRID),
                   "--out", str(self.out), "--retry", "failed", "--quiet", "--silence", "15"]
        litter = set(self.temporary.glob("espalier-*"))
        with open(log, "w") as output:
            run = subprocess.Popen(command, env=self.environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                                   start_new_session=True)
        run.log, run.mode, run.kills, run.litter = log, mode, 0, litter
        return run

    def wait_for_work(self, run):
        """Until every rank is there, or the run has ended."""
        while run.poll() is None and len(processes.roles(processes.marked(self.marker), run.pid)["server"]) < 2:
            time.sleep(0.02)

    def find_victim(self, run, kill):
        """A process of the wanted kind; children come and go, so they are waited for a moment."""
        end = time.monotonic() + 2
        while run.poll() is None:
            everybody = processes.marked(self.marker)
            found = processes.roles(everybody, run.pid)[kill.victim]
            if found:
                return found[int(kill.pick * len(found))], everybody
            if time.monotonic() > end:
                break
            time.sleep(0.01)
        return None, []

    def strike(self, run, kill):
        """Whether the kill met a living victim; if so, what must die with it is gone, and the files are whole."""
        victim, everybody = self.find_victim(run, kill)
        if victim is None or not processes.kill(victim):
            return False
        self.used[kill.mode, kill.victim] += 1
        run.kills += 1
        number = sum(self.used.values())
        self.say(f"kill {number:3}: {kill.victim} (process {victim.pid}, rank {victim.rank}), {kill.mode} mode, grid {self.grids + 1}")
        family = everybody if kill.victim == "mpirun" else [victim, *processes.below(everybody, victim)]
        for orphan in processes.survivors(family, ORPHAN_SECONDS):
            self.violation("orphan", f"process {orphan.pid} ({orphan.name}, rank {orphan.rank}) outlives its {kill.victim}")
        self.look_at_files()
        return True

    def resize_disk(self, size):
        return subprocess.run(["mount", "-o", f"remount,size={size}", str(self.disk)], stderr=subprocess.DEVNULL).returncode == 0

    def fill_disk(self, run, kill):
        """Leaves up to 64 KiB. False if the run has ended before."""
        while run.poll() is None:
            disk = os.statvfs(self.disk)
            if self.resize_disk((disk.f_blocks - disk.f_bfree) * disk.f_frsize + int(kill.pick * 16) * 4096):
                self.used[kill.mode, kill.victim] += 1
                self.say(f"kill {sum(self.used.values()):3}: disk full, {kill.mode} mode, grid {self.grids + 1}")
                return True
        return False

    def after_full_disk(self, run):
        """The run has ended: of it, if it needed more room than there was; and nobody else is blamed."""
        said = run.log.read_text(errors="replace")
        ended_by_it = "No space left on device" in said
        # Before the directory was made there was no task.
        if ended_by_it and "No task has failed by this" not in said and "the same command continues" not in said:
            self.violation("full disk", f"run {self.runs} does not say what to do; its log ends:\n{tail(run.log)}")
        if ended_by_it and run.kills == 0 and run.mode == "default" and run.returncode != 3:  # in recovery mode mpirun returns 0
            self.violation("full disk", f"run {self.runs} ended with exit code {run.returncode}")
        if not ended_by_it and run.kills == 0 and not self.is_complete():
            self.violation("full disk", f"run {self.runs} is not complete and does not say why; its log ends:\n{tail(run.log)}")
        if (self.out / "run.journal").exists():
            status = json.loads(espalier("status", self.out, "--failed", "--json").stdout)
            for task in status["failed_tasks"]:
                if task["error_kind"] not in ("crashed", "worker", "parent") or "No space" in task["message"]:
                    self.violation("full disk", f"a task is failed: {task['error_kind']}: {task['message']}")
        self.look_at_files()
        self.resize_disk(DISK_BYTES)

    def end_of(self, run):
        """Waits for the run; nothing of it may be left."""
        try:
            run.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            self.violation("hang", f"run {self.runs} has not ended after {END_SECONDS} s; its log ends:\n{tail(run.log)}")
        left = processes.survivors(processes.marked(self.marker), ORPHAN_SECONDS) if run.poll() is not None else []
        for orphan in left:
            self.violation("orphan", f"process {orphan.pid} ({orphan.name}, rank {orphan.rank}) outlives its run")
        for process in processes.marked(self.marker):
            processes.kill(process)
        run.wait()
        if run.kills > 0:  # of a sandbox and its server, the one removes what the other leaves; of both, a start a minute later
            return
        for path in set(self.temporary.glob("espalier-*")) - run.litter:
            self.violation("litter", f"{path.name} outlives its run")
            shutil.rmtree(path)

    # ---- what must hold

    def look_at_files(self):
        if not (self.out / "run.journal").exists():
            return
        now = journal.read(self.out / "run.journal")
        for key, started in self.known.items():
            if key not in now.durable:
                self.violation("lost", f"task {key} was done and is no longer")
            elif now.durable[key] != started:
                self.violation("run twice", f"task {key} was done and has another start time now")
        self.observed += len(now.durable.keys() - self.known.keys())
        self.known = now.durable
        for path in [*self.out.glob("parts/*/*.h5"), *self.out.glob("results.h5")]:
            try:
                with h5py.File(path, "r") as file:
                    file.visititems(lambda name, item: item[()] if isinstance(item, h5py.Dataset) else None)
            except OSError as error:
                self.violation("unreadable", f"{path.relative_to(self.out)}: {error}")
        status = espalier("status", self.out, "--json")
        if status.returncode != 0:
            self.violation("unreadable", f"espalier status returns {status.returncode}: {status.stderr}")
        check = espalier("check", self.out)
        problems = [line for line in (check.stdout + check.stderr).splitlines() if "problem:" in line or "error:" in line]
        problems = [line for line in problems if "since it was written" not in line]  # an earlier run's results.h5, whole but old
        if (self.out / "results.h5").exists() and problems:
            self.violation("unreadable", "espalier check: " + "; ".join(problems))

    def is_complete(self):
        return espalier("status", self.out, "--exit-code").returncode == 0

    def finish_grid(self):
        """The grid in self.out is done: compare it."""
        self.look_at_files()
        for key in journal.read(self.out / "run.journal").twice:
            self.violation("run twice", f"the journal holds a second outcome of task {key}")
        check = espalier("check", self.out)
        if check.returncode != 0:
            self.violation("check", f"espalier check returns {check.returncode}: {check.stdout}{check.stderr}")
        for name in ("solves", "networks", "stages"):
            ours, expected = steady(self.out, name), steady(self.reference, name)
            for column in expected:
                if ours.get(column) != expected[column]:
                    self.violation("different", f"column {name}.{column}")
        shutil.rmtree(self.out)
        self.grids += 1
        self.known = {}

    # ---- the whole

    @property
    def out(self):
        return self.disk / f"grid-{self.grids + 1}"

    @property
    def reference(self):
        return self.folder / "reference"

    def one_run(self):
        """A run that meets the plan's next kills of its mode; at the end of the plan, one without."""
        mode = self.plan[0].mode if self.plan else "default"
        run = self.start(mode)
        self.wait_for_work(run)
        misses = 0
        while self.plan and self.plan[0].mode == mode and run.poll() is None and misses < 20:  # training comes first
            time.sleep(self.plan[0].delay)
            if self.plan[0].victim == "disk":
                filled = self.fill_disk(run, self.plan[0])
                self.end_of(run)
                if filled:
                    self.plan.pop(0)
                    self.after_full_disk(run)
                break
            if self.strike(run, self.plan[0]):
                misses = 0
                self.plan.pop(0)
            elif run.poll() is None:  # no such process here and now: its turn comes again
                misses += 1
                self.plan.append(self.plan.pop(0))
        self.end_of(run)
        if self.is_complete():
            self.finish_grid()

    def close(self):
        if "disk" in VICTIMS:
            subprocess.run(["umount", "--lazy", str(self.disk)], check=True)

    def run(self):
        result = espalier("run", GRID, "--out", self.reference, "--quiet")
        if result.returncode != 0:
            sys.exit(f"campaign.py: the undisturbed run failed:\n{result.stderr}")
        self.say(f"undisturbed run: {len(table(self.reference, 'stages'))} tasks")
        while self.plan or self.out.exists():
            self.one_run()
        return self.report()

    def report(self):
        print(f"{self.used.total()} kills in {self.runs} runs of {self.grids} grids, {time.monotonic() - self.begin:.0f} s")
        for mode in MODES:
            print(f"  {mode} mode: " + ", ".join(f"{victim} {self.used[mode, victim]}" for victim in VICTIMS))
        print(f"{self.observed} outcomes were seen durable between kills")
        print(", ".join(f"{self.violations[kind]} {kind}" for kind in ("lost", "run twice", "unreadable", "orphan", "hang", "check", "different", "full disk", "litter")))
        return 1 if self.violations else 0


def tail(path):
    return "\n".join(path.read_text(errors="replace").splitlines()[-10:])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--modes", default="default,recovery", help="of mpirun: default, recovery or both")
    parser.add_argument("--plan", action="store_true", help="show the plan and end")
    parser.add_argument("--keep", action="store_true", help="keep the folder with the runs' logs, which a failed campaign keeps anyway")
    arguments = parser.parse_args()
    modes = arguments.modes.split(",")
    if not set(modes) <= set(MODES):
        parser.error(f"--modes: expected {', '.join(MODES)}, found '{arguments.modes}'")
    plan = make_plan(arguments.seed, arguments.kills, modes)
    print(f"seed {arguments.seed}, {arguments.kills} kills")
    for number, kill in enumerate(plan, 1):
        print(f"  {number:3}: after {kill.delay:.2f} s {kill.victim} ({kill.pick:.2f}), {kill.mode} mode")
    if arguments.plan:
        return 0
    folder = pathlib.Path(tempfile.mkdtemp(prefix="espalier-chaos-"))
    campaign = Campaign(plan, folder)
    try:
        code = campaign.run()
    finally:
        campaign.close()
    if code == 0 and not arguments.keep:
        shutil.rmtree(folder)
    else:
        print(f"kept: {folder}")
    return code


if __name__ == "__main__":
    sys.exit(main())
