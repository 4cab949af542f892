#!/usr/bin/env python3
"""Engines side by side on problem files: espalier solve --json, one problem after the other, on one core.

usage: engines.py ESPALIER PROBLEMS OUT.tsv ENGINE... [--goal decide] [--limit 60] [--sample 16] [--seed 1] [--again]
       engines.py --summary TSV...

ENGINE is solver:formulation:bounds (bab and attack need no more). --sample takes that many problems by a seeded draw, one from
each family of data set, side, depth and width before a second from any. A second run does what is missing, and again what a shorter
limit had left open; --again drops the named engines' rows of that goal first, for a new binary. Limits and times are CPU time, so that
other work on the machine does not count; bounds, model and process are in them.
"""
import argparse
import collections
import json
import math
import pathlib
import random
import statistics
import subprocess
import sys

import h5py

FIELDS = ["family", "sample", "engine", "goal", "limit", "status", "verified", "bound", "nodes", "first_s", "total_s", "wall_s"]


def read_table(path):
    lines = pathlib.Path(path).read_text(encoding="utf-8").splitlines()
    return [dict(zip(lines[0].split("\t"), line.split("\t"))) for line in lines[1:]]


class Table:
    """A file of rows, whose first columns are their key."""

    def __init__(self, path, fields, keys):
        self.path, self.fields, self.keys = path, fields, keys
        self.rows = {self.key(row): row for row in read_table(path)} if path.exists() else {}
        self.write()

    def key(self, row):
        return tuple(row[field] for field in self.fields[: self.keys])

    def has(self, key, limit):
        """Is there a row that a limit of so many seconds would not change? What a shorter one left open is worth another try."""
        row = self.rows.get(tuple(key))
        return row is not None and (row["status"] != "limit" or float(row["limit"]) >= limit)

    def put(self, values):
        row = dict(zip(self.fields, (f"{v:.6g}" if isinstance(v, float) else str(v) for v in values)))
        self.rows.pop(self.key(row), None)
        self.rows[self.key(row)] = row
        self.write()

    def drop(self, unwanted):
        self.rows = {key: row for key, row in self.rows.items() if not unwanted(row)}
        self.write()

    def write(self):
        lines = ["\t".join(self.fields)] + ["\t".join(row[field] for field in self.fields) for row in self.rows.values()]
        self.path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def read_problems(directory):
    """(family, image or, in a file of several, name, file, name), sorted."""
    problems = []
    place = pathlib.Path(directory)
    for path in sorted(place.glob("*.h5")) if place.is_dir() else [place]:
        with h5py.File(path) as file:
            for name, group in file.items():
                dataset = group.attrs["dataset"]
                dataset = dataset.decode() if isinstance(dataset, bytes) else dataset
                width = group["network/layer_0/bias"].shape[0]
                family = f"{dataset} {int(group.attrs['input_side'])} {len(group['network']) - 1}x{width}"
                which = str(int(group.attrs["sample_index"])) if len(file) == 1 else name
                problems.append((family, which, path, name))
    return sorted(problems)


def draw(problems, count, seed):
    generator = random.Random(seed)
    families = collections.defaultdict(list)
    for problem in problems:
        families[problem[0]].append(problem)
    for family in families.values():
        generator.shuffle(family)
    rounds = [[family[k] for family in families.values() if k < len(family)] for k in range(len(problems))]
    return sorted([problem for one in rounds for problem in one][:count])


def number(value):
    return math.nan if value is None else float(value)


