#!/usr/bin/env python3
"""Planning against the size of the grid: CPU seconds and peak memory of `espalier plan` on 10,000, 100,000 and 1,000,000 instances (100 training
seeds, 100 images, the rest repeated solves), of one program or of several in turn.

usage: planning.py ESPALIER [OTHER...]
"""
import os
import subprocess
import sys
import tempfile

GRID = """name: planning
parameters: {{dataset.name: mnist}}
grid: [{{product: {{train.seed: {seeds}, solve.seed: {solves}, problem.sample_index: {images}}}}}]
"""


def plan(program, path):
    child = subprocess.Popen([program, "plan", path], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    if status:
        sys.exit(f"{program} plan failed on {path}")
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def main():
    programs = sys.argv[1:] or sys.exit(__doc__)
    for number, program in enumerate(programs, 1):
        print(f"{number}: {program}")
    print(f"{'instances':>10} " + " ".join(f"{number:>3}: CPU s      MiB" for number in range(1, len(programs) + 1)))
    for solves in (1, 10, 100):
        with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
            file.write(GRID.format(seeds=list(range(100)), solves=list(range(solves)), images=list(range(100))))
            file.flush()
            runs = [[plan(program, file.name) for program in programs] for _ in range(3)]
        best = [min(run[i] for run in runs) for i in range(len(programs))]
        print(f"{10000 * solves:>10} " + " ".join(f"{seconds:>10.2f} {memory:>8.0f}" for seconds, memory in best))


if __name__ == "__main__":
    main()
