"""Reads results.h5 with h5py alone, as a user would, and checks names, types, units, values and provenance.

Usage: read_results.py RESULTS.h5 SCHEMA.md
The file is the one that results_test.cpp builds: two networks, each cut, each measured twice, one hidden task, one failure, one task waiting.
"""

import math
import re
import sys

import h5py
import numpy as np

f = h5py.File(sys.argv[1], "r")


def texts(column):
    return [value.decode() for value in column]


def check(found, expected):
    assert found == expected, f"expected {expected!r}, found {found!r}"


# Provenance.
attributes = f.attrs
check(attributes["schema_version"], 1)
check(attributes["configuration"], "name: test\n")
check(len(attributes["configuration_fingerprint"]), 32)
check(attributes["complete"], np.False_)
check(type(attributes["complete"]), np.bool_)
check([attributes["tasks_" + s] for s in ("done", "failed", "waiting")], [7, 1, 1])
check(attributes["rank_layout"], "1 master, 2 workers")
for name in ("program_version", "git_commit", "compiler", "build_type", "architecture", "host", "cpu"):
    assert attributes[name], name
assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", attributes["started"])
check(attributes["started"] <= attributes["ended"] <= attributes["written"], True)

# Every task of the plan.
stages = f["stages"][:]
check(texts(stages["kind"]), ["make", "cut", "measure", "measure"] * 2 + ["hidden"])
check(texts(stages["table"]), ["networks", "networks", "solves", "solves"] * 2 + [""])
check(texts(stages["status"]), ["done"] * 6 + ["failed", "done", "waiting"])
check(texts(stages["error_kind"])[6], "numeric")
check(texts(stages["message"])[6], "diverged: größer als erwartet")
keys = texts(stages["key"])
check(texts(stages["parents"])[:4], ["", keys[0], keys[0] + " " + keys[1], keys[0]])
check(list(stages["wall_seconds"][:7]), [2.5] * 6 + [0.5])
assert math.isnan(stages["wall_seconds"][8])
check(list(stages["rank"]), [1] * 6 + [2, 1, -1])
check(texts(stages["host"])[6], "node2")
check(texts(stages["part"])[0], f"parts/{keys[0][:2]}/{keys[0]}.h5")

# One table per kind of result; a failed task has a row without values.
solves = f["solves"]
check(solves.dtype.names, ("key", "kind", "status", "message", "cpu_seconds", "peak_memory_mib", "seed", "target", "objective", "nodes", "adversarial", "limit"))
rows = solves[:]
check(texts(rows["key"]), [keys[i] for i in (2, 3, 6, 7)])
check(texts(rows["status"]), ["done", "done", "failed", "done"])
check(rows["seed"].tolist(), [0, 0, 1, 1])
check(rows["adversarial"].dtype, np.dtype(bool))
check(rows["adversarial"].tolist(), [False, True, False, True])
check(rows["nodes"].tolist(), [-1, 42, -1, 42])
check(rows["target"].tolist(), [-1, 3, -1, 3])
check(rows["objective"][:2].tolist(), [-0.5, 1.25])
assert math.isnan(rows["objective"][2])
check(texts(rows["limit"]), ["time", "", "", ""])
check(solves.attrs["unit.nodes"], "1")
check(solves.attrs["meaning.nodes"], "branch and bound nodes")
check(solves.attrs["missing.nodes"], -1)
check({c for c in solves.dtype.names if solves.attrs["measured." + c]}, {"cpu_seconds", "peak_memory_mib"})
check({c for c in stages.dtype.names if f["stages"].attrs["measured." + c]},
      {"wall_seconds", "cpu_seconds", "peak_memory_mib", "rank", "host", "started"})
check(solves.attrs["missing.target"], -(2**63))  # it may be -1
check(list(solves.attrs["parameters"]), ["seed", "target"])
check([solves.compression, solves.fletcher32], ["gzip", True])

# Two kinds share a table: columns of both, missing values where a kind has no such parameter.
networks = f["networks"][:]
check(networks.dtype.names, ("key", "kind", "status", "message", "cpu_seconds", "peak_memory_mib", "seed", "rate", "hidden", "accuracy"))
check(texts(networks["kind"]), ["make", "cut", "make", "cut"])
check(texts(networks["hidden"]), ["32-16", "", "32-17", ""])
check([math.isnan(r) for r in networks["rate"]], [True, False, True, False])

# Ragged arrays.
inputs = f["arrays/solves/input"]
check([tuple(r) for r in inputs["index"][:]], [(keys[3].encode(), 1, 0, 4), (keys[7].encode(), 3, 4, 4)])
check(inputs["values"][:].tolist(), [0.0, 0.1, 1.0, 0.0, 0.0, 0.1, 1.0, 1.0])
check(inputs["values"].attrs["meaning"], "adversarial input, pixels in [0,1]")
check(inputs["values"].attrs["measured"], np.False_)
check([inputs["values"].dtype, inputs["values"].compression, inputs["values"].fletcher32], [np.dtype("f8"), "gzip", True])
check(f["arrays/networks/epoch_loss/values"][:].tolist(), [1.5, 0.5, 0.25, 1.5, 0.5, 1.25])

# Part files.
check(sorted(f["parts"]), ["networks"])
check(set(f["parts/networks"]), {keys[i] for i in (0, 1, 4, 5)})
part = f["parts/networks/" + keys[4]]
check(part.attrs["kind"], "make")
check(part["layer_0/weight"].shape, (2, 3))
check(part["layer_0/weight"][1].tolist(), [4.0, 5.0, 1.0])

events = f["events"][:]
check(texts(events["name"]), ["run started", "run ended"])
assert "reason=complete" in texts(events["facts"])[1]

# The page names every object and attribute that is not of a stage, and nothing that is not there.
page = open(sys.argv[2], encoding="utf-8").read()


def documented(heading):
    section = page.split("## " + heading + "\n")[1].split("\n## ")[0]
    return re.findall(r"^\| `([^`]+)`", section, re.M)


check(sorted(documented("Root attributes")), sorted(name for name in attributes))
check(documented("/stages"), list(f["stages"].dtype.names))
check(documented("/events"), list(f["events"].dtype.names))
check(documented("Tables of results")[:4], list(solves.dtype.names[:4]))
check(documented("/arrays"), list(inputs["index"].dtype.names))
check(sorted(set(f) - {"solves", "networks"}), sorted(name.strip("/") for name in ("/stages", "/events", "/arrays", "/parts")))
for name in set(f) - {"solves", "networks"}:
    assert f"/{name}" in page, name

# Every column of every table has a meaning, every quantity a unit.
for name in ("stages", "events", "solves", "networks"):
    for column in f[name].dtype.names:
        assert f[name].attrs["meaning." + column], (name, column)
        assert "unit." + column in f[name].attrs, (name, column)
print("as documented")
