"""espalier verify: verdicts, witnesses, and what it says of bad input."""
import gzip
import json
import re
import unittest

import h5py
import numpy as np

from harness import ROOT, Case, table

DENSE = ROOT / "tests" / "fuzz" / "seeds" / "onnx" / "dense.onnx"  # 2 inputs, 3 neurons, 2 outputs


class Verify(Case):
    def property(self, assertion, inputs=2, outputs=2, name="p.vnnlib"):
        lines = [f"(declare-const X_{i} Real)" for i in range(inputs)] + [f"(declare-const Y_{i} Real)" for i in range(outputs)]
        lines += [f"(assert (and (>= X_{i} -1) (<= X_{i} 1)))" for i in range(inputs)] + [f"(assert {assertion})"]
        path = self.folder / name
        path.write_text("\n".join(lines) + "\n")
        return path

    def abs_network(self):
        """y = |x_0 - 1/4| + x_1, as HDF5."""
        path = self.folder / "abs.h5"
        with h5py.File(path, "w") as file:
            file["layer_0/weight"] = np.array([[1, 0], [-1, 0], [0, 1], [0, -1]], np.float32)
            file["layer_0/bias"] = np.array([-0.25, 0.25, 0, 0], np.float32)
            file["layer_1/weight"] = np.array([[1, 1, 1, -1]], np.float32)
            file["layer_1/bias"] = np.zeros(1, np.float32)
        return path

    def test_verdicts_and_witness_as_the_competition_writes_them(self):
        network = self.abs_network()
        self.assertEqual(self.run_ok("verify", network, self.property("(>= Y_0 2.26)", outputs=1)).stdout, "unsat\n")
        text = self.run_ok("verify", network, self.property("(and (>= Y_0 1.9) (<= Y_0 1.95))", outputs=1)).stdout
        self.assertTrue(text.startswith("sat\n(("), text)
        self.assertEqual(text.count("("), text.count(")"))
        values = {name: float(number) for name, number in re.findall(r"\((\w+) (\S+?)\)", text)}
        self.assertEqual(sorted(values), ["X_0", "X_1", "Y_0"])
        self.assertAlmostEqual(values["Y_0"], abs(values["X_0"] - 0.25) + values["X_1"], places=5)
        self.assertTrue(1.9 <= values["Y_0"] <= 1.95)

    def test_json_has_margins_and_both_kinds_of_splitting_agree(self):
        sure = self.property("(or (<= Y_0 Y_1) (>= Y_0 Y_1))")
        never = self.property("(>= Y_0 1e6)", name="never.vnnlib")
        for kind in ("inputs", "phases"):
            row = json.loads(self.run_ok("verify", DENSE, sure, "--json", "--splitting", kind).stdout)
            self.assertEqual((row["verdict"], row["splitting"], len(row["witness"]["input"]), len(row["witness"]["outputs"])), ("sat", kind, 2, 2))
            self.assertGreaterEqual(row["witness"]["margin"], 0)
            row = json.loads(self.run_ok("verify", DENSE, never, "--json", "--splitting", kind).stdout)
            self.assertEqual((row["verdict"], row["witness"], row["boxes"]), ("unsat", None, 1))

    def test_networks_are_converted_both_ways(self):
        hdf5, onnx, back = (self.folder / name for name in ("dense.h5", "dense.onnx", "back.h5"))
        self.refused("convert", DENSE, hdf5, code=2, says="--round-weights")  # the last bias is a sum
        self.assertIn("2-3-2, 17 weights and biases, rounded to float32", self.run_ok("convert", DENSE, hdf5, "--round-weights").stdout)
        self.run_ok("convert", hdf5, onnx)
        self.run_ok("convert", onnx, back)
        with h5py.File(hdf5) as first, h5py.File(back) as last:
            for k in (0, 1):
                for name in ("weight", "bias"):
                    np.testing.assert_array_equal(first[f"layer_{k}/{name}"][:], last[f"layer_{k}/{name}"][:])
        self.refused("convert", hdf5, self.folder / "n.txt", code=2, says="expected a name that ends in .onnx or .h5")
        self.refused("convert", hdf5, self.folder / "no" / "n.onnx", code=3, says="n.onnx")
        (self.folder / "text.h5").write_text("text")
        self.refused("convert", self.folder / "text.h5", onnx, code=2, says="text.h5")

    def test_a_given_network_of_a_run_may_be_onnx(self):
        grid = self.folder / "grid.yaml"
        network = self.folder / "given.h5"
        with h5py.File(network, "w") as file:
            random = np.random.default_rng(0)
            for k, shape in enumerate([(6, 16), (10, 6)]):
                file[f"layer_{k}/weight"], file[f"layer_{k}/bias"] = random.normal(size=shape).astype("f4"), np.zeros(shape[0], "f4")
        self.run_ok("convert", network, self.folder / "given.onnx")
        keys = []
        for name in ("given.h5", "given.onnx"):
            grid.write_text(f"""
study: surrogate
name: given
parameters: {{dataset: {{name: fashion-mnist, side: 4}}, network.file: {name}, problem.epsilon: 1, solve.time_limit: 60}}
grid:
  - parameters: {{prune: {{criterion: magnitude, rate: 0.5}}}}
""")
            self.run_ok("run", grid, "--out", self.folder / name.replace(".", "-"), "--quiet")
            keys.append(table(self.folder / name.replace(".", "-"), "solves")["verified_objective"])
        np.testing.assert_array_equal(*keys)

    def test_gzipped_files(self):
        for name, content in (("n.onnx.gz", DENSE.read_bytes()), ("p.vnnlib.gz", self.property("(>= Y_0 1e6)").read_bytes())):
            (self.folder / name).write_bytes(gzip.compress(content))
        self.assertEqual(self.run_ok("verify", self.folder / "n.onnx.gz", self.folder / "p.vnnlib.gz").stdout, "unsat\n")

    def test_bad_input_is_told(self):
        good = self.property("(>= Y_0 0)")
        damaged = self.folder / "damaged.onnx"
        damaged.write_bytes(DENSE.read_bytes()[:-40])
        self.refused("verify", damaged, good, code=2, says=["damaged.onnx", "expected"])
        self.refused("verify", DENSE, self.property("(>= Y_0 0", name="open.vnnlib"), code=2, says="open.vnnlib")
        self.refused("verify", DENSE, self.property("(>= Y_0 0)", inputs=3, name="three.vnnlib"), code=2,
                     says="expected 2 inputs and 2 outputs (the network's), found 3 and 2")
        self.refused("verify", self.folder / "no.onnx", good, code=2, says="no.onnx")
        self.refused("verify", DENSE, good, "--splitting", "input", code=2, says="did you mean 'inputs'?")
        self.refused("verify", DENSE, good, "--time-limit", "-1", code=2, says="--time-limit")


if __name__ == "__main__":
    unittest.main()
