#!/usr/bin/python3
"""What a solve costs in the farm beside its search: small decisions by bab under mpirun with three ranks, journal on.

    solve_cost.py PROGRAM [OTHER...] [--rounds 3] [--images 1000] [--epsilon 5] [--out FOLDER]

The programs take turns. Per run: solves per second from the first solve's start to the last one's end; medians over the solves of the search
(solve_seconds) and the stage (wall). CPU time beside the search: inside, of the process that solves (cpu_seconds - solve_seconds, median; too
small where the search had to wait for its core), and outside, of all other processes, master and workers included, per solve. What is "per
solve" is beyond a run with a tenth of the solves, as are user and system time of everything and the bytes of the journal. The last column is
the machine's load: solves per second and the stage's wall time mean something on quiet cores only. Environment: ESPALIER_DATA. Debian's
python3-h5py.
"""
import argparse
import os
import pathlib
import resource
import shutil
import subprocess
import tempfile

import h5py
import numpy

CONFIG = """
name: solve-cost
parameters:
  dataset: {{name: fashion-mnist, side: 18}}
  network: {{depth: 2, width: 32}}
  train: {{epochs: 2}}
  problem: {{epsilon: {epsilon}}}
  solve: {{solver: bab, goal: decide, time_limit: 60}}
grid:
  - product:
      train.seed: [0, 1, 2, 3]
      problem.sample_index: {{range: [0, {last}, 1]}}
"""


def run(program, folder, images, epsilon):
    shutil.rmtree(folder, ignore_errors=True)
    config = folder.with_suffix(".yaml")
    config.write_text(CONFIG.format(last=images - 1, epsilon=epsilon))
    environment = os.environ | {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "OMPI_MCA_rmaps_base_oversubscribe": "1",
                                "OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(["mpirun", "-n", "3", program, "run", config, "--out", folder], check=True, env=environment, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    with h5py.File(folder / "results.h5") as file:
        stages, solves = file["stages"][:], file["solves"][:]
    mine = stages[stages["kind"] == b"solve"]
    assert (mine["status"] == b"done").all()
    search = solves["solve_seconds" if "solve_seconds" in solves.dtype.names else "total_seconds"]  # the latter before 2026-11-26
    span = (mine["started"] + mine["wall_seconds"]).max() - mine["started"].min()
    return {"solves": len(mine), "rate": len(mine) / span, "search": 1e3 * numpy.median(search), "stage": 1e3 * numpy.median(mine["wall_seconds"]),
            "inside": 1e3 * numpy.median(mine["cpu_seconds"] - search), "stages": stages["cpu_seconds"].sum(),
            "user": after.ru_utime - before.ru_utime, "system": after.ru_stime - before.ru_stime,
            "journal": (folder / "run.journal").stat().st_size}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("programs", nargs="+", metavar="PROGRAM", type=pathlib.Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--images", type=int, default=1000)
    parser.add_argument("--epsilon", type=float, default=5)
    parser.add_argument("--out", type=pathlib.Path, help="keeps the output directories")
    options = parser.parse_args()
    folder = options.out or pathlib.Path(tempfile.mkdtemp(prefix="solve-cost-"))
    print(f"{'program':12} {'solves':>6} {'per s':>7} {'search ms':>10} {'stage ms':>9} {'inside ms':>10} {'outside ms':>11} {'user ms':>8} {'system ms':>10}"
          f" {'journal bytes':>14} {'load':>5}")
    for _ in range(options.rounds):
        for program in options.programs:
            few = run(program, folder / "few", options.images // 10, options.epsilon)
            many = run(program, folder / program.name, options.images, options.epsilon)
            more = many["solves"] - few["solves"]
            extra = {name: (many[name] - few[name]) / more for name in ("user", "system", "stages", "journal")}
            outside = extra["user"] + extra["system"] - extra["stages"]
            print(f"{program.name:12} {many['solves']:6} {many['rate']:7.1f} {many['search']:10.2f} {many['stage']:9.2f} {many['inside']:10.2f}"
                  f" {1e3 * outside:11.2f} {1e3 * extra['user']:8.2f} {1e3 * extra['system']:10.2f} {extra['journal']:14.0f} {os.getloadavg()[0]:5.1f}",
                  flush=True)
    if not options.out:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
