"""`espalier solve` on the reference problems, on damaged copies of them and on small files in every form."""
import os
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
            self.assertEqual((answer["status"], answer["solver"]), ("optimal", "bab"))
            self.assertAlmostEqual(answer["claimed_objective"], optima[answer["problem"]], delta=1e-5)
            self.assertAlmostEqual(answer["verified_objective"], optima[answer["problem"]], delta=1e-5)

    def test_a_claim_that_is_not_checked_is_called_one(self):
        name = next(iter(small_problems()))
        for goal, said in (("optimize", "optimal_claimed"), ("decide", "robust_claimed")):
            answer = json_lines(self.run_ok("solve", PROBLEMS, "--problem", "mnist_18_2x24_0", "--goal", goal, "--solver", "cbc",
                                            "--check-share", "0", "--json").stdout)[0]
            self.assertEqual((answer["status"], answer["proved_by"], answer["proved_bound"]), (said, "none", None))
        text = self.run_ok("solve", PROBLEMS, "--problem", name, "--solver", "cbc", "--check-share", "0").stdout
        self.assertIn("optimal_claimed", text)
        self.assertIn("unconfirmed: ", text)
        self.refused("solve", PROBLEMS, "--problem", name, "--check-share", "1.5", code=2, says=["--check-share"])

    def test_an_optimum_of_cbc_is_proved(self):
        name, optimum = next(iter(small_problems().items()))
        answer, = json_lines(self.run_ok("solve", PROBLEMS, "--problem", name, "--solver", "cbc", "--json").stdout)
        self.assertEqual((answer["status"], answer["solver"]), ("optimal", "cbc"))
        self.assertIn(answer["proved_by"], ("bounds", "bab"))
        self.assertGreater(answer["proof_seconds"], 0)
        self.assertAlmostEqual(answer["proved_bound"], optimum, delta=2e-5 * (1 + abs(optimum)))

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
        result = self.run_ok("solve", path, "--problem", name, "--json", code=1)
        row, = json_lines(result.stdout)
        self.assertEqual((row["problem"], row["status"], row["reason"]), (name, "error", "data"))
        for sentence in ["problems.h5", name, *says]:
            self.assertIn(sentence, row["detail"])
        self.assertIsNone(row["verified_objective"])

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
        for attribute, value, says in (("epsilon", -1.0, "epsilon"), ("epsilon", 0.0, "epsilon"), ("label", 11, "label"), ("norm", "l7", "norm")):
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
        self.refused("solve", PROBLEMS, "--time-limit", "nan", code=2, says=["--time-limit", "nan"])
        self.refused("solve", PROBLEMS, "--formulation", "leen", code=2, says="leen")
        self.refused("solve", PROBLEMS, "--solver", "gurobi", code=2, says=["gurobi", "cbc"])
        self.refused("solve", PROBLEMS, "--solver", "external:nosuch {model} {solution}", code=2, says="found no 'nosuch' in PATH")
        self.refused("solve", PROBLEMS, "--memory-limit", "1e14", code=2, says=["--memory-limit", "1e14 not in range"])
        for option, value in (("--bounds", "interval"), ("--formulation", "big-m"), ("--start", "none")):
            self.refused("solve", PROBLEMS, option, value, code=2, says=[option, "it exists only if --solver is not bab or attack"])
        self.refused("solve", PROBLEMS, "--solver", "attack", "--compress", code=2, says=["--compress", "only if --solver is not attack"])

    def test_what_a_solver_does_not_read_is_null(self):
        name = next(iter(small_problems()))
        for solver, absent in (("bab", {"formulation", "bounds", "check_share", "start"}), ("cbc", set())):
            row, = json_lines(self.run_ok("solve", PROBLEMS, "--problem", name, "--solver", solver, "--goal", "decide", "--json").stdout)
            settings = ("formulation", "bounds", "compress", "goal", "time_limit", "check_share", "node_limit", "start", "seed")
            self.assertEqual({key for key in settings if row[key] is None}, absent)

    def test_the_log_folder_gets_logs_and_nothing_else(self):
        name, logs = next(iter(small_problems())), self.folder / "logs"
        row, = json_lines(self.run_ok("solve", PROBLEMS, "--problem", name, "--solver", "cbc", "--log-dir", logs, "--json").stdout)
        found = sorted(str(path.relative_to(logs)) for path in logs.rglob("*"))
        self.assertEqual([path for path in found if not path.startswith(f"log/{row['log']}")], ["log"])
        self.assertGreater(len(found), 1, "the solver's own output")

    def test_regions(self):
        """A network y = (sum of x, 0): its maximum over each region is known."""
        path = self.folder / "regions.h5"
        expected = {}
        with h5py.File(path, "w") as file:
            for norm, epsilon, box, best in (("l1", 1.0, None, 2 + 1), ("row-wise", .5, None, 2 + 2 * .5), ("linf", .25, None, 2 + 4 * .25), ("linf", 9, None, 4),
                                             ("linf", .25, (-1, .6), 2 + 4 * .1), ("none", None, (-3, 5), 20), ("l1", 3.0, (-3, 5), 2 + 3)):
                name = f"{norm}_{len(file)}"
                expected[name] = best
                problem = file.create_group(name)
                problem.attrs.update(norm=norm, label=1, target=0)
                if epsilon is not None:
                    problem.attrs["epsilon"] = epsilon
                problem["input"] = np.full(4, .5)
                if norm == "row-wise":
                    problem.attrs["input_side"] = 2
                if box:
                    problem["lower"], problem["upper"] = np.full(4, float(box[0])), np.full(4, float(box[1]))
                problem["network/layer_0/weight"] = np.array([[1, 1, 0, 0], [0, 0, 1, 1], [-1, 0, 0, 0]], "f4")
                problem["network/layer_1/weight"] = np.array([[1, 1, -1], [0, 0, 0]], "f4")
        for solver in ("bab", "cbc"):
            for row in json_lines(self.run_ok("solve", path, "--solver", solver, "--goal", "optimize", "--json").stdout):
                self.assertEqual(row["status"], "optimal", row)
                self.assertAlmostEqual(row["verified_objective"], expected[row["problem"]], delta=1e-6, msg=row["problem"])
        with h5py.File(path, "r+") as file:
            file["l1_0"].attrs.update(norm="l2", epsilon=.5)  # 1/4 each
        row, = json_lines(self.run_ok("solve", path, "--problem", "l1_0", "--json").stdout)
        self.assertEqual(row["status"], "optimal", row)
        self.assertAlmostEqual(row["verified_objective"], 3, delta=1e-6)
        row, = json_lines(self.run_ok("solve", path, "--problem", "l1_0", "--solver", "cbc", "--json", code=1).stdout)
        self.assertEqual((row["status"], row["reason"]), ("error", "configuration"))
        self.assertIn("expected bab or attack over a region of norm l2, found 'cbc'", row["detail"])

    def test_objectives(self):
        """y = (x0 + x1, x2 + x3, x0), from x = 1/2 within L1 distance 1: the maximum of each objective is known."""
        path = self.folder / "objectives.h5"
        expected = {"first": 1, "second": 1.5, "any": 1.5, "functions": 1.2, "one function": 0}
        with h5py.File(path, "w") as file:
            for name in expected:
                problem = file.create_group(name)
                problem.attrs.update(norm="l1", epsilon=1.)
                problem["input"] = np.full(4, .5)
                problem["network/layer_0/weight"] = np.eye(4, dtype="f4")
                problem["network/layer_1/weight"] = np.array([[1, 1, 0, 0], [0, 0, 1, 1], [1, 0, 0, 0]], "f4")
                if "function" not in name:
                    problem.attrs["label"] = 2
            file["first"].attrs["target"] = 0
            file["second"].attrs["target"] = 1
            file["any"].attrs["target"] = "any"
            file["functions/functions"], file["functions/constants"] = np.array([[1., 1, 0], [0, 0, -2]]), np.array([-3, 1.2])
            file["one function/functions"], file["one function/constants"] = np.array([[1., 1, 0]]), np.array([-3.])
        for solver in ("bab", "cbc", "attack"):
            for row in json_lines(self.run_ok("solve", path, "--solver", solver, "--goal", "optimize", "--json").stdout):
                self.assertEqual(row["status"], "limit" if solver == "attack" else "optimal", row)
                self.assertAlmostEqual(row["verified_objective"], expected[row["problem"]], delta=1e-6, msg=row["problem"])
        with h5py.File(path, "r+") as file:
            file["any"].attrs["target"] = "all"
        row, = json_lines(self.run_ok("solve", path, "--problem", "any", "--json", code=1).stdout)
        self.assertIn("expected a class or \"any\" as attribute 'target', found \"all\"", row["detail"])


