#!/usr/bin/env python3
"""`espalier report` on many rows: seconds and peak memory on 10,000, 100,000 and 1,000,000 rows of /solves (those of a result file, again and again,
each time of another image), of one program or of several in turn. Their reports must be equal.

usage: report_size.py RESULTS.h5 ESPALIER [OTHER...]
"""
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time

import h5py
import numpy as np


def grow(source, path, rows):
    with h5py.File(source) as old, h5py.File(path, "w") as new:
        new.attrs.update(old.attrs)
        for name in old:
            if name != "solves":
                old.copy(name, new)
        solves = old["solves"][:]
        many = np.tile(solves, -(-rows // len(solves)))[:rows]
        many["problem_sample_index"] = np.arange(rows) // len(solves) % 60000
        many["train_seed"] = np.arange(rows) // len(solves) // 60000
        new.create_dataset("solves", data=many, chunks=(1024,), compression="gzip", compression_opts=1).attrs.update(old["solves"].attrs)


def report(program, path):
    with tempfile.TemporaryFile() as text:
        start = time.monotonic()
        child = subprocess.Popen([program, "report", path], stdout=text)
        _, status, usage = os.wait4(child.pid, 0)
        seconds = time.monotonic() - start
        if status:
            sys.exit(f"{program} report failed on {path}")
        text.seek(0)
        return seconds, usage.ru_maxrss / 1024, text.read()


def main():
    source, programs = sys.argv[1], sys.argv[2:] or sys.exit(__doc__)
    for number, program in enumerate(programs, 1):
        print(f"{number}: {program}")
    print(f"{'rows':>10} " + " ".join(f"{number:>3}:      s      MiB" for number in range(1, len(programs) + 1)))
    for rows in (10_000, 100_000, 1_000_000):
        with tempfile.NamedTemporaryFile(suffix=".h5") as file:
            process = multiprocessing.get_context("spawn").Process(target=grow, args=(source, file.name, rows))  # its memory is not ours
            process.start()
            process.join()
            runs = [report(program, file.name) for program in programs]
        if len({text for _, _, text in runs}) > 1:
            sys.exit(f"the reports on {rows} rows differ")
        print(f"{rows:>10} " + " ".join(f"{seconds:>11.2f} {memory:>8.0f}" for seconds, memory, _ in runs))


if __name__ == "__main__":
    main()