def ask(program, path, name, engine, goal, limit):
    """The program's row about one problem."""
    *solver, formulation, bounds = engine.split(":") if ":" in engine else [engine, "big-m", "interval"]
    solver = ":".join(solver)
    command = [program, "solve", str(path), "--problem", name, "--solver", solver, "--formulation", formulation, "--bounds", bounds]
    command += ["--goal", goal, "--cpu-limit", str(limit), "--time-limit", str(100 * limit), "--json"]
    command += ["--check-share", "0"]  # the solver's own time; what it says is compared with what others say
    if formulation == "big-m-literal":
        command += ["--start", "none"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if not done.stdout:
        sys.exit(f"{' '.join(command)}: {done.stderr}")
    return json.loads(done.stdout.splitlines()[0])


def solve(program, problem, engine, goal, limit):
    family, sample, path, name = problem
    row = ask(program, path, name, engine, goal, limit)
    values = [family, sample, engine, goal, limit, row["status"], number(row["verified_objective"]), number(row["dual_bound"])]
    return values + [row["nodes"], number(row["first_adversarial_cpu_seconds"]), row["cpu_seconds"], row["seconds"]]


def shifted_mean(values, shift=0.1):
    return math.exp(statistics.fmean(math.log(v + shift) for v in values)) - shift


def first_inputs(rows):
    """How much earlier bab has its first adversarial input, where one exists. The clock is coarse below 1 ms, which counts as 1 ms; an engine
    that finds none counts with the time after which it gave up."""
    decide = {(row["engine"], row["family"], row["sample"]): row for row in rows if row["goal"] == "decide"}
    for engine in sorted({key[0] for key in decide} - {"bab"}):
        ratios, found = [], 0
        for (name, *problem), row in decide.items():
            bab = decide.get(("bab", *problem))
            if name != engine or bab is None or bab["first_s"] == "nan":
                continue
            found += row["first_s"] != "nan"
            times = [float(r["first_s" if r["first_s"] != "nan" else "total_s"]) for r in (row, bab)]
            ratios.append(max(times[0], 1e-3) / max(times[1], 1e-3))
        if ratios:
            print(f"\nfirst adversarial input, {engine} over bab, {len(ratios)} problems where one exists, of which {engine} finds {found}: "
                  f"median {statistics.median(ratios):.3g}, smallest {min(ratios):.3g}")


def engine_table(groups):
    width = max(len(engine) for engine, _, _ in groups)
    print(f"{'engine':<{width}} {'goal':<8} {'limit s':>7} {'n':>4} {'adv':>4} {'robust':>6} {'optimal':>7} {'open':>4} "
          f"{'median s':>8} {'sgm s':>8} {'x bab':>8} {'max s':>7} {'first: median':>13} {'max':>7} {'found':>5}")
    bab = {goal: rows for (engine, goal, _), rows in groups.items() if engine == "bab"}
    for (engine, goal, limit), group in sorted(groups.items()):
        statuses = collections.Counter(row["status"] for row in group)
        total = [float(row["total_s"]) for row in group]
        # An external solver's time counts when it has ended, so that of its points is not known.
        first = [float(row["first_s"]) for row in group if row["first_s"] != "nan" and not engine.startswith("external")]
        shown = f"{statistics.median(first):13.4f} {max(first):7.3f} {len(first):5}" if first else f"{'-':>13} {'-':>7} {'-':>5}"
        for word in ("robust", "optimal"):
            statuses[word] += statuses[word + "_claimed"]
        asked = {(row["family"], row["sample"]) for row in group}
        same = [float(row["total_s"]) for row in bab.get(goal, []) if (row["family"], row["sample"]) in asked]
        ratio = f"{shifted_mean(total) / shifted_mean(same):8.1f}" if len(same) == len(group) else f"{'-':>8}"
        print(f"{engine:<{width}} {goal:<8} {limit:>7} {len(group):4} {statuses['adversarial']:4} {statuses['robust']:6} {statuses['optimal']:7} "
              f"{statuses['limit'] + statuses['error']:4} {statistics.median(total):8.4f} {shifted_mean(total):8.4f} {ratio} {max(total):7.2f} "
              f"{shown}")


def family_table(rows):
    engines = sorted({(row["engine"], row["goal"]) for row in rows})
    print("\nmedian seconds by family, and how many of how many are open\n" + " " * 24 + " ".join(f"{engine:>20}" for engine, _ in engines))
    for family in sorted({row["family"] for row in rows}):
        cells = []
        for key in engines:
            part = [row for row in rows if row["family"] == family and (row["engine"], row["goal"]) == key]
            left = sum(row["status"] in ("limit", "error") for row in part)
            shown = f"{statistics.median(float(row['total_s']) for row in part):.4f} {f'({left}/{len(part)})':>8}" if part else ""
            cells.append(f"{shown:>{max(20, len(key[0]))}}")
        print(f"{family:<24}" + " ".join(cells).rstrip())


def disagreement(rows):
    """Between verified maxima that are said to be proven, of one problem by several engines."""
    values = collections.defaultdict(list)
    for row in rows:
        if row["status"] in ("optimal", "optimal_claimed"):
            values[row["family"], row["sample"]].append(float(row["verified"]))
    several = [max(v) - min(v) for v in values.values() if len(v) > 1]
    if several:
        print(f"\nlargest difference between the maxima that two engines proved for one problem: {max(several):.2g} (six digits are kept)")


def summary(files):
    rows = [row for name in files for row in read_table(name)]
    groups = collections.defaultdict(list)
    for row in rows:
        groups[row["engine"], row["goal"], row["limit"]].append(row)
    engine_table(groups)
    family_table(rows)
    first_inputs(rows)
    disagreement(rows)
    for row in rows:
        if row["status"] in ("limit", "error") and row["engine"] == "bab":
            print(f"\nopen: bab {row['goal']} {row['family']} image {row['sample']}: verified {float(row['verified']):.4f}, "
                  f"bound {float(row['bound']):.4f}, {row['nodes']} nodes, {float(row['total_s']):.1f} s")


def main():
    if sys.argv[1:2] == ["--summary"]:
        summary(sys.argv[2:])
        return
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("problems")
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("engines", nargs="+")
    parser.add_argument("--goal", default="decide")
    parser.add_argument("--limit", type=float, default=60)
    parser.add_argument("--sample", type=int)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--again", action="store_true")
    options = parser.parse_args()
    problems = read_problems(options.problems)
    if options.sample:
        problems = draw(problems, options.sample, options.seed)
    table = Table(options.out, FIELDS, 4)
    if options.again:
        table.drop(lambda row: row["engine"] in options.engines and row["goal"] == options.goal)
    for problem in problems:
        for engine in options.engines:
            if not table.has((problem[0], problem[1], engine, options.goal), options.limit):
                table.put(solve(options.program, problem, engine, options.goal, options.limit))


if __name__ == "__main__":
    main()
