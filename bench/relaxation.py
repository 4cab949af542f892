"""The triangle relaxation of a problem's network and bounds of its hidden neurons, for relu_cuts.py."""
import time

import numpy as np
import scipy.optimize
import scipy.sparse


class Lines:
    """Upper bounds of some neurons of the first layer as affine functions of the pixels: mixtures of a relaxation's cuts by their dual values."""

    def __init__(self, problem, cuts, duals):
        self.slopes, self.offsets, total = np.zeros_like(problem.weights[0]), np.zeros_like(problem.biases[0]), np.zeros_like(problem.biases[0])
        for (k, i, weight, bias), dual in zip(cuts, duals):
            if k == 0:
                self.slopes[i], self.offsets[i], total[i] = self.slopes[i] + dual * weight, self.offsets[i] + dual * bias, total[i] + dual
        self.given = total > 1e-9
        self.slopes, self.offsets = self.slopes / np.where(self.given, total, 1)[:, None], self.offsets / np.where(self.given, total, 1)


class Problem:
    def __init__(self, group, name):
        self.group, self.name, self.lines = name, name, None
        self.clean, self.epsilon = group["input"][()], float(group.attrs["epsilon"])
        layers = [group[f"network/layer_{k}"] for k in range(len(group["network"]))]
        self.weights = [layer["weight"][()].astype(float) for layer in layers]
        self.biases = [layer["bias"][()].astype(float) for layer in layers]
        if name.count("_") < 3:  # dataset, side and image: say which network
            self.name += f" {len(layers) - 1}x{len(self.biases[0])}"
        target, label = int(group.attrs["target"]), int(group.attrs["label"])
        self.weights[-1] = self.weights[-1][[target]] - self.weights[-1][[label]]  # the margin is the one output
        self.biases[-1] = self.biases[-1][[target]] - self.biases[-1][[label]]
        self.box = [np.maximum(0, self.clean - self.epsilon), np.minimum(1, self.clean + self.epsilon)]

    def maximum(self, rows):
        """Of linear functions over the ball cut with the box: a fractional knapsack for each row."""
        room = np.where(rows > 0, self.box[1] - self.clean, self.clean - self.box[0])
        order = np.argsort(-abs(rows), axis=1)
        room = np.take_along_axis(room, order, axis=1)
        taken = np.clip(self.epsilon - (np.cumsum(room, axis=1) - room), 0, room)
        return rows @ self.clean + np.sum(taken * np.take_along_axis(abs(rows), order, axis=1), axis=1)

    def forward(self, point):
        """Inputs of every layer's neurons and their pre-activations, of one point or of many as rows."""
        inputs, values = [point], []
        for weight, bias in zip(self.weights, self.biases):
            values.append(inputs[-1] @ weight.T + bias)
            inputs.append(np.maximum(0, values[-1]))
        return inputs, values

    def points(self, generator, count=4000):
        """Of the ball cut with the box: vertices, few pixels moved far, many a little, and the clean input."""
        moves = np.zeros((count, len(self.clean)))
        for move in moves[: count // 2]:
            left = self.epsilon
            for j in generator.permutation(len(move))[:40]:
                side = generator.integers(2)
                move[j] = (2 * side - 1) * min(left, abs(self.box[side][j] - self.clean[j]))
                left -= abs(move[j])
        for move in moves[count // 2 : -1]:
            chosen = generator.choice(len(move), generator.integers(1, len(move) + 1) if generator.random() < 0.3 else 8, replace=False)
            move[chosen] = generator.normal(size=len(chosen)) * self.epsilon
        moves = np.clip(self.clean + moves, *self.box) - self.clean
        size = np.sum(abs(moves), axis=1, keepdims=True)
        return self.clean + moves * np.minimum(1, self.epsilon / np.maximum(size, 1e-12))


def backward(problem, rows, offset, lower, upper, lines=None):
    """Upper bounds of affine functions of the inputs of layer len(lower), as functions of the inputs of every layer, the first layer's last.
    lines: of first neurons, used instead of their chords."""
    functions = [(rows, offset)]
    for k in reversed(range(len(lower))):
        low, high = np.minimum(lower[k], 0), np.maximum(upper[k], 0)
        unstable = (low < 0) & (high > 0)
        chord = np.where(unstable, high / np.where(unstable, high - low, 1), high > 0)
        slope = np.where(unstable, high > -low, high > 0)
        above = np.maximum(rows, 0)
        chords = above * ~(unstable & lines.given) if k == 0 and lines else above
        below = chords * chord + np.minimum(rows, 0) * slope
        offset = offset - chords @ np.where(unstable, chord * low, 0) + below @ problem.biases[k]
        rows = below @ problem.weights[k]
        if k == 0 and lines:
            rows, offset = rows + (above - chords) @ lines.slopes, offset + (above - chords) @ lines.offsets
        functions.append((rows, offset))
    return functions


def backward_maximum(problem, rows, offset, lower, upper):
    ends = [backward(problem, rows, offset, lower, upper, lines)[-1] for lines in {None, problem.lines}]
    return np.min([problem.maximum(rows) + offset for rows, offset in ends], axis=0)


def backward_bounds(problem, phases=(), parent=None):
    """Pre-activation bounds of all hidden layers under phases {(layer, neuron): active}; None if they are empty."""
    lower, upper = [], []
    for k in range(len(problem.weights) - 1):
        weight, bias = problem.weights[k], problem.biases[k]
        high, low = backward_maximum(problem, weight, bias, lower, upper), -backward_maximum(problem, -weight, -bias, lower, upper)
        if parent:
            low, high = np.maximum(low, parent[0][k]), np.minimum(high, parent[1][k])
        for (layer, i), active in dict(phases).items():
            if layer == k:
                low[i], high[i] = (max(low[i], 0), high[i]) if active else (low[i], min(high[i], 0))
        if np.any(low > high + 1e-9):
            return None
        lower.append(low)
        upper.append(np.maximum(low, high))
    return lower, upper


def tightened(problem, bounds, cutoff):
    """The same for inputs whose margin is above the cutoff (decision 25): mu (margin - cutoff) comes to every neuron's objective. None: no such."""
    lower, upper = [list(side) for side in bounds]
    margins = backward(problem, problem.weights[-1], problem.biases[-1], lower, upper)[::-1]
    gap = problem.maximum(margins[0][0])[0] + margins[0][1][0] - cutoff
    if gap <= 0:
        return None
    for k in range(len(lower)):
        weight, bias = problem.weights[k], problem.biases[k]
        for share in (0.3, 1, 3):
            scale = (share * (upper[k] - lower[k]) / gap)[:, None]
            row, offset = scale * margins[k][0], scale[:, 0] * (margins[k][1] - cutoff)
            upper[k] = np.minimum(upper[k], backward_maximum(problem, weight + row, bias + offset, lower[:k], upper[:k]))
            lower[k] = np.maximum(lower[k], -backward_maximum(problem, row - weight, offset - bias, lower[:k], upper[:k]))
        if np.any(lower[k] > upper[k] + 1e-9):
            return None
        upper[k] = np.maximum(lower[k], upper[k])
    return lower, upper


class Relaxation:
    """The triangle relaxation of the layers that have bounds, and cuts. Columns: steps up and down of each pixel, then for each layer the
    pre-activations and the outputs; of a neuron that is off or on, the output is fixed to 0 or is the pre-activation."""

    def __init__(self, problem, lower, upper):
        n, width = len(problem.clean), [len(low) for low in lower]
        self.problem, self.lower, self.upper, self.cuts, self.duals = problem, lower, upper, [], []
        self.first = 2 * n + 2 * np.concatenate([[0], np.cumsum(width, dtype=int)])  # column of each layer's first pre-activation
        self.bounds = np.zeros((self.first[-1], 2))
        self.bounds[:n, 1], self.bounds[n : 2 * n, 1] = problem.box[1] - problem.clean, problem.clean - problem.box[0]
        self.equal, self.equal_right = [], []
        self.below, self.below_right = [self.sparse(np.concatenate([np.ones(2 * n), np.zeros(self.first[-1] - 2 * n)])[None])], [[problem.epsilon]]
        for k, (low, high) in enumerate(zip(lower, upper)):
            z, h = np.arange(width[k]) + self.first[k], np.arange(width[k]) + self.first[k] + width[k]
            self.bounds[z], self.bounds[h] = np.stack([low, np.maximum(low, high)], 1), np.stack([np.maximum(low, 0), np.maximum(high, 0)], 1)
            rows, constant = self.of_inputs(k, problem.weights[k], problem.biases[k])
            rows[np.arange(width[k]), z] = -1
            self.equal.append(self.sparse(rows))
            self.equal_right.append(-constant)
            for i in range(width[k]):
                if high[i] <= 0:
                    continue
                slope = 1.0 if low[i] >= 0 else high[i] / (high[i] - low[i])
                self.row({z[i]: 1, h[i]: -1}, 0)
                self.row({z[i]: -slope, h[i]: 1}, -slope * min(low[i], 0))

    @staticmethod
    def sparse(rows):
        return scipy.sparse.csr_matrix(rows)

    def row(self, entries, right):
        self.below.append(scipy.sparse.csr_matrix((list(entries.values()), ([0] * len(entries), list(entries))), shape=(1, self.first[-1])))
        self.below_right.append([right])

    def of_inputs(self, k, weight, bias):
        """Affine functions of layer k's inputs as rows over the columns, and their constants."""
        rows, n = np.zeros((len(weight), self.first[-1])), len(self.problem.clean)
        if k == 0:
            rows[:, :n], rows[:, n : 2 * n] = weight, -weight
            return rows, bias + weight @ self.problem.clean
        rows[:, (self.first[k - 1] + self.first[k]) // 2 : self.first[k]] = weight
        return rows, bias

    def add(self, cuts):
        self.cuts += cuts
        for k, i, weight, bias in cuts:
            rows, constant = self.of_inputs(k, -weight[None], -np.array([bias]))
            rows[0, (self.first[k] + self.first[k + 1]) // 2 + i] = 1
            self.below.append(self.sparse(rows))
            self.below_right.append(-constant)

    def maximum(self, weight, bias):
        """Of an affine function of the last outputs, its point and the CPU seconds; minus infinity if the program is empty."""
        rows, constant = self.of_inputs(len(self.lower), weight[None], np.array([bias]))
        equal, below = scipy.sparse.vstack(self.equal, "csr"), scipy.sparse.vstack(self.below, "csr")
        right, below_right = np.concatenate(self.equal_right), np.concatenate(self.below_right)
        start = time.process_time()
        done = scipy.optimize.linprog(-rows[0], below, below_right, equal, right, self.bounds, method="highs-ds")
        seconds = time.process_time() - start
        if done.status == 2:
            return -np.inf, None, seconds
        assert done.status == 0, done.message
        self.duals = -done.ineqlin.marginals[len(below_right) - len(self.cuts) :]
        return constant[0] - done.fun, done.x, seconds

    def margin(self):
        return self.maximum(self.problem.weights[-1][0], self.problem.biases[-1][0])

    def inputs_of(self, k, point):
        n = len(self.problem.clean)
        return self.problem.clean + point[:n] - point[n : 2 * n] if k == 0 else point[(self.first[k - 1] + self.first[k]) // 2 : self.first[k]]

    def input_box(self, k):
        return self.problem.box if k == 0 else [np.maximum(0, self.lower[k - 1]), np.maximum(0, self.upper[k - 1])]

    def unstable(self, k):
        return np.flatnonzero((self.lower[k] < 0) & (self.upper[k] > 0))


def program_bounds(problem):
    """Two linear programs per neuron that backward substitution leaves unstable."""
    lower, upper = backward_bounds(problem)
    for k in range(1, len(lower)):
        relaxation = Relaxation(problem, lower[:k], upper[:k])
        for i in np.flatnonzero((lower[k] < 0) & (upper[k] > 0)):
            weight, bias = problem.weights[k][i], problem.biases[k][i]
            upper[k][i] = min(upper[k][i], relaxation.maximum(weight, bias)[0])
            lower[k][i] = max(lower[k][i], -relaxation.maximum(-weight, -bias)[0])
        lower, upper = backward_bounds(problem, parent=(lower, upper))
    return lower, upper


def interval_bounds(problem):
    """Each neuron over the box of its inputs alone; of the first layer over the box without the ball."""
    lower, upper, (low, high) = [], [], problem.box
    for weight, bias in zip(problem.weights[:-1], problem.biases[:-1]):
        lower.append(np.maximum(weight, 0) @ low + np.minimum(weight, 0) @ high + bias)
        upper.append(np.maximum(weight, 0) @ high + np.minimum(weight, 0) @ low + bias)
        low, high = np.maximum(0, lower[-1]), np.maximum(0, upper[-1])
    return lower, upper
