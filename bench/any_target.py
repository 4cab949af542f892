#!/usr/bin/env python3
"""One search for any target against one for each target, on the same problems.

Usage: any_target.py ESPALIER PROBLEMS.h5... [-- OPTION...]      options of `espalier solve`, such as --goal decide

Each problem is solved with target "any", then with every other class as its target, one process after the other on one core. Prints the
seconds, nodes and answers of both; exit code 1 if an answer differs: the largest of the targets' maxima, or whether one of them is reached.
Wants Debian's python3-h5py.
"""
import collections
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import h5py


def write(files, one, each):
    for path in files:
        with h5py.File(path) as source:
            for name in source:
                outputs = source[name]["network"][sorted(source[name]["network"], key=lambda n: int(n.split("_")[1]))[-1]]["weight"].shape[0]
                for target in ["any", *(c for c in range(outputs) if c != source[name].attrs["label"])]:
                    copy = f"{len(one)}" if target == "any" else f"{len(one) - 1}_{target}"
                    out = one if target == "any" else each
                    source.copy(name, out, name=copy)
                    del out[copy].attrs["target"]
                    out[copy].attrs["target"] = target


def main():
    words = sys.argv[1:]
    options = words[words.index("--") + 1:] if "--" in words else []
    espalier, *files = words[:words.index("--")] if "--" in words else words
    with tempfile.TemporaryDirectory() as folder:
        names = [str(Path(folder) / name) for name in ("one.h5", "each.h5")]
        with h5py.File(names[0], "w") as one, h5py.File(names[1], "w") as each:
            write(files, one, each)
        rows = [[json.loads(line) for line in subprocess.run([espalier, "solve", name, "--json", *options], capture_output=True, text=True,
                                                             check=False).stdout.splitlines()] for name in names]
    for label, some in zip(("any target", "each target"), rows):
        print(f"{label:<12} {len(some):>6} solves {sum(r['seconds'] for r in some):>9.2f} s {sum(r['nodes'] for r in some):>9} nodes  "
              f"{dict(collections.Counter(r['status'] for r in some))}")
    best = collections.defaultdict(list)
    for row in rows[1]:
        best[row["problem"].split("_")[0]].append(row)
    differ = 0
    for row in rows[0]:
        if row["status"] in ("adversarial", "robust"):
            reached = any(r["status"] == "adversarial" for r in best[row["problem"]])
            differ += reached != (row["status"] == "adversarial")
        elif row["status"] == "optimal":
            largest = max(r["verified_objective"] for r in best[row["problem"]])
            differ += abs(row["verified_objective"] - largest) > 1e-5 * (1 + abs(largest))
    print(f"{differ} answers differ")
    sys.exit(differ > 0)


if __name__ == "__main__":
    main()
