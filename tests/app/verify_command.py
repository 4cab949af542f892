"""espalier verify: verdicts, witnesses, and what it says of bad input."""
import gzip
import json
import re
import unittest

import h5py
import numpy as np

from harness import ROOT, Case

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
