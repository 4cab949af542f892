#!/usr/bin/env python3
"""Does a solve end at its time limit, whatever it is doing then?

    limits.py ESPALIER [--limits 0.2 2 10] [--engines bab attack cbc ...] [--bounds ...] [--formulations ...] [--networks ...]

Random networks (He et al. 2015) on which bounds, model and search each take longer than the limits. One line per network, engine, formulation,
bounds and limit: seconds of the row, wall time of the whole command (it reads the network twice), what the row says, and whether the row's
seconds are within max(0.2 s, 2 %) of the limit. Every row must have a verified objective: the margin at the clean input at least.
Exit code 1 if a line is not as promised.
"""
import argparse
import json
import pathlib
import subprocess
import sys
import tempfile
import time

import h5py
import numpy as np

NETWORKS = {"784-100x6": [784] + [100] * 6 + [10], "784-1000x2": [784, 1000, 1000, 10], "784-3000x2": [784, 3000, 3000, 10]}
BOUNDS = ["interval-box", "interval", "crown", "alpha-crown", "obbt-lp", "obbt-mip"]
FORMULATIONS = ["big-m", "big-m-literal", "big-m-split"]


def write_problem(path, name, widths):
    random = np.random.default_rng(1)
    with h5py.File(path, "w") as file:
        group = file.create_group(name)
        image = random.random(widths[0]) * (random.random(widths[0]) < 0.3)
        h = image
        for k, (inputs, outputs) in enumerate(zip(widths, widths[1:])):
            layer = group.create_group(f"network/layer_{k}")
            weight = (random.normal(size=(outputs, inputs)) * (2 / inputs) ** 0.5).astype("f4")
            bias = (random.normal(size=outputs) * 0.1).astype("f4")
            layer["weight"], layer["bias"] = weight, bias
            h = weight @ h + bias
            if k + 2 < len(widths):
                h = np.maximum(h, 0)
        order = np.argsort(-h)
        group.attrs.update(norm="l1", epsilon=5.0, label=int(order[0]), target=int(order[1]))
        group["input"] = image


def solve(program, problem, limit, engine, formulation, bounds):
    command = [program, "solve", problem, "--json", "--solver", engine, "--time-limit", str(limit)]
    command += ["--formulation", formulation] if formulation else []
    command += ["--bounds", bounds] if bounds else []
    begin = time.time()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    wall = time.time() - begin
    row = json.loads(done.stdout) if done.stdout else {"seconds": wall, "status": f"exit {done.returncode}", "detail": done.stderr.strip()}
    return row, wall


def combinations(engines, formulations, bounds):
    for engine in engines:
        if engine in ("bab", "attack"):
            yield engine, None, None
        else:
            yield from ((engine, formulation, kind) for formulation in formulations for kind in bounds)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("--limits", nargs="+", type=float, default=[0.2, 2, 10])
    parser.add_argument("--engines", nargs="+", default=["bab", "attack", "cbc"])
    parser.add_argument("--formulations", nargs="+", default=FORMULATIONS, choices=FORMULATIONS)
    parser.add_argument("--bounds", nargs="+", default=BOUNDS, choices=BOUNDS)
    parser.add_argument("--networks", nargs="+", default=list(NETWORKS), choices=list(NETWORKS))
    options = parser.parse_args()

    print(f"{'network':<11} {'engine':<14} {'model':<6} {'bounds':<12} {'limit':>6} {'seconds':>8} {'over':>7} {'wall':>7}  "
          f"{'status':<9} {'why':<12} {'cut short':<14} {'verified':>9} {'dual bound':>11} {'nodes':>7}  promise")
    broken = 0
    with tempfile.TemporaryDirectory() as folder:
        for name in options.networks:
            problem = str(pathlib.Path(folder) / f"{name}.h5")
            write_problem(problem, name, NETWORKS[name])
            for engine, formulation, bounds in combinations(options.engines, options.formulations, options.bounds):
                for limit in options.limits:
                    row, wall = solve(options.program, problem, limit, engine, formulation, bounds)
                    over = row["seconds"] - limit
                    kept = over <= max(0.2, 0.02 * limit) and row.get("verified_objective") is not None and row.get("reason") != "hard_limit"
                    broken += not kept
                    number = lambda key, row=row: "-" if row.get(key) is None else f"{row[key]:.4g}"
                    print(f"{name:<11} {engine:<14} {formulation or '-':<6} {bounds or '-':<12} {limit:>6g} {row['seconds']:>8.3f} {over:>+7.3f} {wall:>7.2f}  "
                          f"{row['status']:<9} {row.get('reason', '-')[:12]:<12} {str(row.get('cut_short', '-')):<14} {number('verified_objective'):>9} "
                          f"{number('dual_bound'):>11} {number('nodes'):>7}  {'kept' if kept else 'BROKEN'}", flush=True)
    print(f"{broken} not as promised")
    return broken > 0


if __name__ == "__main__":
    sys.exit(main())
