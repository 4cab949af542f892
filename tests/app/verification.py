"""Problems that are given in files: study verification. Usage: verification.py [unittest arguments]."""
import csv
import gzip
import io
import unittest

import h5py
import numpy as np

from harness import PROBLEMS, ROOT, Case, steady, table

GRID = """
study: verification
name: given
parameters: {solve.time_limit: 1000}
grid:
  - zip: {problems: FILE}
    product: {solve.goal: [optimize, decide]}
    exclude: [{problem.name: SLOW}]
"""
SMALL = ["fashion_14_2x16_0", "fashion_14_2x16_50", "mnist_14_2x16_0"]


def small_network(file, name, random):
    """A network of 6 inputs, 5 neurons and 3 outputs, in a problem that has no more than it needs."""
    group = file.create_group(name)
    group["input"] = random.random(6)
    for k, (outputs, inputs) in enumerate([(5, 6), (3, 5)]):
        group[f"network/layer_{k}/weight"] = random.normal(size=(outputs, inputs)).astype("f4")
    return group


class Verification(Case):
    def setUp(self):
        super().setUp()
        with h5py.File(PROBLEMS) as file:
            self.optima = {name: file[name].attrs["optimum"] for name in SMALL}
            slow = [name for name in file if name not in SMALL]
        self.grid = self.folder / "grid.yaml"
        self.grid.write_text(GRID.replace("FILE", str(PROBLEMS)).replace("SLOW", f"[{', '.join(slow)}]"))
        self.out = self.folder / "out"

    def test_the_optima_are_those_that_are_known(self):
        self.run_ok("run", self.grid, "--out", self.out, "--quiet", ranks=3)
        self.run_ok("check", self.out)
        rows = table(self.out, "solves")
        self.assertEqual(len(rows), 2 * len(SMALL))
        for row in rows:
            optimum = self.optima[row["problem_name"].decode()]
            if row["solve_goal"] == b"optimize":
                self.assertEqual(row["solve_status"], b"optimal")
                self.assertAlmostEqual(row["verified_objective"], optimum, delta=1e-5)
            else:
                self.assertEqual(row["solve_status"], b"adversarial" if optimum > 0 else b"robust")
        problems = table(self.out, "problems")
        self.assertEqual([row["problem_name"].decode() for row in problems], sorted(SMALL))
        self.assertEqual({row["key"] for row in problems}, {row["problem"] for row in rows})
        np.testing.assert_allclose(problems["optimum"], [self.optima[name] for name in sorted(SMALL)])
        alone = self.folder / "alone"
        self.run_ok("run", self.grid, "--out", alone, "--quiet", "--save-problems")
        self.assertEqual(len(list((alone / "problems").iterdir())), len(rows))
        for name in ("solves", "problems", "stages"):
            self.assertEqual(steady(alone, name), steady(self.out, name), name)
        text = self.run_ok("report", self.out, "--out", self.folder / "report").stdout
        self.assertIn("file problems.h5, solver bab", text)
        counts = {row["solve_goal"]: row for row in csv.DictReader(io.StringIO((self.folder / "report" / "verification.csv").read_text()))}
        self.assertEqual((counts["decide"]["solves"], counts["decide"]["adversarial"]), ("3", str(sum(o > 0 for o in self.optima.values()))))

    def test_every_question_can_be_asked_and_checked(self):
        random = np.random.default_rng(0)
        with h5py.File(self.folder / "mine.h5", "w") as file:
            for name, attributes in {"l2": dict(norm="l2", epsilon=0.5, label=0, target="any"), "linf": dict(norm="linf", epsilon=0.2, label=1, target=2),
                                     "[a, b]: c": dict(norm="none", label=0, target=1), "functions": dict(norm="l1", epsilon=1.0),
                                     "rows": dict(norm="row-wise", epsilon=0.5, input_side=3, label=2, target=0)}.items():
                group = small_network(file, name, random)
                group.attrs.update(attributes)
                if name == "rows":
                    del group["input"]
                    group["input"] = random.random(9)
                    del group["network/layer_0/weight"]
                    group["network/layer_0/weight"] = random.normal(size=(5, 9)).astype("f4")
                if name == "functions":
                    group["functions"] = random.normal(size=(2, 3))
                if name == "[a, b]: c":
                    group["lower"], group["upper"] = group["input"][:] - 3, group["input"][:] + 2
        self.grid.write_text(GRID.replace("FILE", "mine.h5").replace("    exclude: [{problem.name: SLOW}]\n", ""))
        self.run_ok("run", self.grid, "--out", self.out, "--quiet")
        self.run_ok("check", self.out)
        answers = {}
        for row in table(self.out, "solves"):
            answers.setdefault(row["problem_name"].decode(), {})[row["solve_goal"].decode()] = row
        for name, of in answers.items():
            self.assertEqual(of["optimize"]["solve_status"], b"optimal", name)
            self.assertEqual(of["decide"]["solve_status"], b"adversarial" if of["optimize"]["verified_objective"] > 0 else b"robust", name)
        self.assertEqual(len(answers), 5)
        with h5py.File(self.out / "results.h5", "r+") as file:
            rows = file["solves"][:]
            rows["verified_objective"][0] += 1e-3
            file["solves"][:] = rows
        self.run_ok("check", self.out / "results.h5", code=1)

    def test_a_problem_that_is_wrong_costs_its_own_rows(self):
        random = np.random.default_rng(1)
        with h5py.File(self.folder / "mine.h5", "w") as file:
            for name in ("good", "bad"):
                small_network(file, name, random).attrs.update(norm="l2", epsilon=0.5, label=0, target=1)
            file["bad"].attrs["label"] = 7
        self.grid.write_text(GRID.replace("FILE", "mine.h5").replace("    exclude: [{problem.name: SLOW}]\n", ""))
        self.run_ok("run", self.grid, "--out", self.out, "--quiet", code=1)
        stages = table(self.out, "stages")
        self.assertEqual([row["status"] for row in stages if row["kind"] == b"import_problem"].count(b"failed"), 1)
        self.assertIn("mine.h5: problem 'bad'", " ".join(row["message"].decode() for row in stages))
        self.assertEqual([row["status"] for row in table(self.out, "solves")].count(b"done"), 2)

    def test_solvers_that_cannot_are_failed_rows_that_say_so(self):
        random = np.random.default_rng(1)
        with h5py.File(self.folder / "mine.h5", "w") as file:
            small_network(file, "ball", random).attrs.update(norm="l2", epsilon=0.5, label=0, target=1)
        self.grid.write_text(GRID.replace("FILE", "mine.h5").replace("    exclude: [{problem.name: SLOW}]\n", ""))
        self.run_ok("run", self.grid, "--out", self.out, "--quiet", "--set", "solve.solver=cbc", code=1)
        self.assertIn(b"l2", table(self.out, "solves")["message"][0])

    def test_grids_that_make_no_sense_are_refused(self):
        text = GRID.replace("    exclude: [{problem.name: SLOW}]\n", "")
        for file, sentence in (("none.h5", "grid[0].zip: cannot open"), ("grid.yaml", "grid[0].zip: "), ("[a, b]", "expected {problems: FILE}, the name of one file")):
            self.grid.write_text(text.replace("FILE", file))
            self.refused("plan", self.grid, code=2, says=sentence)
        self.grid.write_text(text.replace("zip: {problems: FILE}", f"parameters: {{problem.file: {PROBLEMS}}}"))
        self.refused("plan", self.grid, code=2, says="problem.name is required")
        self.grid.write_text(text.replace("FILE", str(PROBLEMS)).replace("study: verification", "study: surrogate"))
        self.refused("plan", self.grid, code=2, says="problems")


