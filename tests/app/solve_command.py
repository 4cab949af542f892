"""`espalier solve` on the reference problems and on damaged copies of them."""
import shutil
import unittest

import h5py
import numpy as np

from harness import PROBLEMS, Case, json_lines

KEYS = {"problem", "solver", "formulation", "bounds", "goal", "status", "reason", "claimed_objective", "verified_objective", "dual_bound",
        "nodes", "seconds", "first_adversarial_seconds", "proved_by", "proof_seconds", "proved_bound"}


def small_problems():
    with h5py.File(PROBLEMS) as file:
        return {name: file[name].attrs["optimum"] for name in file if "2x16" in name or "2x24" in name}


class Solve(Case):
    def test_small_reference_problems(self):
        optima = small_problems()
        self.assertTrue(optima)
        names = [word for name in optima for word in ("--problem", name)]
        answers = json_lines(self.run_ok("solve", PROBLEMS, *names, "--json").stdout)
        self.assertEqual([a["problem"] for a in answers], list(optima))
        for answer in answers:
            self.assertLessEqual(KEYS, set(answer))
            self.assertEqual(answer["status"], "optimal")
            self.assertIn(answer["proved_by"], ("bounds", "native"))
            self.assertGreater(answer["proof_seconds"], 0)
            self.assertAlmostEqual(answer["proved_bound"], optima[answer["problem"]], delta=2e-5 * (1 + abs(optima[answer["problem"]])))
            self.assertAlmostEqual(answer["claimed_objective"], optima[answer["problem"]], delta=1e-5)
            self.assertAlmostEqual(answer["verified_objective"], optima[answer["problem"]], delta=1e-5)

    def test_a_claim_that_is_not_checked_is_called_one(self):
        name = next(iter(small_problems()))
        for goal, said in (("optimize", "optimal_claimed"), ("decide", "robust_claimed")):
            answer = json_lines(self.run_ok("solve", PROBLEMS, "--problem", "mnist_18_2x24_0", "--goal", goal, "--check-share", "0",
                                            "--json").stdout)[0]
            self.assertEqual((answer["status"], answer["proved_by"], answer["proved_bound"]), (said, "none", None))
        text = self.run_ok("solve", PROBLEMS, "--problem", name, "--check-share", "0").stdout
        self.assertIn("optimal_claimed", text)
        self.assertIn("unconfirmed: ", text)
        self.refused("solve", PROBLEMS, "--problem", name, "--check-share", "1.5", code=2, says=["--check-share"])

    def test_decide(self):
        for name, optimum in small_problems().items():
            answer = json_lines(self.run_ok("solve", PROBLEMS, "--problem", name, "--goal", "decide", "--json").stdout)[0]
            self.assertEqual(answer["status"], "adversarial" if optimum > 0 else "robust")
            if optimum > 0:
                self.assertGreater(answer["verified_objective"], 0)
                self.assertLessEqual(answer["first_adversarial_seconds"], answer["seconds"])
            else:
                self.assertLess(answer["dual_bound"], 0)
                self.assertIsNone(answer["first_adversarial_seconds"])

    def test_a_time_limit_that_is_too_short_is_a_limit(self):
        name = next(iter(small_problems()))
        answer = json_lines(self.run_ok("solve", PROBLEMS, "--problem", name, "--time-limit", "1e-6", "--json").stdout)[0]
        self.assertEqual((answer["status"], answer["limit"]), ("limit", "time"))

    def test_external_solver(self):
        name, optimum = next(iter(small_problems().items()))
        answer = json_lines(self.run_ok("solve", PROBLEMS, "--problem", name, "--solver", "external:cbc", "--json").stdout)[0]
        self.assertEqual(answer["status"], "optimal")
        self.assertAlmostEqual(answer["verified_objective"], optimum, delta=1e-5)


class BadProblemFile(Case):
    def damaged(self, damage):
        path = self.folder / "problems.h5"
        shutil.copy(PROBLEMS, path)
        path.chmod(0o644)
        with h5py.File(path, "r+") as file:
            name = next(iter(file))
            damage(file[name])
        return path, name

    def expect(self, damage, says):
        path, name = self.damaged(damage)
        self.refused("solve", path, "--problem", name, code=2, says=["problems.h5", name, *says])

    def test_nan_weight(self):
        def damage(problem):
            problem["network/layer_0/weight"][2, 3] = np.nan
        self.expect(damage, ["layer 0", "weight[2, 3] = nan"])

    def test_wrong_shape(self):
        def damage(problem):
            bias = problem["network/layer_0/bias"][:-1]
            del problem["network/layer_0/bias"]
            problem["network/layer_0/bias"] = bias
        self.expect(damage, ["bias"])

    def test_input_of_another_length(self):
        def damage(problem):
            values = problem["input"][:-1]
            del problem["input"]
            problem["input"] = values
        self.expect(damage, ["input"])

    def test_input_outside_the_box(self):
        def damage(problem):
            problem["input"][5] = 1.5
        self.expect(damage, ["1.5"])

    def test_bad_attributes(self):
        for attribute, value, says in (("epsilon", -1.0, "epsilon"), ("epsilon", 0.0, "epsilon"), ("label", 11, "label"), ("norm", "linf", "norm")):
            with self.subTest(attribute=attribute, value=value):
                def damage(problem):
                    problem.attrs[attribute] = value
                self.expect(damage, [says])

    def test_target_equal_to_label(self):
        def damage(problem):
            problem.attrs["target"] = problem.attrs["label"]
        self.expect(damage, ["target"])

    def test_unknown_problem(self):
        name = next(iter(small_problems()))
        self.refused("solve", PROBLEMS, "--problem", name + "x", code=2, says=["did you mean", name])

    def test_not_hdf5_and_truncated(self):
        path = self.folder / "problems.h5"
        path.write_text("not a problem file")
        self.refused("solve", path, code=2, says="problems.h5")
        path.write_bytes(PROBLEMS.read_bytes()[:5000])
        self.refused("solve", path, code=2, says="problems.h5")

    def test_missing_file_and_bad_options(self):
        self.refused("solve", self.folder / "none.h5", code=2, says="none.h5")
        for seconds in ("-1", "0", "soon"):
            self.refused("solve", PROBLEMS, "--time-limit", seconds, code=2, says="--time-limit")
        self.refused("solve", PROBLEMS, "--time-limit", "nan", code=2, says=["time_limit", "nan"])
        self.refused("solve", PROBLEMS, "--formulation", "leen", code=2, says="leen")
        self.refused("solve", PROBLEMS, "--solver", "gurobi", code=2, says=["gurobi", "cbc"])


if __name__ == "__main__":
    unittest.main(verbosity=1)
