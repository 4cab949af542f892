"""What surrounds a program: disks that are full or not shared, descriptors that are missing, readers that leave, signals."""
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time
import unittest

from harness import ENVIRONMENT, PROBLEMS, PROGRAM, TINY, Case

SMALL = ["--set", "prune.criterion=none", "--set", "solve.node_limit=0", "--quiet"]
PROBLEM = "mnist_18_2x24_0"


def shell(line, timeout=120, **variables):
    """A line of a shell, in which $E is the program."""
    return subprocess.run(["bash", "-c", line], env=dict(ENVIRONMENT, E=PROGRAM, TINY=str(TINY), **variables), capture_output=True, text=True,
                          timeout=timeout, stdin=subprocess.DEVNULL)


def leftovers(marker):
    """Living processes that have `marker` in their environment."""
    found = []
    for folder in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            state = (folder / "stat").read_text().rpartition(")")[2].split()[0]
            if state not in "ZX" and marker.encode() in (folder / "environ").read_bytes():
                found.append(folder.name)
        except OSError:
            continue
    return found


class Surrounded(Case):
    def setUp(self):
        super().setUp()
        self.marker = f"SURROUNDINGS={self.id()}-{os.getpid()}"
        self.scratch = self.folder / "tmp"
        self.scratch.mkdir()

    def line(self, text, code, **options):
        """Runs it; nothing of it may be left, neither a process nor a temporary file."""
        name, _, value = self.marker.partition("=")
        result = shell(text, TMPDIR=str(self.scratch), OUT=str(self.folder / "out"), **{name: value}, **options)
        self.assertEqual(result.returncode, code, f"{text}\nstdout:\n{result.stdout}\nstderr:\n{result.stderr}")
        end = time.monotonic() + 10
        while leftovers(self.marker) and time.monotonic() < end:
            time.sleep(0.05)
        self.assertEqual(leftovers(self.marker), [])
        self.assertEqual(list(self.scratch.iterdir()), [])
        return result


class Descriptors(Surrounded):
    def test_closed_standard_descriptors(self):
        run = f"run $TINY --out $OUT {' '.join(SMALL)}"
        self.line(f"$E {run} <&- >&- 2>&-", 0)
        self.run_ok("check", self.folder / "out")
        solved = self.line(f"$E solve {PROBLEMS} --problem {PROBLEM} --solver bab --json 2>&- <&-", 0)
        self.assertEqual(json.loads(solved.stdout)["problem"], PROBLEM)
        lost = self.line(f"$E solve {PROBLEMS} --problem {PROBLEM} --solver bab >&-", 3)
        self.assertIn("cannot write to standard output: Bad file descriptor", lost.stderr)

    def test_too_few_descriptors_are_refused_and_few_are_enough(self):
        run = f"$E run $TINY --out $OUT {' '.join(SMALL)}"
        refused = self.line(f"ulimit -n 11; {run}", 2)
        self.assertIn("expected a limit of at least 32 open files, found 11", refused.stderr)
        self.line(f"ulimit -n 32; {run}", 0)


