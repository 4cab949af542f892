"""`espalier solve` alone and under mpirun: the same rows, and what ends it early. Rank counts: 1, 2 and 3."""
import os
import pathlib
import shutil
import signal
import subprocess
import time
import unittest

import h5py

from harness import ENVIRONMENT, PROBLEMS, PROGRAM, Case, json_lines
from solve_command import small_problems


def kill_a_worker(mark):
    """One rank other than 0 of the processes with that mark in their environment; only ranks have a rank there, and no parent with one."""
    ranks = {}
    for process in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            environment = dict(word.split("=", 1) for word in (process / "environ").read_text().split("\0") if "=" in word)
            parent = int((process / "stat").read_text().rsplit(")", 1)[1].split()[1])
        except (OSError, UnicodeDecodeError):
            continue
        if environment.get("ESPALIER_TEST_MARK") == mark and "OMPI_COMM_WORLD_RANK" in environment:
            ranks[int(process.name)] = (parent, environment["OMPI_COMM_WORLD_RANK"])
    workers = [pid for pid, (parent, rank) in ranks.items() if rank != "0" and parent not in ranks]
    os.kill(workers[0], signal.SIGKILL)
    return ranks[workers[0]][1]


class Ranks(Case):
    """The same rows in the same order, whoever solves them."""
    names = [word for name in small_problems() for word in ("--problem", name)]

    def rows(self, *arguments, **options):
        def steady(row):
            return {key: value for key, value in row.items() if "seconds" not in key}
        return [steady(row) for row in json_lines(self.run_ok("solve", PROBLEMS, *self.names, *arguments, "--json", **options).stdout)]

    def test_rows_do_not_depend_on_ranks(self):
        alone = self.rows()
        for ranks in (1, 2, 3):
            self.assertEqual(self.rows(ranks=ranks), alone)

    def test_a_problem_that_is_asked_for_twice_is_solved_once_and_told_twice(self):
        name = self.names[1]
        first, other, again = json_lines(self.run_ok("solve", PROBLEMS, "--problem", name, "--problem", self.names[3], "--problem", name,
                                                     "--json").stdout)
        self.assertEqual(first, again)
        self.assertNotEqual(first["problem"], other["problem"])

    def test_faults_are_told_once_under_mpirun(self):
        for arguments, says in (((self.folder / "none.h5",), "No such file or directory"), ((PROBLEMS, "--problem", "x"), "--problem: expected"),
                                ((PROBLEMS, "--solver", "external:nosuch {model} {solution}"), "found no 'nosuch' in PATH")):
            result = self.run_ok("solve", *arguments, code=2, ranks=3)
            self.assertEqual(result.stderr.count(says), 1, result.stderr)
            self.assertEqual(result.stdout, "")

    def start(self, *arguments, ranks=None, **variables):
        launcher = [] if ranks is None else ["mpirun", "--oversubscribe", "--enable-recovery", "-np", str(ranks)]
        environment = dict(ENVIRONMENT, ESPALIER_EXIT_CODE_FILE=str(self.code), **variables)
        process = subprocess.Popen([*launcher, PROGRAM, "solve", *[str(a) for a in arguments]], env=environment, text=True,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.stderr.close)
        return process

    def setUp(self):
        super().setUp()
        self.code = self.folder / "code"

    def ended(self, process, code):
        """What it has printed since the last look, and its errors. (communicate() would lose what readline() has read ahead.)"""
        output, errors = process.stdout.read(), process.stderr.read()
        process.wait(timeout=60)
        self.assertEqual(self.code.read_text(), f"{code}\n", errors)
        self.assertEqual(process.returncode, 0 if process.args[0] == "mpirun" else code, "mpirun in recovery mode returns 0")
        return output, errors

    def test_a_killed_worker_costs_nothing(self):
        process = self.start(PROBLEMS, "--json", "--solver", "cbc", "--time-limit", "2", ranks=3, ESPALIER_TEST_MARK=str(self.folder))
        first = process.stdout.readline()
        rank = kill_a_worker(str(self.folder))
        rest, errors = self.ended(process, 0)
        rows = json_lines(first + rest)
        with h5py.File(PROBLEMS) as file:
            self.assertEqual([row["problem"] for row in rows], sorted(file))
        self.assertLessEqual({row["status"] for row in rows}, {"optimal", "optimal_claimed", "limit"})
        self.assertRegex(errors, f"rank {rank} .*lost")

    # Rank count: 3. mpirun passes on SIGUSR1 only (jobs/run-mpi.sh).
    def test_a_stop(self):
        for ranks, number in ((None, signal.SIGINT), (3, signal.SIGUSR1)):
            process = self.start(PROBLEMS, "--json", "--solver", "cbc", ranks=ranks)
            first = process.stdout.readline()
            process.send_signal(number)
            rest, errors = self.ended(process, 75)
            answered = [row["problem"] for row in json_lines(first + rest)]
            self.assertIn(f"Stopped early: {len(answered)} of 17 problems are answered.", errors)
            self.assertLess(len(answered), 17)
            self.assertEqual(answered, sorted(answered))

    # Rank count: 3.
    def test_a_stop_while_the_files_are_read(self):
        os.mkfifo(self.folder / "waits.h5")  # for somebody who writes into it
        for ranks, number in ((None, signal.SIGINT), (3, signal.SIGUSR1)):
            self.code.unlink(missing_ok=True)
            process = self.start(self.folder / "waits.h5", ranks=ranks)
            while not self.code.exists():
                self.assertIsNone(process.poll())
                time.sleep(0.02)
            process.send_signal(number)
            output, errors = self.ended(process, 75)
            self.assertEqual(output, "")
            self.assertIn("Stopped early: the problem files were still being read.", errors)

    # Rank count: 3.
    def test_nothing_is_written(self):
        here = self.folder / "here"
        here.mkdir()
        for ranks in (None, 3):
            self.run_ok("solve", PROBLEMS, "--problem", self.names[1], ranks=ranks, cwd=here)
            self.assertEqual(list(here.iterdir()), [])

    def test_processes_that_mpi_does_not_connect_are_told_so_once(self):
        for task, times in (("0", 1), ("1", 0)):
            result = self.run_ok("solve", PROBLEMS, *self.names[:2], env=dict(ENVIRONMENT, SLURM_STEP_NUM_TASKS="4", SLURM_PROCID=task))
            self.assertEqual(result.stderr.count("one of 4 processes that were started together, but MPI does not connect them: each solves its "
                                                 "problems by itself."), times, result.stderr)

    def test_a_file_that_vanishes_costs_its_own_problems(self):
        one, two = self.folder / "one.h5", self.folder / "two.h5"
        for path in (one, two):
            shutil.copy(PROBLEMS, path)
        solver = self.folder / "solver.sh"
        solver.write_text(f"#!/bin/sh\nrm -f {one}\nexit 9\n")
        solver.chmod(0o755)
        first, gone, other = json_lines(self.run_ok("solve", one, two, *self.names[:2], "--problem", "mnist_14_2x16_0", "--solver",
                                                    f"external:{solver} {{model}} {{solution}}", "--json", code=1).stdout)[:3]
        self.assertIn("returned 9", first["detail"])
        self.assertIn("returned 9", gone["detail"])
        self.assertEqual((other["file"], other["status"], other["reason"]), (str(one), "error", "data"))
        self.assertIn("No such file or directory", other["detail"])

    def test_nobody_reads_the_rows(self):
        process = subprocess.Popen([PROGRAM, "solve", PROBLEMS], env=ENVIRONMENT, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        process.stdout.readline()
        process.stdout.close()
        self.assertEqual(process.stderr.read(), "")
        self.assertEqual(process.wait(timeout=60), -signal.SIGPIPE)


if __name__ == "__main__":
    unittest.main()
