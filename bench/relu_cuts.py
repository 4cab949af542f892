#!/usr/bin/env python3
"""What would cuts on single ReLUs close of the triangle relaxation's gap, at the root and in a tree, and what would they cost?

usage: OPENBLAS_NUM_THREADS=1 relu_cuts.py ESPALIER PROBLEMS.h5... [--bounds crown lp interval] [--only NAME...]
       [--tree NODES] [--untightened] [--limit 20] [--rounds 20]

The relaxation: inputs in the L1 ball cut with the box, every unstable hidden neuron in its triangle. Two families of cuts on one neuron:
- box: h <= sum over I of w_j (x_j - L_j) + l(I) / (U_k - L_k) (x_k - L_k), with L_j the end of input j's interval that makes the neuron small,
  U_j the other one and l(I) the pre-activation with I at L and the rest at U, where l(I) >= 0 > l(I + k). With the triangle's lower side they
  are the convex hull of a ReLU over its inputs' box (Anderson et al. 2020; Tjandraatmadja et al. 2020), separated by sorting.
- ball: in the first layer the hull over the ball cut with the box instead, separated by a linear program; box cuts in the others.

Bounds of hidden neurons: of the first layer exact (fractional knapsack), of the others by backward substitution with one fixed lower slope
per neuron (crown), or by two linear programs per unstable neuron over the relaxation of the layers before, without cuts (lp); interval
knows nothing of the ball nor of other layers. Optimum: what ESPALIER's branch and bound verifies within --limit CPU seconds; "*" if it does
not prove it. Columns: "closed" is the share of the gap in percent; times are CPU time, from scratch, in ms: "LP ms" is the first program, "last"
the final one with all its cuts, "all ms" every round and the separation; "slack" the smallest of any cut at any point of the check. The first
such part is of box cuts, the second of ball cuts.

--tree: branch and bound over these linear programs with the optimum as cutoff and bounds tightened by it as in decision 25 (--untightened:
not): without cuts, with box cuts separated at every node, with the root's ball cuts of the first layer ("ball"), and with those in the
bounds instead ("lines"): one mixture of its cuts by their dual values for each neuron, as an upper line beside its chord.

Stops with an assertion if a cut is violated by a vertex of its neuron's box or by a forward pass, or a bound by a forward pass.
"""
import argparse
import json
import subprocess
import time

import h5py
import numpy as np
import scipy.optimize
import scipy.sparse
from relaxation import Lines, Problem, Relaxation, backward_bounds, interval_bounds, program_bounds, tightened

VIOLATION = 1e-6


def cut(weight, bias, low, high, point):
    """The cut of one ReLU that is smallest at a point, as an affine function of the inputs: the ends that are nearest come into I first."""
    used = np.flatnonzero((weight != 0) & (high > low))
    near, far = np.where(weight >= 0, low, high), np.where(weight >= 0, high, low)
    order = used[np.argsort((point - near)[used] / (far - near)[used], kind="stable")]
    left = weight @ far + bias - np.cumsum(abs(weight * (high - low))[order])  # l(I) for growing I
    if weight @ far + bias <= 0 or not np.any(left < 0):  # off or on in the whole box, which the neuron's bounds need not know
        return (0 * weight, 0.0) if weight @ far + bias <= 0 else (weight, bias)
    last = int(np.argmax(left < 0))
    result = np.zeros_like(weight)
    result[order[:last]] = weight[order[:last]]
    before = left[last] + abs(weight * (high - low))[order[last]]
    result[order[last]] = before / (far - near)[order[last]]
    return result, -result @ near


def ball_cut(problem, i, point):
    """The strongest cut at a point of a ReLU of the first layer over the ball cut with the box, all that is known of its inputs. The point is
    split into a part where the neuron is off and one where it is on (disjunctive program); the dual values of the split are the cut's slopes, and
    its intercept is made for them by knapsacks: valid whatever the slopes are."""
    weight, bias, n = problem.weights[0][i], problem.biases[0][i], len(problem.clean)
    shift, eye = weight @ problem.clean + bias, scipy.sparse.identity(n)
    part = scipy.sparse.vstack([np.ones(2 * n), scipy.sparse.identity(2 * n)])  # of the steps up and down, at most its share of this:
    room = np.concatenate([[problem.epsilon], problem.box[1] - problem.clean, problem.clean - problem.box[0]])
    below = scipy.sparse.bmat([[part, None, room[:, None]], [None, part, -room[:, None]]], "csr")  # last column: the share that is on
    equal = scipy.sparse.hstack([eye, -eye, eye, -eye, np.zeros((n, 1))], "csr")
    cost = np.concatenate([np.zeros(2 * n), -weight, weight, [-shift]])
    limits = [(0, None)] * (4 * n) + [(0, 1)]
    done = scipy.optimize.linprog(cost, below, np.concatenate([room, 0 * room]), equal, point - problem.clean, limits, method="highs-ds")
    assert done.status == 0, done.message
    slope = -done.eqlin.marginals
    return slope, np.max(problem.maximum(np.stack([-slope, weight - slope])) + [0, bias])


