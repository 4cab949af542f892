#!/usr/bin/env python3
"""One training epoch by espalier and by PyTorch, alternating in one run, one thread each.

    cmake --preset bench && cmake --build --preset bench --target bench_train_epoch
    ESPALIER_DATA=data python3 bench/train_vs_pytorch.py build/bench/bench_train_epoch [--rounds 5] [--out FILE.json]

Both train the same architecture on the same 60,000 real images (MNIST, batch 64, Adam, file order; PyTorch's batches are slices of one
float tensor that is made before the clock starts, ours are made from bytes while it runs). Needs Debian's python3-torch, python3-pil and
python3-numpy. PyTorch's speed depends on the BLAS behind it: run it with LD_LIBRARY_PATH naming OpenBLAS's folder to compare with that
one; the BLAS that was loaded is printed.

Medians over the rounds, of CPU seconds (on a shared machine wall time says how busy the others were) and of wall seconds. Every round
runs ours twice, before and after PyTorch: the ratio of the two is the A/A control.
"""
import argparse
import gzip
import json
import os
import pathlib
import statistics
import subprocess
import sys
import time

import numpy as np
import torch
from PIL import Image

CASES = [(18, (32, 32)), (28, (32, 32)), (18, (64, 64)), (28, (64, 64, 64, 64))]


def read_idx(name, header):
    """The bytes of <data>/mnist/<name>, plain or gzipped."""
    place = pathlib.Path(os.environ.get("ESPALIER_DATA", "data"))
    for folder in (place / "mnist", place):
        for ending in ("", ".gz"):
            path = folder / (name + ending)
            if path.exists():
                content = (gzip.open if ending else open)(path, "rb").read()
                return np.frombuffer(content, np.uint8, offset=header)
    sys.exit(f"MNIST's {name} is not in {place}: set ESPALIER_DATA, or get it with cluster/fetch-data.sh")


def tensors(side):
    images = read_idx("train-images-idx3-ubyte", 16).reshape(-1, 28, 28)
    if side != 28:
        images = np.stack([np.asarray(Image.fromarray(image).resize((side, side), Image.BILINEAR)) for image in images])
    labels = read_idx("train-labels-idx1-ubyte", 8)
    return torch.from_numpy(images.reshape(len(images), -1).astype(np.float32) / np.float32(255)), torch.from_numpy(labels.astype(np.int64))


def torch_epoch(inputs, labels, hidden):
    torch.manual_seed(2)
    widths = (inputs.shape[1], *hidden, 10)
    layers = []
    for before, after in zip(widths, widths[1:]):
        layers += [torch.nn.Linear(before, after), torch.nn.ReLU()]
        torch.nn.init.xavier_uniform_(layers[-2].weight)
    model = torch.nn.Sequential(*layers[:-1])
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-3)
    loss_of = torch.nn.CrossEntropyLoss()
    wall, cpu, total = time.perf_counter(), time.process_time(), 0.0
    for first in range(0, len(labels), 64):
        optimiser.zero_grad()
        target = labels[first:first + 64]
        loss = loss_of(model(inputs[first:first + 64]), target)
        loss.backward()
        optimiser.step()
        total += loss.item() * len(target)
    return {"wall_seconds": time.perf_counter() - wall, "cpu_seconds": time.process_time() - cpu, "loss": total / len(labels)}


def our_epoch(program, side, hidden):
    # Ours must not see the BLAS chosen for PyTorch.
    environment = {k: v for k, v in os.environ.items() if k != "LD_LIBRARY_PATH"}
    output = subprocess.run([program, str(side), *map(str, hidden)], check=True, capture_output=True, text=True, env=environment).stdout
    return json.loads(output)


def loaded_blas():
    names = {line.split()[-1] for line in open("/proc/self/maps") if "blas" in line.lower()}
    return sorted(str(pathlib.Path(name).resolve()) for name in names)


def compare(program, side, hidden, rounds):
    inputs, labels = tensors(side)
    torch_epoch(inputs[:6400], labels[:6400], hidden)  # first use loads and compiles things
    ours, again, theirs = [], [], []
    for _ in range(rounds):
        ours.append(our_epoch(program, side, hidden))
        theirs.append(torch_epoch(inputs, labels, hidden))
        again.append(our_epoch(program, side, hidden))
    median = lambda runs, key: statistics.median(run[key] for run in runs)
    row = {"architecture": ours[0]["architecture"], "rounds": rounds, "our_loss": median(ours, "loss"), "torch_loss": median(theirs, "loss")}
    for clock in ("cpu_seconds", "wall_seconds"):
        row["our_" + clock] = median(ours + again, clock)
        row["torch_" + clock] = median(theirs, clock)
        row["ratio_" + clock] = row["torch_" + clock] / row["our_" + clock]
        row["a_a_" + clock] = median(ours, clock) / median(again, clock)
    row["our_gflops"] = median(ours + again, "gflops")
    row["sgemm_gflops"] = max(run["sgemm_gflops"] for run in ours + again)
    row["share_of_sgemm"] = row["our_gflops"] / row["sgemm_gflops"]
    return row


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", help="bench_train_epoch")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--out", help="write the rows as JSON")
    options = parser.parse_args()
    torch.set_num_threads(1)
    rows = [compare(options.program, side, hidden, options.rounds) for side, hidden in CASES]
    print(f"PyTorch {torch.__version__}, one thread, BLAS {', '.join(loaded_blas())}; medians of {options.rounds} rounds")
    print(f"{'architecture':22} {'ours cpu s':>10} {'torch cpu s':>11} {'ratio':>6} {'A/A':>6} {'ratio wall':>10} {'GFLOP/s':>8} {'of sgemm':>8}  loss ours/torch")
    for r in rows:
        print(f"{r['architecture']:22} {r['our_cpu_seconds']:10.4f} {r['torch_cpu_seconds']:11.4f} {r['ratio_cpu_seconds']:6.2f} {r['a_a_cpu_seconds']:6.3f} "
              f"{r['ratio_wall_seconds']:10.2f} {r['our_gflops']:8.1f} {r['share_of_sgemm']:8.0%}  {r['our_loss']:.4f}/{r['torch_loss']:.4f}")
    if options.out:
        pathlib.Path(options.out).write_text(json.dumps({"blas": loaded_blas(), "torch": torch.__version__, "rows": rows}, indent=1))


if __name__ == "__main__":
    main()
