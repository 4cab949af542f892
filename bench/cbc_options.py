#!/usr/bin/env python3
"""Is the `cbc` command line right, with which options, and how fast? On problems whose maximum is known.

usage: cbc_options.py ESPALIER PROBLEMS.h5 OUT.tsv [--models big-m-literal:interval-box big-m-literal:interval] [--options NAME...] [--limit 60]
       cbc_options.py --table OUT.tsv

A proven maximum that is more than 1e-5 from the known one is wrong, and so is a model called infeasible. With options that begin with
"stopped" Cbc has to stop by its own clock after a second; all others are stopped by CPU time (--limit), from outside. A second run does what
is missing, and again what a shorter limit had left open.
"""
import argparse
import collections
import json
import pathlib
import statistics
import subprocess
import sys

import engines
import h5py

FIELDS = ["options", "model", "problem", "limit", "status", "claimed", "verified", "bound", "optimum", "total_s", "wall_s", "detail"]
OPTIONS = {  # as words of cbc's command line, between the model and "solve"
    "defaults": "seconds {seconds}",
    "scaling-off": "scaling off seconds {seconds}",
    "preprocess-off": "preprocess off seconds {seconds}",
    "espalier": "scaling off timeMode elapsed increment 1e-7 seconds {seconds}",
    "both-off": "scaling off preprocess off timeMode elapsed increment 1e-7 seconds {seconds}",
    "stopped-wall": "scaling off timeMode elapsed seconds 1",
    "stopped-cpu": "scaling off seconds 1",
    "stopped-both-off": "scaling off preprocess off timeMode elapsed increment 1e-7 seconds 1",
}
TOLERANCE = 1e-5


def solve(program, path, name, options, model, limit):
    formulation, bounds = model.split(":")
    command = [program, "solve", str(path), "--problem", name, "--formulation", formulation, "--bounds", bounds, "--start", "none", "--json"]
    command += ["--solver", f"external:cbc {{model}} {OPTIONS[options]} solve solution {{solution}}"]
    command += ["--cpu-limit", str(limit), "--time-limit", str(100 * limit), "--check-share", "0"]
    row = json.loads(subprocess.run(command, capture_output=True, text=True, check=False).stdout.splitlines()[0])
    if "CPU time limit exceeded" in row["detail"]:  # from outside: to espalier an accident of the solver
        row.update(status="limit", detail="stopped by its CPU time")
    return row


def wrong(row):
    """Is the known maximum contradicted? An infeasible model is, since the clean input is a point of it: espalier refutes that claim itself."""
    optimum = float(row["optimum"])
    if row["status"] in ("optimal", "optimal_claimed") and abs(float(row["claimed"]) - optimum) > TOLERANCE:
        return True
    return float(row["bound"]) < optimum - TOLERANCE or "claimed infeasible" in row["detail"]


def table(rows):
    groups = collections.defaultdict(list)
    for row in rows:
        groups[row["options"], row["model"]].append(row)
    print(f"{'options':<28} {'model':<10} {'n':>3} {'proven':>6} {'open':>4} {'wrong':>5} {'median s':>9} {'sgm s':>8} {'max s':>8}  cbc MODEL ...")
    for (options, model), group in groups.items():
        total = [float(row["total_s"]) for row in group]
        count = collections.Counter(row["status"].removesuffix("_claimed") for row in group)
        print(f"{options:<28} {model:<10} {len(group):3} {count['optimal'] + count['robust']:6} {count['limit']:4} "
              f"{sum(map(wrong, group)):5} {statistics.median(total):9.3f} {engines.shifted_mean(total):8.3f} {max(total):8.2f}  {OPTIONS[options]}")
    for row in sorted(filter(wrong, rows), key=lambda row: (row["model"], row["options"])):
        said = "infeasible" if "claimed infeasible" in row["detail"] else f"{row['status']}, {row['claimed']}"
        print(f"wrong: {row['model']} {row['options']} {row['problem']}: {said}; known {float(row['optimum']):.6f}")


def main():
    if sys.argv[1:2] == ["--table"]:
        table(engines.read_table(sys.argv[2]))
        return
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("problems")
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--models", nargs="+", default=["big-m-literal:interval-box", "big-m-literal:interval"])
    parser.add_argument("--options", nargs="+", default=list(OPTIONS), choices=list(OPTIONS))
    parser.add_argument("--limit", type=float, default=60)
    options = parser.parse_args()
    rows = engines.Table(options.out, FIELDS, 3)
    with h5py.File(options.problems) as file:
        optima = {name: float(group.attrs["optimum"]) for name, group in file.items()}
    for words in options.options:
        for model in options.models:
            for name, optimum in optima.items():
                limit = 1.0 if words.startswith("stopped") else options.limit
                if rows.has((words, model, name), limit):
                    continue
                row = solve(options.program, options.problems, name, words, model, limit)
                values = [words, model, name, limit, row["status"], engines.number(row["claimed_objective"])]
                values += [engines.number(row["verified_objective"]), engines.number(row["dual_bound"]), optimum]
                rows.put([f"{v:.9g}" if isinstance(v, float) else v for v in values + [row["cpu_seconds"], row["seconds"], " ".join(row["detail"].split())]])


if __name__ == "__main__":
    main()
