"""A small run in which one file system call fails, for the n-th call of each kind and several errors; then the same command again.

Whatever fails: the run ends, with exit code 0 only if everything is done and durable, else with 3, and no task is failed by it; what it said
was done is in the journal and is not done again; and the same command, when the disk is well again, completes with the rows of an undisturbed
run.

Usage: faults_test.py LIBRARY [--all] [--samples N] [--only CALL]     --all: every n; otherwise N of them per call and error
The program is $ESPALIER_BIN, the data $ESPALIER_DATA.
"""
import argparse
import errno
import os
import pathlib
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "app"))
from harness import DATA, ENVIRONMENT, PROGRAM, TINY, espalier, steady  # noqa: E402

SHORT = 0  # a short write
HARMLESS = (SHORT, errno.EINTR)
# What fails: the call, its error, whether all later ones fail as well, and on which files ("": all of the output directory; or a folder).
CASES = [("write", errno.ENOSPC, True, ""), ("write", errno.ENOSPC, False, ""), ("write", errno.EIO, False, ""),
         ("write", errno.EINTR, False, ""), ("write", SHORT, False, ""), ("sync", errno.EIO, False, ""), ("sync", errno.EINTR, False, ""),
         ("sync", errno.ENOSPC, True, ""), ("rename", errno.ENOSPC, False, ""), ("rename", errno.EIO, True, ""),
         ("open", errno.EIO, False, ""), ("open", errno.ENOSPC, True, ""), ("open", errno.EINTR, False, ""), ("close", errno.EIO, False, ""),
         ("close", errno.ENOSPC, False, ""), ("close", errno.EINTR, False, ""),
         ("write", errno.EDQUOT, True, ""), ("write", errno.EROFS, True, ""), ("open", errno.EROFS, True, ""), ("mkdir", errno.ENOSPC, False, ""),
         ("mkdir", errno.EDQUOT, True, ""), ("read", errno.EIO, False, ""), ("read", errno.EINTR, False, ""), ("read", errno.EIO, True, DATA),
         ("write", errno.ENOSPC, False, "run.journal"), ("write", SHORT, False, "run.journal"), ("sync", errno.EIO, False, "run.journal")]
COMMAND = ["run", str(TINY), "--quiet", "--set", "prune.criterion=none", "--set", "solve.node_limit=0"]
SECONDS = 120


def journal_outcomes(out):
    """Done tasks of the journal, key -> start time: read without the program's code (layout: espalier/store/journal.hpp)."""
    path = out / "run.journal"
    if not path.exists():
        return {}
    data, at, done = path.read_bytes(), 64, {}
    while at + 16 <= len(data):
        length, kind = struct.unpack_from("<II", data, at)
        if at + 16 + length > len(data):
            break
        if kind == 2 and data[at + 8] == 0:
            high, low, started = struct.unpack_from("<QQd", data, at + 12)
            done[f"{high:016x}{low:016x}"] = started
        at += 16 + length
    return done


def name_of(case):
    call, error, stays, where = case
    return f"{call} {errno.errorcode.get(error, 'short')}{' from there on' if stays else ''}{' in ' + where if where else ''}"