def put(file, name="p", dtype="f4", image=(.2, .5, .9, .1), label=1, layers=("layer_0", "layer_1")):
    """A problem with two layers; its maximum is 1.369143."""
    random = np.random.default_rng(3)
    group = file.create_group(name)
    group.attrs.update(norm="l1", epsilon=.5, label=label, target=0)
    group["input"] = np.array(image)
    for layer, shape in zip(layers, ((4, 4), (3, 4))):
        group[f"network/{layer}/weight"] = random.normal(size=shape).astype(dtype)
        group[f"network/{layer}/bias"] = np.zeros(shape[0], dtype)
    return group


class Forms(Case):
    """What h5py writes in one way or another, and files with something wrong in them."""

    def write(self, name, *problems, libver=None):
        path = self.folder / name
        with h5py.File(path, "w", libver=libver) as file:
            for keywords in problems:
                put(file, **keywords)
        return path

    def rows(self, *arguments, code=0):
        return json_lines(self.run_ok("solve", *arguments, "--json", code=code).stdout)

    def expect_solved(self, row):
        self.assertEqual(row["status"], "optimal", row)
        self.assertAlmostEqual(row["verified_objective"], 1.369143, delta=1e-6)

    def test_forms_of_hdf5(self):
        paths = [self.write("old.h5", {}), self.write("latest.h5", {}, libver="latest"), self.write("v110.h5", {}, libver=("v110", "v110")),
                 self.write("label.h5", {"label": 1.0}), self.write("array.h5", {"label": np.array([1])})]
        with h5py.File(self.folder / "no-bias.h5", "w") as file:
            del put(file)["network/layer_0/bias"]
        with h5py.File(self.folder / "swmr.h5.open", "w", libver="latest") as file:
            put(file)
            file.swmr_mode = True
            shutil.copy(self.folder / "swmr.h5.open", self.folder / "swmr.h5")
        paths += [self.folder / "no-bias.h5", self.folder / "swmr.h5"]
        rows = self.rows(*paths)
        self.assertEqual([row["file"] for row in rows], [str(path) for path in paths])
        for row in rows:
            self.expect_solved(row)

    def test_one_bad_of_three(self):
        path = self.write("three.h5", {"name": "a"}, {"name": "b", "image": (.2, .5, 1.9, .1)}, {"name": "c"})
        a, b, c = self.rows(path, code=1)
        self.expect_solved(a)
        self.expect_solved(c)
        self.assertEqual((b["status"], b["reason"], b["problem"]), ("error", "data", "b"))
        self.assertIn("input[2]: expected a number in [0, 1], found 1.9", b["detail"])
        self.assertIn("\n  data: " + b["detail"], self.run_ok("solve", path, code=1).stdout)

    def test_a_problem_that_fails_is_not_the_end(self):
        """Bounds that overflow: weights of 3e38 in nine layers."""
        with h5py.File(self.folder / "overflow.h5", "w") as file:
            group = put(file, "a")
            del group["network"]
            for k in range(10):
                group[f"network/layer_{k}/weight"] = (np.eye(4) * (3e38 if k < 9 else 1)).astype("f4")
            put(file, "b")
        for solver in ("bab", "cbc"):
            a, b = self.rows(self.folder / "overflow.h5", "--solver", solver, code=1)
            self.assertEqual(a["status"], "error", solver)
            self.assertNotEqual(a["detail"], "")
            self.expect_solved(b)

    def test_a_wrong_layer_name_is_named(self):
        for layers, says in ((("layer_0", "layer_2"), "'layer_2' (did you mean 'layer_1'?)"), (("layer_0", "Layer_1"), "'Layer_1'"),
                             (("layer_0", "layer_01"), "'layer_01' (did you mean 'layer_1'?)")):
            row, = self.rows(self.write("gap.h5", {"layers": layers}), code=1)
            self.assertEqual(row["status"], "error")
            self.assertIn("/p/network: expected a network (layer_0, layer_1, ... without a gap and nothing else), found no layer_1 but " + says,
                          row["detail"])

    def test_external_links_are_followed_or_named(self):
        self.write("other.h5", {})
        with h5py.File(self.folder / "links.h5", "w") as file:
            put(file, "real")
            file["outside"] = h5py.ExternalLink("other.h5", "/p")
            file["gone"] = h5py.ExternalLink("gone.h5", "/p")
        gone, outside, real = self.rows(self.folder / "links.h5", code=1)
        self.assertEqual([gone["problem"], outside["problem"], real["problem"]], ["gone", "outside", "real"])
        self.assertIn("a link to '/p' in 'gone.h5' that cannot be followed: No such file or directory", gone["detail"])
        self.expect_solved(outside)
        self.expect_solved(real)

    def test_float64_weights(self):
        path = self.write("float64.h5", {"dtype": "f8"})
        row, = self.rows(path, code=1)
        self.assertIn("--round-weights", row["detail"])
        row, = self.rows(path, "--round-weights")
        self.expect_solved(row)
        with h5py.File(path) as file:
            weights = np.concatenate([file[f"p/network/layer_{k}/weight"][:].ravel() for k in (0, 1)])
        largest = np.max(np.abs(weights - weights.astype("f4").astype("f8")))
        self.assertEqual(row["weight_rounding"], largest)
        self.assertIn(f"weights were rounded to float32, by {largest:.3g} at most", self.run_ok("solve", path, "--round-weights").stdout)
        exact, = self.rows(self.write("exact.h5", {}), "--round-weights")
        self.assertEqual(exact["weight_rounding"], 0)

    def test_names_of_every_kind(self):
        with h5py.File(self.folder / "names.h5", "w") as file:
            put(file, "\x1b[31mred")
            put(file, "two\nlines")
            put(file, "t")
            file.move("t", b"caf\xe9")
        rows = self.rows(self.folder / "names.h5")
        self.assertEqual({row["problem"] for row in rows}, {"\x1b[31mred", "two\nlines", "caf\\xe9"})
        for row in rows:
            self.expect_solved(row)
        text = self.run_ok("solve", self.folder / "names.h5").stdout
        self.assertNotIn("\x1b", text)
        self.assertEqual(len(text.splitlines()), 4)
        for name in ("\\x1b[31mred", "two\\nlines", "caf\\xe9"):
            self.assertIn(name, text)
            self.assertEqual(len(self.rows(self.folder / "names.h5", "--problem", name)), 1)
        self.assertNotIn("\x1b", self.refused("solve", self.folder / "\x1b[2J.h5", code=2, says="\\x1b[2J.h5").stderr)

    def test_several_files(self):
        one, two = self.write("one.h5", {"name": "a"}, {"name": "b"}), self.write("two.h5", {"name": "a"})
        self.assertEqual([(row["file"], row["problem"]) for row in self.rows(one, two)], [(str(one), "a"), (str(one), "b"), (str(two), "a")])
        self.assertEqual([(row["file"], row["problem"]) for row in self.rows(one, two, "--problem", "b", "--problem", "a")],
                         [(str(one), "b"), (str(one), "a"), (str(two), "a")])
        lines = self.run_ok("solve", one, two).stdout.splitlines()
        self.assertEqual([line.split()[0] for line in lines[1:]], [f"{one}:a", f"{one}:b", f"{two}:a"])
        self.assertEqual([line.split()[0] for line in self.run_ok("solve", one).stdout.splitlines()[1:]], ["a", "b"])
        refused = self.refused("solve", one, self.folder / "none.h5", code=2, says=["none.h5", "No such file or directory"])
        self.assertEqual(refused.stdout, "")

    def test_what_is_no_file_is_refused_in_a_sentence(self):
        self.refused("solve", self.folder, code=2, says=[str(self.folder), "Is a directory"])
        loop = self.folder / "loop.h5"
        os.symlink(loop, loop)
        self.refused("solve", loop, code=2, says=["loop.h5", "Too many levels of symbolic links"])
        self.assertNotIn("unexpected", self.refused("solve", self.write("x.h5", {}) / "y.h5", code=2, says="Not a directory").stderr)


if __name__ == "__main__":
    unittest.main(verbosity=1)