def separate(relaxation, point, family):
    """The most violated cut of every neuron, where it is violated."""
    cuts = []
    for k in range(len(relaxation.lower)):
        inputs, outputs = relaxation.inputs_of(k, point), relaxation.inputs_of(k + 1, point)
        for i in relaxation.unstable(k):
            if family == "ball" and k == 0:
                weight, bias = ball_cut(relaxation.problem, i, inputs)
            else:
                weight, bias = cut(relaxation.problem.weights[k][i], relaxation.problem.biases[k][i], *relaxation.input_box(k), inputs)
            if outputs[i] > weight @ inputs + bias + VIOLATION:
                cuts.append((k, i, weight, bias))
    return cuts


def check(relaxation, points, generator, over_boxes):
    """The smallest slack of a cut at a vertex of its box; a wrong cut or bound fails. points: rows that obey the relaxation's phases."""
    problem, smallest = relaxation.problem, np.inf
    inputs, values = problem.forward(points)
    for k, (low, high) in enumerate(zip(relaxation.lower, relaxation.upper)):
        assert np.all(values[k] >= low - 1e-9) and np.all(values[k] <= high + 1e-9), f"{problem.name}: bounds of layer {k} miss a forward pass"
    for k, i, weight, bias in relaxation.cuts:
        slack = inputs[k] @ weight + bias - inputs[k + 1][:, i]
        assert np.all(slack >= -1e-9), f"{problem.name}: a cut of neuron {i} of layer {k} is violated by {-np.min(slack)} at a forward pass"
        smallest = min(smallest, np.min(slack))
        if k == 0 and not over_boxes:
            continue
        # Vertices around the one where the cut is tight by construction: its own inputs at their near ends, the others far.
        (low, high), own = relaxation.input_box(k), problem.weights[k][i]
        near, far = np.where(own >= 0, low, high), np.where(own >= 0, high, low)
        flipped = generator.random((200, len(own))) < generator.choice([0, 0.02, 0.5], (200, 1), p=[0.05, 0.6, 0.35])
        vertices = np.where((weight != 0) ^ flipped, near, far)
        slack = vertices @ weight + bias - np.maximum(0, vertices @ own + problem.biases[k][i])
        assert np.all(slack >= -1e-8), f"{problem.name}: a cut of neuron {i} of layer {k} is violated by {-np.min(slack)} at a vertex of its box"
        smallest = min(smallest, np.min(slack))
    return smallest


def with_cuts(relaxation, rounds, family="box"):
    """Rounds of separation: bound before, bound after, last point, CPU seconds of the first program, of the last and of everything."""
    start = time.process_time()
    bound, point, first = relaxation.margin()
    before, last = bound, first
    for _ in range(rounds):
        cuts = separate(relaxation, point, family) if point is not None else []
        if not cuts:
            break
        relaxation.add(cuts)
        bound, point, last = relaxation.margin()
    return before, bound, point, first, last, time.process_time() - start


def tree(problem, cutoff, options, rounds, inherited):
    """Nodes and CPU seconds until no node's bound is above the cutoff; the neuron whose output is most above its ReLU is split. Box cuts are
    separated at every node; those of the first layer over the ball come from the root, and hold at every node whose neuron is still open."""
    start, count, nodes = time.process_time(), 0, [({}, None)]
    while nodes and count < options.tree:
        phases, parent = nodes.pop()
        count += 1
        bounds = backward_bounds(problem, phases, parent)
        bounds = bounds and (bounds if options.untightened else tightened(problem, bounds, cutoff))
        if bounds is None:
            continue
        relaxation = Relaxation(problem, *bounds)
        relaxation.add([entry for entry in inherited if entry[1] in relaxation.unstable(0)])
        _, bound, point, *_ = with_cuts(relaxation, rounds)
        if bound <= cutoff:
            continue
        gaps = {}
        for k in range(len(bounds[0])):
            z, h = relaxation.inputs_of(k, point) @ problem.weights[k].T + problem.biases[k], relaxation.inputs_of(k + 1, point)
            gaps |= {(k, i): h[i] - max(0, z[i]) for i in relaxation.unstable(k)}
        worst = max(gaps, key=gaps.get, default=None)
        assert worst is not None and gaps[worst] > 1e-7, f"{problem.name}: a node without violated neurons is above the optimum by {bound - cutoff}"
        nodes += [(phases | {worst: active}, bounds) for active in (False, True)]
    return count, bool(nodes), time.process_time() - start