class Faults:
    def __init__(self, library, folder):
        self.library, self.folder = library, folder
        self.reference = folder / "reference"
        result = espalier(*COMMAND, "--out", self.reference)
        assert result.returncode == 0, result.stderr
        self.rows = self.rows_of(self.reference)
        self.tasks = len(journal_outcomes(self.reference))
        self.problems = []
        self.calls = {}

    @staticmethod
    def rows_of(out):
        return {name: steady(out, name) for name in ("solves", "networks", "stages")}

    def run(self, out, case, at):
        """The command with the library loaded; its result and the number of calls that were counted."""
        call, error, stays, where = case
        state = self.folder / "state"
        state.write_bytes(bytes(8))
        environment = dict(ENVIRONMENT, LD_PRELOAD=str(self.library), FAULTS_DIR=str(out / where), FAULTS_STATE=str(state), FAULTS_CALL=call,
                           FAULTS_AT=str(at), FAULTS_ERROR=str(error), FAULTS_STAYS=str(int(stays)))
        result = espalier(*COMMAND, "--out", out, env=environment, timeout=SECONDS)
        return result, struct.unpack("<q", state.read_bytes())[0]

    def count(self, case):
        call, where = case[0], case[3]
        if (call, where) not in self.calls:
            out = self.folder / "counted"
            result, calls = self.run(out, case, 0)
            assert result.returncode == 0, result.stderr
            assert calls > 0, f"no {call} was seen: is {self.library} loaded?"
            self.calls[call, where] = calls
            shutil.rmtree(out)
        return self.calls[call, where]

    def check(self, case, at):
        out = self.folder / "out"
        name = f"{name_of(case)}, call {at}"
        complaints = []

        def expect(condition, what):
            if not condition:
                complaints.append(what)

        try:
            result, _ = self.run(out, case, at)
            self.check_end(out, result, case[1], expect)
            done = journal_outcomes(out)
            again = espalier(*COMMAND, "--out", out, timeout=SECONDS)
            expect(again.returncode == 0, f"the second run: exit code {again.returncode}\n{again.stderr}")
            if again.returncode == 0:
                expect(self.rows_of(out) == self.rows, "other rows after the second run")
                expect(done.items() <= journal_outcomes(out).items(), "a task whose record was durable ran again")
                expect(not list(out.rglob("*.tmp")), "temporary files are left")
        except subprocess.TimeoutExpired:
            complaints.append(f"no end within {SECONDS} s")
            result = None
        if complaints:
            self.problems.append(name)
            print(f"PROBLEM {name}: {'; '.join(complaints)}\n{result.stderr if result else ''}", flush=True)
        shutil.rmtree(out, ignore_errors=True)
        return result.returncode if result else None

    def check_end(self, out, result, error, expect):
        code = result.returncode
        expect(code in ((0,) if error in HARMLESS else (0, 3)), f"exit code {code}")
        said = re.search(r"^(\d+) done, (\d+) failed, (\d+) left", result.stderr, re.MULTILINE)
        expect(not said or int(said[1]) <= len(journal_outcomes(out)), "more was said to be done than the journal holds")
        if code == 0:
            expect(len(journal_outcomes(out)) == self.tasks, "exit code 0, but the journal is not complete")
            checked = espalier("check", out)
            expect(checked.returncode == 0, f"exit code 0, but check says: {checked.stdout}")
        if code == 3:
            expect(" failed" not in result.stderr.replace("0 failed", "").replace("No task has failed", ""), "a task failed")
            expect(os.strerror(error) in result.stderr, "the reason is not said")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("library", type=pathlib.Path)
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--samples", type=int, default=1)
    parser.add_argument("--only")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        faults = Faults(options.library.resolve(), pathlib.Path(folder).resolve())
        runs = 0
        for number, case in enumerate(CASES):
            if options.only and case[0] != options.only:
                continue
            begin, calls, codes = time.monotonic(), faults.count(case), {}
            places = range(1, calls + 1)
            if not options.all and case[3] != "run.journal":  # evenly spread, at other places for every case; of the journal, all
                places = sorted({1 + int((i + (number * 0.37) % 1) * calls / options.samples) for i in range(options.samples)})
            for at in places:
                code = faults.check(case, at)
                codes[code] = codes.get(code, 0) + 1
                runs += 1
            print(f"{name_of(case)}: {len(places)} of {calls} calls, exit codes {codes}, {time.monotonic() - begin:.0f} s", flush=True)
        print(f"{runs} runs, {len(faults.problems)} problems")
        return 1 if faults.problems else 0


if __name__ == "__main__":
    sys.exit(main())