class Output(Surrounded):
    def test_lost_output_is_an_error(self):
        for command in ("plan $TINY", "plan $TINY --json", "plan --parameters", "--help", f"solve {PROBLEMS} --problem {PROBLEM} --solver bab"):
            result = self.line(f"$E {command} > /dev/full", 3)
            self.assertIn("cannot write to standard output: No space left on device", result.stderr)
        self.line(f"$E run $TINY --out $OUT {' '.join(SMALL)} > /dev/full", 0)  # it prints nothing there
        for command in ("status $OUT", "status $OUT --json", "check $OUT", "report $OUT"):
            result = self.line(f"$E {command} > /dev/full", 3)
            self.assertIn("cannot write to standard output: No space left on device", result.stderr)

    def test_a_reader_that_leaves_ends_no_run(self):
        run = [w for w in SMALL if w != "--quiet"]
        self.line(f"set -o pipefail; ($E run $TINY --out $OUT {' '.join(run)} 2>&1; echo $? > {self.folder}/code) | true", 0)
        self.assertEqual((self.folder / "code").read_text(), "0\n")
        self.run_ok("check", self.folder / "out")
        self.line(f"$E plan --parameters | true; exit ${{PIPESTATUS[0]}}", 128 + signal.SIGPIPE)

    def test_a_hangup_stops_a_run_in_order(self):
        command = [PROGRAM, "run", str(TINY), "--out", str(self.folder / "out"), "--set", "train.epochs=500", *SMALL]
        run = subprocess.Popen(command, env=ENVIRONMENT, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        while not (self.folder / "out" / "plan.yaml").exists():
            self.assertIsNone(run.poll())
            time.sleep(0.02)
        run.send_signal(signal.SIGHUP)
        _, said = run.communicate(timeout=60)
        self.assertEqual(run.returncode, 75, said)
        self.assertIn("stopped by SIGHUP", said)

    def test_the_limit_of_a_files_size_is_an_error_like_a_full_disk(self):
        result = self.line(f"ulimit -f 16; $E run $TINY --out $OUT {' '.join(SMALL)}", 3)
        self.assertIn("File too large", result.stderr)
        self.assertIn("No task has failed", result.stderr)
        self.run_ok("run", TINY, "--out", self.folder / "out", *SMALL)


@unittest.skipUnless(os.geteuid() == 0, "NOT RUN: mounting small disks needs root")
class Disks(Surrounded):
    def mount(self, options):
        disk = self.folder / "disk"
        disk.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(disk)], check=True)
        self.addCleanup(subprocess.run, ["umount", "--lazy", str(disk)], check=True)
        return disk

    def check_no_task_failed(self, result, out):
        self.assertIn("No task has failed by this", result.stderr)
        self.assertIn("No space left on device", result.stderr)
        self.assertIn("then continue with:\n", result.stderr)
        status = json.loads(self.run_ok("status", out, "--json").stdout)
        self.assertEqual(sum(kind["failed"] for kind in status["stages"]), 0)
        self.assertGreater(sum(kind["left"] for kind in status["stages"]), 0)

    # Rank count: 3.
    def test_a_full_disk_fails_no_task(self):
        for ranks in (None, 3):
            disk = self.mount("size=64k") if ranks is None else self.folder / "disk"
            subprocess.run(["mount", "-o", "remount,size=64k", str(disk)], check=True)
            out = disk / f"out-{ranks}"
            self.check_no_task_failed(self.run_ok("run", TINY, "--out", out, "--quiet", code=3, ranks=ranks), out)
            subprocess.run(["mount", "-o", "remount,size=20m", str(disk)], check=True)
            self.run_ok("run", TINY, "--out", out, "--quiet", ranks=ranks)
            self.run_ok("check", out)
            shutil.rmtree(out)

    def test_a_disk_without_inodes_says_so(self):
        disk = self.mount("nr_inodes=12")
        self.check_no_task_failed(self.run_ok("run", TINY, "--out", disk / "out", "--quiet", code=3), disk / "out")

    # Rank count: 3, one of them with a disk of its own at the output directory's place.
    def test_a_rank_with_another_disk_is_refused_before_any_work(self):
        place = self.folder / "place"
        place.mkdir()
        hidden = self.folder / "hidden.sh"
        hidden.write_text(f'#!/bin/sh\nexec unshare -m sh -c \'mount -t tmpfs tmpfs "{place}" && exec "$@"\' sh "$@"\n')
        hidden.chmod(0o755)
        run = f"$E run $TINY --out {place}/out {' '.join(SMALL)}"
        both = self.line(f"mpirun -np 1 {run} : -np 2 {hidden} {run}", 3)
        self.assertRegex(both.stderr, "no worker can start:\n  rank 1 on .* expected a directory that all ranks share, with the lock of this run, "
                                      f"at '{place}/out', found none")
        self.assertIn("train: 0 of 2 done", both.stderr)
        one = self.line(f"mpirun -np 2 {run} : -np 1 {hidden} {run}", 0)
        self.assertRegex(one.stderr, "rank 2.* it does not see the output directory: expected a directory that all ranks share")
        self.run_ok("check", place / "out")

    # Rank count: 3, one of them without the problem file: its failures are tried again by the other worker.
    def test_a_rank_that_does_not_see_the_problems_fails_none(self):
        place = self.folder / "place"
        place.mkdir()
        shutil.copy(PROBLEMS, place)
        hidden = self.folder / "hidden.sh"
        hidden.write_text(f'#!/bin/sh\nexec unshare -m sh -c \'mount -t tmpfs tmpfs "{place}" && exec "$@"\' sh "$@"\n')
        hidden.chmod(0o755)
        solve = f"$E solve {place}/problems.h5 --goal decide --time-limit 5 --json"
        result = self.line(f"mpirun -np 2 {solve} : -np 1 {hidden} {solve}", 0)
        self.assertEqual(len(result.stdout.splitlines()), 17)
        self.assertNotIn('"error"', result.stdout)

    # Rank count: 3.
    def test_ranks_in_other_folders_use_the_masters(self):
        folders = [self.folder / name for name in ("a", "b")]
        for folder in folders:
            folder.mkdir()
        run = f"$E run $TINY --out out {' '.join(SMALL)}"
        self.line(f"mpirun -np 1 -wdir {folders[0]} {run} : -np 2 -wdir {folders[1]} {run}", 0)
        self.run_ok("check", folders[0] / "out")
        self.assertEqual(list(folders[1].iterdir()), [])


if __name__ == "__main__":
    outcome = unittest.main(verbosity=1, exit=False).result
    sys.exit(1 if not outcome.wasSuccessful() else 77 if outcome.skipped else 0)  # 77: counted as not run
