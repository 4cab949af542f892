#!/usr/bin/env python3
"""How the cost of an exact answer grows with width, depth and radius, for several engines.

usage: growth.py ESPALIER PROBLEMS OUT.tsv [--engines bab cbc:big-m:alpha-crown] [--limit 30] [--again]
       growth.py --table OUT.tsv
       growth.py --draw OUT.tsv FIGURE

PROBLEMS is the folder that `espalier run configs/growth.yaml --save-problems` makes: every network at that file's radius, and the networks
of depth 2 and width 32 at RADII as well. Rows, limits and --again are as in engines.py; a limit is CPU time. Needs Debian's python3-h5py, and
python3-matplotlib for --draw.
"""
import argparse
import collections
import pathlib
import shutil
import statistics
import sys
import tempfile

import engines
import h5py

FIELDS = ["depth", "width", "epsilon", "image", "engine", "limit", "status", "verified", "bound", "open_neurons", "nodes", "total_s"]
RADII = [0.5, 1, 2, 3, 4, 5, 7, 10, 14, 20]
BASE = ("2", "32")  # depth and width at which the radius grows


def radii(path, name, architecture):
    with h5py.File(path) as file:
        own = float(file[name].attrs["epsilon"])
    return sorted({own, *RADII}) if architecture == BASE else [own]


def run(options):
    table = engines.Table(options.out, FIELDS, 5)
    if options.again:
        table.drop(lambda row: row["engine"] in options.engines)
    problems = [(*family.split()[-1].split("x"), image, path, name) for family, image, path, name in engines.read_problems(options.problems)]
    with tempfile.TemporaryDirectory() as folder:
        copy = pathlib.Path(folder, "problem.h5")
        for depth, width, image, path, name in sorted(problems, key=lambda p: int(p[0]) * int(p[1])):
            for epsilon in radii(path, name, (depth, width)):
                shutil.copy(path, copy)
                with h5py.File(copy, "r+") as file:
                    file[name].attrs["epsilon"] = epsilon
                for engine in options.engines:
                    if table.has((depth, width, f"{epsilon:g}", image, engine), options.limit):
                        continue
                    row = engines.ask(options.program, copy, name, engine, "optimize", options.limit)
                    values = [depth, width, f"{epsilon:g}", image, engine, options.limit, row["status"]]
                    values += [engines.number(row["verified_objective"]), engines.number(row["dual_bound"])]
                    table.put(values + [row["unstable_neurons"], row["nodes"], row["cpu_seconds"]])


def one_limit(rows):
    """The shortest limit that left a solve open, and all rows as if it had been everybody's."""
    limit = min((float(row["limit"]) for row in rows if row["status"] == "limit"), default=max(float(row["limit"]) for row in rows))
    return limit, [{**row, "status": "limit"} if float(row["total_s"]) > limit else row for row in rows]


def series(rows):
    """Name, unit and {value: {engine: rows}} of the three directions of growth."""
    at = next(row["epsilon"] for row in rows if (row["depth"], row["width"]) != BASE)
    chosen = [
        ("width", f"neurons per layer (depth {BASE[0]}, radius {at})", lambda r: r["depth"] == BASE[0] and r["epsilon"] == at),
        ("depth", f"hidden layers (width {BASE[1]}, radius {at})", lambda r: r["width"] == BASE[1] and r["epsilon"] == at),
        ("epsilon", f"L1 radius (depth {BASE[0]}, width {BASE[1]})", lambda r: (r["depth"], r["width"]) == BASE),
    ]
    for field, label, wanted in chosen:
        values = collections.defaultdict(lambda: collections.defaultdict(list))
        for row in filter(wanted, rows):
            values[float(row[field])][row["engine"]].append(row)
        yield field, label, dict(sorted(values.items()))


def seconds(rows, limit):
    """CPU times; an open solve counts with the limit."""
    return [limit if r["status"] == "limit" else max(float(r["total_s"]), 1e-3) for r in rows]


