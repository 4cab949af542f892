#!/usr/bin/env python3
"""Public verification benchmarks by `espalier verify`, against what every tool of VNN-COMP reached on them.

    bench/verification.py run FOLDER OUT.tsv [--espalier PROGRAM] [--processes N] [--limit SECONDS] [--only REGEX]
    bench/verification.py table FOLDER OUT.tsv [--svg FILE]

FOLDER holds instances.csv (onnx,vnnlib,seconds), the files it names, possibly gzipped, and tools.csv.gz. `run` takes each instance as the
competition does, one process of one core, and appends a line for each to OUT.tsv; instances that have a line are left out, so it goes on
where it was stopped. Every witness is run through the graph once more, in float32 by numpy, and put into the property's assertions, by code
of this file alone: its column is "ok" if they hold up to 1e-4, the competition's tolerance. `table` says per tool how many instances it has
decided and in what time, and draws the cactus plot.
"""
import argparse
import collections
import csv
import gzip
import json
import operator
import os
import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np

COLUMNS = ["network", "property", "limit", "verdict", "seconds", "nodes", "splitting", "witness"]


def content(path):
    if os.path.exists(path + ".gz"):
        path += ".gz"
    with (gzip.open if path.endswith(".gz") else open)(path, "rb") as file:
        return file.read()


def outputs(model, x):
    """The graph in float32: the operators of these benchmarks."""
    import onnx
    from onnx import numpy_helper

    graph = onnx.load_model_from_string(model).graph
    values = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    entry = [value for value in graph.input if value.name not in values][0]
    shape = [d.dim_value or 1 for d in entry.type.tensor_type.shape.dim]
    values[entry.name] = np.asarray(x, np.float32).reshape(shape)
    for node in graph.node:
        given = [values[name] for name in node.input]
        options = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
        if node.op_type == "Flatten":
            made = given[0].reshape(int(np.prod(given[0].shape[: options.get("axis", 1)])), -1)
        elif node.op_type == "Gemm":
            a = given[0].T if options.get("transA") else given[0]
            b = given[1].T if options.get("transB") else given[1]
            made = np.float32(options.get("alpha", 1)) * (a @ b) + np.float32(options.get("beta", 1)) * given[2]
        elif node.op_type == "Relu":
            made = np.maximum(given[0], 0)
        else:
            made = {"MatMul": operator.matmul, "Add": operator.add, "Sub": operator.sub}[node.op_type](*given)
        values[node.output[0]] = made
    return values[graph.output[0].name].ravel()


def expressions(text):
    """The parenthesised expressions of a VNN-LIB file as nested lists."""
    stack = [[]]
    for token in re.findall(r"[()]|[^\s()]+", re.sub(r";.*", "", text)):
        if token == "(":
            stack.append([])
        elif token == ")":
            closed = stack.pop()
            stack[-1].append(closed)
        else:
            stack[-1].append(token)
    return stack[0]


def value(expression, values):
    if isinstance(expression, str):
        return values[expression] if expression in values else float(expression)
    terms = [value(term, values) for term in expression[1:]]
    if expression[0] == "-" and len(terms) == 1:
        return -terms[0]
    total = terms[0]
    for term in terms[1:]:
        total = {"+": operator.add, "-": operator.sub, "*": operator.mul}[expression[0]](total, term)
    return total


def holds(expression, values, tolerance=1e-4):
    if expression[0] in ("and", "or"):
        return (all if expression[0] == "and" else any)(holds(term, values, tolerance) for term in expression[1:])
    left, right = (value(term, values) for term in expression[1:])
    return left <= right + tolerance if expression[0] == "<=" else left >= right - tolerance


def check_witness(folder, network, prop, x):
    y = outputs(content(os.path.join(folder, network)), x)
    values = {f"X_{i}": v for i, v in enumerate(x)} | {f"Y_{i}": float(v) for i, v in enumerate(y)}
    asserted = [e[1] for e in expressions(content(os.path.join(folder, prop)).decode()) if e and e[0] == "assert"]
    return "ok" if all(holds(e, values) for e in asserted) else "WRONG"


def solve(arguments, network, prop, limit):
    names = [os.path.join(arguments.folder, name) for name in (network, prop)]
    names = [name + ".gz" if os.path.exists(name + ".gz") else name for name in names]
    begin = time.monotonic()
    done = subprocess.run([arguments.espalier, "verify", *names, "--json", "--time-limit", str(limit)], capture_output=True, text=True)
    seconds = time.monotonic() - begin
    if done.returncode != 0:
        return dict(verdict="error", seconds=seconds, nodes=0, splitting="", witness=done.stderr.strip().replace("\t", " ")[:200])
    row = json.loads(done.stdout)
    witness = check_witness(arguments.folder, network, prop, row["witness"]["input"]) if row["witness"] else ""
    return dict(verdict=row["verdict"], seconds=seconds, nodes=row["nodes"], splitting=row["splitting"], witness=witness)


def rows_of(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file, delimiter="\t"))