LIST = """
study: verification
name: list
grid:
  - zip: {instances: list.csv}
"""


class Instances(Case):
    """Properties of given networks."""

    def setUp(self):
        super().setUp()
        (self.folder / "dense.onnx").write_bytes((ROOT / "tests" / "fuzz" / "seeds" / "onnx" / "dense.onnx").read_bytes())
        self.property("never", "(>= Y_0 1e6)")
        self.property("always", "(or (<= Y_0 Y_1) (>= Y_0 Y_1))")
        self.property("both", "(and (<= Y_0 100) (>= Y_1 -100))")
        (self.folder / "zipped.vnnlib.gz").write_bytes(gzip.compress((self.folder / "never.vnnlib").read_bytes()))
        self.property("other", "(>= Y_0 0)", inputs=3)
        self.grid = self.folder / "grid.yaml"
        self.grid.write_text(LIST)
        self.write_list("never", "always", "both", "zipped")
        self.out = self.folder / "out"

    def property(self, name, assertion, inputs=2):
        lines = [f"(declare-const X_{i} Real)" for i in range(inputs)] + [f"(declare-const Y_{i} Real)" for i in range(2)]
        lines += [f"(assert (and (>= X_{i} -1) (<= X_{i} 1)))" for i in range(inputs)] + [f"(assert {assertion})"]
        (self.folder / f"{name}.vnnlib").write_text("\n".join(lines))

    def write_list(self, *names, seconds=60):
        (self.folder / "list.csv").write_text("".join(f"dense.onnx,{name}.vnnlib,{seconds}\n" for name in names))

    def test_verdicts_are_rows_and_the_same_on_any_number_of_ranks(self):
        self.run_ok("run", self.grid, "--out", self.out, "--quiet", ranks=3)
        self.assertIn("4 verdicts on properties", self.run_ok("check", self.out).stdout)
        rows = {row["property_file"].decode(): row for row in table(self.out, "verdicts")}
        self.assertEqual({name: row["verdict"].decode() for name, row in rows.items()},
                         {"never.vnnlib": "unsat", "zipped.vnnlib.gz": "unsat", "always.vnnlib": "sat", "both.vnnlib": "sat"})
        self.assertTrue(np.isnan(rows["never.vnnlib"]["margin"]))
        self.assertGreaterEqual(rows["both.vnnlib"]["margin"], 0)
        self.run_ok("run", self.grid, "--out", self.folder / "alone", "--quiet")
        self.assertEqual(steady(self.folder / "alone", "verdicts"), steady(self.out, "verdicts"))
        text = self.run_ok("report", self.out, "--out", self.folder / "report").stdout
        self.assertRegex(text, r"dense.onnx +4 +2 +2 ")
        counts = list(csv.DictReader(io.StringIO((self.folder / "report" / "verdicts.csv").read_text())))
        self.assertEqual([(row["network"], row["sat"], row["unsat"]) for row in counts], [("dense.onnx", "2", "2")])

    def test_a_witness_that_was_changed_is_found(self):
        self.run_ok("run", self.grid, "--out", self.out, "--quiet")
        moved = self.folder / "moved.h5"
        moved.write_bytes((self.out / "results.h5").read_bytes())
        self.assertIn("2 witnesses were not run again", self.run_ok("check", moved).stdout)
        with h5py.File(self.out / "results.h5", "r+") as file:
            rows = file["verdicts"][:]
            rows["margin"][rows["verdict"] == b"sat"] += 1e-3
            file["verdicts"][:] = rows
        self.assertIn("margin and margin_float32 are", self.run_ok("check", self.out / "results.h5", code=1).stdout)

    def test_mistakes_are_told(self):
        self.write_list("other", "never")
        self.run_ok("run", self.grid, "--out", self.out, "--quiet", code=1)
        rows = {row["property_file"]: row for row in table(self.out, "verdicts")}
        self.assertEqual(rows[b"never.vnnlib"]["verdict"], b"unsat")
        self.assertIn(b"expected 2 inputs and 2 outputs (the network's), found 3 and 2", rows[b"other.vnnlib"]["message"])
        (self.folder / "list.csv").write_text("dense.onnx,never.vnnlib\n")
        self.refused("plan", self.grid, code=2, says="line 1: expected a network, a property and seconds")
        self.write_list("never", seconds=0)
        self.refused("plan", self.grid, code=2, says="line 1: expected seconds above 0, found '0'")
        (self.folder / "list.csv").write_text("dense.onnx,gone.vnnlib,1\n")
        self.refused("plan", self.grid, code=2, says="gone.vnnlib")
        (self.folder / "list.csv").write_text("never.vnnlib,dense.onnx,1\n")
        self.refused("plan", self.grid, code=2, says="dense.onnx")
        self.grid.write_text(LIST.replace("zip: {instances: list.csv}", "parameters: {property.file: never.vnnlib}"))
        self.refused("plan", self.grid, code=2, says="network.file is required")
        self.grid.write_text(LIST.replace("zip: {instances: list.csv}", "parameters: {solve.goal: decide}"))
        self.refused("plan", self.grid, code=2, says="problem.file is required")

    def test_no_time_is_a_timeout_that_a_longer_limit_solves_again(self):
        self.grid.write_text(LIST + "    parameters: {verify.splitting: phases}\n")
        for seconds, verdict in ((1e-6, b"timeout"), (60, b"unsat"), (70, b"unsat")):
            self.write_list("never", seconds=seconds)
            self.run_ok("run", self.grid, "--out", self.out, "--quiet", "--extend")
            row = [row for row in table(self.out, "verdicts") if row["solve_time_limit"] == seconds][0]
            self.assertEqual((row["verdict"], row["splitting"]), (verdict, b"phases"))
        self.assertEqual(row["time_limit"], 60)  # what was known is not solved again



if __name__ == "__main__":
    unittest.main()