def table(rows):
    limit, rows = one_limit(rows)
    names = sorted({row["engine"] for row in rows})
    print(f"CPU seconds, median of {len({row['image'] for row in rows})} images, goal optimize, limit {limit:g} s; "
          f"gap: the largest bound - verified of those open")
    for field, label, values in series(rows):
        print(f"\n{label}\n{field:>8} {'open neurons':>12} " + " ".join(f"{name:>22} {'nodes':>7} {'open':>6} {'gap':>6}" for name in names))
        for value, group in values.items():
            cells = []
            for name in names:
                part = group[name]
                left = [float(r["bound"]) - float(r["verified"]) for r in part if r["status"] == "limit"]
                median, nodes = statistics.median(seconds(part, limit)), statistics.median(int(r["nodes"]) for r in part)
                shown = f">{limit:g}" if 2 * len(left) > len(part) else f"{median:.3f}"
                cells.append(f"{shown:>22} {nodes:7.0f} {f'{len(left)}/{len(part)}':>6} {max(left) if left else 0:6.2f}")
            neurons = statistics.median(int(r["open_neurons"]) for r in group[names[0]])
            print(f"{value:8g} {neurons:12.0f} " + " ".join(cells))


def draw(rows, figure):
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    names = sorted({row["engine"] for row in rows}, reverse=True)
    styles = dict(zip(names, [("#1b6ca8", "o", -1), ("#c8553d", "s", 1), ("#4f772d", "D", 0)]))  # colour, marker, side of the value
    limit, rows = one_limit(rows)
    images = len({row["image"] for row in rows})
    pyplot.rcParams.update({"font.size": 10, "axes.spines.top": False, "axes.spines.right": False, "svg.hashsalt": "growth"})
    canvas, axes = pyplot.subplots(1, 3, figsize=(11, 4), sharey=True)
    for axis, (field, label, values) in zip(axes, series(rows)):
        for name, (colour, marker, side) in styles.items():
            axis.plot(list(values), [statistics.median(seconds(group[name], limit)) for group in values.values()], color=colour, zorder=2)
            for x, group in values.items():
                place = x + 0.08 * side if field == "depth" else x * 1.05**side
                done = [y for y, row in zip(seconds(group[name], limit), group[name]) if row["status"] != "limit"]
                left = [limit * 1.3 ** (k + 1) for k in range(len(group[name]) - len(done))]
                axis.scatter([place] * len(done), done, s=22, color=colour, marker=marker, alpha=0.75, linewidth=0, zorder=3)
                axis.scatter([place] * len(left), left, s=30, facecolor="white", edgecolor=colour, marker="^", zorder=3)
        axis.axhline(limit, color="grey", linestyle=":", linewidth=1)
        axis.set(xscale="linear" if field == "depth" else "log", yscale="log", xlabel=label)
        ticks = [v for v in values if field != "epsilon" or v in (0.5, 1, 2, 3, 5, 10, 20)]
        axis.set_xticks(ticks, [f"{v:g}" for v in ticks])
        axis.minorticks_off()
        axis.grid(axis="y", color="#dddddd", linewidth=0.6)
    axes[0].set_ylabel("CPU seconds to the proven maximum")
    axes[0].set_yticks([0.01, 0.1, 1, 10], ["0.01", "0.1", "1", "10"])
    handles = [pyplot.Line2D([], [], color=c, marker=m, label=f"{n}, and its median of {images} images") for n, (c, m, _) in styles.items()]
    handles.append(pyplot.Line2D([], [], color="grey", marker="^", markerfacecolor="white", linestyle=":", label=f"open at {limit:g} s"))
    canvas.legend(handles=handles, loc="upper center", ncol=len(handles), frameon=False)
    canvas.subplots_adjust(left=0.06, right=0.99, bottom=0.13, top=0.89, wspace=0.06)
    canvas.savefig(figure, dpi=110, metadata={"Date": None} if figure.endswith(".svg") else None)


def main():
    if sys.argv[1:2] in (["--table"], ["--draw"]):
        rows = engines.read_table(sys.argv[2])
        return table(rows) if sys.argv[1] == "--table" else draw(rows, sys.argv[3])
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("problems")
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--engines", nargs="+", default=["bab", "cbc:big-m:alpha-crown"])
    parser.add_argument("--limit", type=float, default=30)
    parser.add_argument("--again", action="store_true")
    return run(parser.parse_args())


if __name__ == "__main__":
    main()