def trees(problem, row, options):
    root = Relaxation(problem, *backward_bounds(problem))
    with_cuts(root, options.rounds, "ball")
    ours, cells = [entry for entry in root.cuts if entry[0] == 0], []
    lines = Lines(problem, root.cuts, root.duals)
    for rounds, cuts, problem.lines in ((0, [], None), (options.rounds, [], None), (0, ours, None), (0, [], lines)):
        nodes, stopped, seconds = tree(problem, row["verified_objective"] + 1e-6, options, rounds, cuts)
        cells.append(f"{('>' if stopped else '') + str(nodes):>6} {seconds:6.1f}")
    print(f"{problem.name:<27} {problem.epsilon:5.2f} {row['nodes']:>7} {row['cpu_seconds']:6.2f} {' '.join(cells)} {len(ours):>5}", flush=True)


BOUNDS = {"interval": interval_bounds, "crown": backward_bounds, "lp": program_bounds}


def bab(program, path, name, limit):
    command = [program, "solve", path, "--problem", name, "--solver", "bab", "--json", "--cpu-limit", str(limit), "--time-limit", str(100 * limit)]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=False).stdout.splitlines()[0])


def roots(problem, best, proven, options):
    for name in options.bounds:
        generator = np.random.default_rng(1)
        start = time.process_time()
        bounds = BOUNDS[name](problem)
        seconds, cells, tightest = time.process_time() - start, [], []
        for family in ("box", "ball"):
            relaxation = Relaxation(problem, *bounds)
            before, after, _, first, last, total = with_cuts(relaxation, options.rounds, family)
            tightest.append(check(relaxation, problem.points(generator), generator, family == "box"))
            assert after >= best - 1e-6, f"{problem.name}: bound {after} is below a verified margin {best}"
            layers = "+".join(str(sum(k == layer for k, *_ in relaxation.cuts)) for layer in range(len(bounds[0])))
            closed = 100 * (before - after) / (before - best) if before - best > 1e-6 else 0.0
            cells.append(f"{after:8.4f} {closed:6.2f} {1e3 * last:6.0f} {1e3 * total:7.0f} {layers:>13}")
        print(f"{problem.name:<27} {problem.epsilon:5.2f} {name:<8} {seconds:6.2f} {best:8.4f}{' ' if proven else '*'} {before:9.4f} {1e3 * first:6.0f} "
              f"| {' | '.join(cells)} | {min(tightest):7.0e}", flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("problems", nargs="+")
    parser.add_argument("--bounds", nargs="+", default=["crown", "lp"], choices=list(BOUNDS))
    parser.add_argument("--only", nargs="+")
    parser.add_argument("--tree", type=int)
    parser.add_argument("--untightened", action="store_true")
    parser.add_argument("--limit", type=float, default=20)
    parser.add_argument("--rounds", type=int, default=20)
    options = parser.parse_args()
    if options.tree:
        parts = " ".join(f"{part:>6} {'s':>6}" for part in ("none", "box", "ball", "lines"))
        print(f"{'problem':<27} {'eps':>5} {'bab':>7} {'s':>6} {parts} {'cuts':>5}")
    else:
        part = f"{'bound':>8} {'closed':>6} {'last':>6} {'all ms':>7} {'cuts by layer':>13}"
        print(f"{'problem':<27} {'eps':>5} {'bounds':<8} {'s':>6} {'optimum':>8}  {'no cuts':>9} {'LP ms':>6} | {part} | {part} | {'slack':>7}")
    for path in options.problems:
        with h5py.File(path) as file:
            problems = [Problem(group, name) for name, group in file.items() if not options.only or name in options.only]
        for problem in problems:
            row = bab(options.program, path, problem.group, options.limit)
            best, proven = row["verified_objective"], row["status"] == "optimal"
            if not options.tree:
                roots(problem, best, proven, options)
            elif proven:
                trees(problem, row, options)


if __name__ == "__main__":
    main()