def run(arguments):
    with open(os.path.join(arguments.folder, "instances.csv"), newline="") as file:
        instances = [row for row in csv.reader(file) if re.search(arguments.only, ",".join(row))]
    exists = os.path.exists(arguments.results)
    done = {(row["network"], row["property"]) for row in rows_of(arguments.results)} if exists else set()
    waiting = [row for row in instances if (row[0], row[1]) not in done]
    with open(arguments.results, "a", newline="") as file, ThreadPoolExecutor(arguments.processes) as pool:
        writer = csv.DictWriter(file, COLUMNS, delimiter="\t", lineterminator="\n")
        if not exists:
            writer.writeheader()

        def one(row):
            limit = min(float(row[2]), arguments.limit)
            return dict(network=row[0], property=row[1], limit=f"{limit:g}") | solve(arguments, row[0], row[1], limit)

        for k, made in enumerate(pool.map(one, waiting), 1):
            made["seconds"] = f"{made['seconds']:.3f}"
            writer.writerow(made)
            file.flush()
            print(f"{k}/{len(waiting)} {made['network']} {made['property']} {made['verdict']} {made['seconds']} s {made['witness']}", flush=True)


def tool_rows(folder):
    """(tool and year) -> (network, property) -> (verdict, seconds), names as in instances.csv without folders and endings."""
    tools = collections.defaultdict(dict)
    with gzip.open(os.path.join(folder, "tools.csv.gz"), "rt", newline="") as file:
        for row in csv.DictReader(file):
            prop = f"prop_{row['property']}_{row['epsilon']}" if "epsilon" in row else row["property"]
            key = (row["network"] if "ACAS" in row["network"] else f"mnist-net_{row['network']}", prop)
            tools[f"{row['tool']} {row['results_year']}"][key] = (row["verdict"], float(row["run_s"]))
    return tools


def stem(name):
    return re.sub(r"\.(onnx|vnnlib)(\.gz)?$", "", os.path.basename(name))


def answers(folder, results):
    """Per tool, ours first, the sorted seconds of its right answers, and how many are wrong. Right is sat where our witness was checked,
    else what most tools say."""
    own = {(stem(row["network"]), stem(row["property"])): row for row in rows_of(results)}
    tools = tool_rows(folder)
    truth = {}
    for key, row in own.items():
        said = [verdicts[key][0] for verdicts in tools.values() if key in verdicts and verdicts[key][0] in ("sat", "unsat")]
        said += [row["verdict"]] if row["verdict"] in ("sat", "unsat") else []
        truth[key] = "sat" if row["witness"] == "ok" else max(sorted(set(said)), key=said.count, default="open")
    tools = {"espalier": {key: (row["verdict"], float(row["seconds"])) for key, row in own.items()}} | tools
    made = {}
    for tool, verdicts in tools.items():
        decided = {key: verdicts[key] for key in own if key in verdicts and verdicts[key][0] in ("sat", "unsat")}
        right = sorted(seconds for key, (verdict, seconds) in decided.items() if verdict == truth[key])
        made[tool] = (right, len(decided) - len(right))
    best = {}  # of each tool's years the one with the most right answers, in the least time
    for tool, (right, wrong) in made.items():
        name = tool.split()[0]
        if name not in best or (len(right), -sum(right)) > (len(made[best[name]][0]), -sum(made[best[name]][0])):
            best[name] = tool
    return {tool: made[tool] for tool in sorted(best.values(), key=lambda tool: (-len(made[tool][0]), sum(made[tool][0])))}, len(own)


def table(arguments):
    found, count = answers(arguments.folder, arguments.results)
    print(f"{count} instances                right  wrong  median [s]  slowest [s]  total [s]")
    for tool, (right, wrong) in found.items():
        if right:
            print(f"{tool:<28} {len(right):>8} {wrong:>6} {right[len(right) // 2]:>11.3g} {right[-1]:>12.3g} {sum(right):>10.4g}")
    if not arguments.svg:
        return
    import matplotlib

    matplotlib.use("svg")
    from matplotlib import pyplot

    pyplot.rcParams.update({"font.size": 10, "axes.spines.top": False, "axes.spines.right": False, "svg.hashsalt": "verification"})
    canvas, axes = pyplot.subplots(figsize=(8, 4.5), layout="constrained")
    for tool, (right, _) in list(found.items())[:9]:
        ours = tool == "espalier"
        axes.step(range(1, len(right) + 1), right, where="post", label=f"{tool} ({len(right)})", linewidth=2.4 if ours else 1.2, color="black" if ours else None)
    axes.set(yscale="log", xlabel="instances answered right, each tool's easiest first", ylabel="seconds of the instance, start-up included", xlim=(0, count))
    axes.legend(frameon=False, fontsize=9)
    canvas.savefig(arguments.svg, metadata={"Date": None})


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ("run", "table"):
        command = commands.add_parser(name)
        command.add_argument("folder")
        command.add_argument("results")
    commands.choices["run"].add_argument("--espalier", default="build/release/espalier")
    commands.choices["run"].add_argument("--processes", type=int, default=1)
    commands.choices["run"].add_argument("--limit", type=float, default=float("inf"))
    commands.choices["run"].add_argument("--only", default="")
    commands.choices["table"].add_argument("--svg")
    parsed = parser.parse_args()
    {"run": run, "table": table}[parsed.command](parsed)
