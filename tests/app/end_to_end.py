"""The main job on the real MNIST with tiny networks: from the command line to h5py, on 1 to 8 ranks.
Usage: end_to_end.py [unittest arguments]; the program is $ESPALIER_BIN, the data $ESPALIER_DATA."""
import json
import os
import pathlib
import shutil
import signal
import subprocess
import time
import unittest

import h5py

from harness import DATA, ENVIRONMENT, PROGRAM, TINY, Case, espalier, json_lines, steady, table

SOLVES = 16
NETWORKS = 2 + 14  # dense and pruned
FIRST_ROUNDS = 2   # one per network, shared by both structures


class Plan(Case):
    def test_counts_what_is_shared(self):
        plan = json.loads(self.run_ok("plan", TINY, "--json").stdout)
        stages = {stage["kind"]: (stage["requested"], stage["distinct"]) for stage in plan["stages"]}
        self.assertEqual(stages, {"train": (SOLVES, 2), "first_round": (4, FIRST_ROUNDS), "prune": (14, 14), "solve": (SOLVES, SOLVES)})

    def test_every_configuration_is_legal(self):
        configurations = sorted((pathlib.Path(__file__).parents[2] / "configs").glob("*.yaml"))
        self.assertGreater(len(configurations), 5)
        for configuration in configurations:
            self.assertIn(" instances\n", self.run_ok("plan", configuration).stdout, configuration.name)

    def test_writes_nothing(self):
        self.run_ok("plan", TINY, cwd=self.folder)
        self.assertEqual(list(self.folder.iterdir()), [])


class Run(Case):
    """One undisturbed run alone is the reference of the others."""

    @classmethod
    def setUpClass(cls):
        import tempfile
        cls.folder_of_class = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.folder_of_class.cleanup)
        cls.reference = pathlib.Path(cls.folder_of_class.name) / "reference"
        result = espalier("run", TINY, "--out", cls.reference)
        assert result.returncode == 0, result.stderr

    def assert_same_rows(self, out):
        for name in ("solves", "networks", "stages"):
            self.assertEqual(steady(self.reference, name), steady(out, name), name)

    def test_tables_are_complete(self):
        self.assertEqual(len(table(self.reference, "solves")), SOLVES)
        self.assertEqual(len(table(self.reference, "networks")), NETWORKS)
        self.assertEqual(len(table(self.reference, "stages")), SOLVES + NETWORKS + FIRST_ROUNDS)
        self.assertEqual({row["status"] for row in table(self.reference, "stages")}, {b"done"})

    def test_verified_values_are_what_numpy_computes(self):
        """An independent forward pass over the stored networks and inputs, without any of our code."""
        import numpy as np
        with h5py.File(self.reference / "results.h5") as file:
            solves = file["solves"][:]
            index = file["arrays/solves/best_input/index"][:]
            values = file["arrays/solves/best_input/values"][:]
            clean_index = file["arrays/solves/clean_input/index"][:]
            clean_values = file["arrays/solves/clean_input/values"][:]
            self.assertEqual(len(index), SOLVES)
            for entry, clean_entry in zip(index, clean_index):
                row = solves[entry["row"]]
                x = values[entry["offset"]:entry["offset"] + entry["length"]]
                clean = clean_values[clean_entry["offset"]:clean_entry["offset"] + clean_entry["length"]]
                self.assertTrue((x >= 0).all() and (x <= 1).all())
                self.assertLessEqual(np.abs(x - clean).sum(), row["problem_epsilon"] * (1 + 1e-6))
                network = file["parts/networks"][row["dense_network"].decode()]
                layers = sorted(k for k in network if k.startswith("layer_"))
                h = x
                for k, layer in enumerate(layers):
                    h = network[layer]["weight"][:].astype(float) @ h + network[layer]["bias"][:].astype(float)
                    if k + 1 < len(layers):
                        h = np.maximum(h, 0)
                self.assertAlmostEqual(h[row["target"]] - h[row["label"]], row["verified_objective"], places=9)
                self.assertEqual(bool(row["adversarial"]), row["verified_objective"] > 1e-6)

    def test_an_earlier_run_tells_what_takes_long(self):
        self.assertIn("guessed from sizes alone", self.run_ok("plan", TINY).stdout)
        plan = json.loads(self.run_ok("plan", TINY, "--json", "--history", self.reference).stdout)
        with h5py.File(self.reference / "results.h5") as file:
            stages = file["stages"][:]
        self.assertEqual(plan["measured_tasks"], len(stages))
        self.assertLess(abs(plan["expected_seconds"] / stages["wall_seconds"].sum() - 1), 0.7, "one term of each size is the kind's ratio")
        self.run_ok("run", TINY, "--out", self.folder / "out", "--quiet", "--history", self.reference)
        self.refused("run", TINY, "--out", self.folder / "not made", "--history", self.folder / "none", code=3, says="none")
        self.assertFalse((self.folder / "not made").exists())

    def test_columns_have_units_and_meanings(self):
        with h5py.File(self.reference / "results.h5") as file:
            for name in ("solves", "networks", "stages"):
                attributes = file[name].attrs
                for column in file[name].dtype.names:
                    self.assertTrue(attributes[f"meaning.{column}"], f"{name}.{column}")
                    self.assertIn(f"unit.{column}", attributes)

    def test_columns_say_what_is_measured(self):
        task = {"cpu_seconds", "peak_memory_mib"}
        expected = {
            "stages": task | {"wall_seconds", "rank", "host", "started"},
            "networks": task | {"training_seconds", "training_cpu_seconds"},
            "solves": task | {"first_adversarial_seconds", "first_adversarial_cpu_seconds", "bounds_seconds", "embed_seconds",
                              "solver_seconds", "attack_seconds", "surrogate_seconds", "solve_seconds", "proof_seconds", "time_limit", "iterations",
                              "finetuning_seconds", "finetuning_cpu_seconds"}}
        with h5py.File(self.reference / "results.h5") as file:
            for name, columns in expected.items():
                attributes = file[name].attrs
                self.assertEqual({c for c in file[name].dtype.names if attributes[f"measured.{c}"]}, columns, name)
            arrays = {name for name, group in file["arrays/solves"].items() if group["values"].attrs["measured"]}
            self.assertEqual(arrays, {"incumbent_seconds", "bound_seconds"})

    def test_pruned_counts(self):
        for row in table(self.reference, "networks"):
            if row["prune_structure"] == b"unstructured" and row["prune_rate"] == 0.5:
                # two compound steps of 1 - sqrt(0.5) on 64 x 8, 8 x 8 and 8 x 10 weights
                self.assertEqual(row["nonzero_weights"], sum(self.kept(n) for n in (512, 64, 80)))

    @staticmethod
    def kept(n):
        for _ in range(2):
            n -= round((1 - 0.5 ** 0.5) * n)
        return n

    def test_check_passes_and_recomputes(self):
        self.assertIn("16 solves", self.run_ok("check", self.reference).stdout)
        self.assertIn("16 solves", self.run_ok("check", self.reference / "results.h5").stdout)

    def test_check_finds_a_changed_margin(self):
        out = self.folder / "out"
        shutil.copytree(self.reference, out)
        with h5py.File(out / "results.h5", "r+") as file:
            rows = file["solves"][:]
            rows["verified_objective"][3] += 0.25
            file["solves"][:] = rows
        result = self.run_ok("check", out / "results.h5", code=1)
        self.assertIn(rows["key"][3].decode(), result.stdout)

    def test_check_finds_a_changed_margin_among_tiny_ones(self):
        """All logits times 2^-40: a tenth more is as wrong as it is of ordinary ones."""
        out = self.folder / "out"
        shutil.copytree(self.reference, out)
        with h5py.File(out / "results.h5", "r+") as file:
            for network in file["parts/networks"].values():
                for numbers in network[max(network)].values():
                    numbers[...] = numbers[...] * 2.0 ** (0 if numbers.name.endswith("mask") else -40)
            rows = file["solves"][:]
            for column in ("verified_objective", "verified_objective_float32", "proved_bound"):
                rows[column] *= 2.0 ** -40
            file["solves"][:] = rows
        self.run_ok("check", out / "results.h5")
        with h5py.File(out / "results.h5", "r+") as file:
            rows["verified_objective"][3] *= 1.1
            file["solves"][:] = rows
        result = self.run_ok("check", out / "results.h5", code=1)
        self.assertIn(f"({rows['key'][3].decode()}): verified_objective is", result.stdout)

    def test_check_finds_a_proof_that_is_none(self):
        optimal = [i for i, row in enumerate(table(self.reference, "solves")) if row["solve_status"] == b"optimal"]
        self.assertTrue(optimal)
        for column, value in (("proved_bound", 7.5), ("proved_bound", -7.5), ("proved_by", b"none"), ("solve_status", b"optimal_claimed")):
            with self.subTest(column=column, value=value):
                out = self.folder / f"{column}{value}"
                shutil.copytree(self.reference, out)
                with h5py.File(out / "results.h5", "r+") as file:
                    rows = file["solves"][:]
                    rows[column][optimal[0]] = value
                    file["solves"][:] = rows
                result = self.run_ok("check", out / "results.h5", code=1)
                self.assertIn(rows["key"][optimal[0]].decode(), result.stdout)
                self.assertIn("proved_b", result.stdout)

    def test_check_finds_a_damaged_part(self):
        out = self.folder / "out"
        shutil.copytree(self.reference, out)
        part = sorted(out.glob("parts/*/*.h5"))[0]
        content = bytearray(part.read_bytes())
        content[len(content) // 2] ^= 1
        part.write_bytes(content)
        self.assertIn(part.name, self.run_ok("check", out, code=1).stdout)

    def test_again_does_nothing_twice(self):
        out = self.folder / "out"
        shutil.copytree(self.reference, out)
        before = (out / "run.journal").stat().st_size, {p: p.stat().st_mtime_ns for p in out.glob("parts/*/*.h5")}
        stages = table(out, "stages")
        self.run_ok("run", TINY, "--out", out)
        self.assert_same_rows(out)
        self.assertEqual({p: p.stat().st_mtime_ns for p in out.glob("parts/*/*.h5")}, before[1])
        self.assertEqual(list(table(out, "stages")["started"]), list(stages["started"]))

    def test_ranks(self):
        for ranks in (2, 3, 4, 8):
            with self.subTest(ranks=ranks):
                out = self.folder / f"ranks-{ranks}"
                self.run_ok("run", TINY, "--out", out, ranks=ranks)
                self.assert_same_rows(out)

    def test_changed_configuration_is_refused_and_the_key_named(self):
        out = self.folder / "out"
        shutil.copytree(self.reference, out)
        self.refused("run", TINY, "--out", out, "--set", "train.epochs=2", code=3, says=["train.epochs", "was 1, now 2"])
        self.assert_same_rows(out)

    def test_status(self):
        text = self.run_ok("status", self.reference).stdout
        self.assertIn("solve", text)
        status = json.loads(self.run_ok("status", self.reference, "--json").stdout)
        self.assertEqual({k["kind"]: k["done"] for k in status["stages"]}, {"train": 2, "first_round": 2, "prune": 14, "solve": SOLVES})

    def test_report(self):
        text = self.run_ok("report", self.reference, "--out", self.folder / "report").stdout
        self.assertIn("magnitude structured", text)
        self.assertNotIn("not compared", text)
        self.assertEqual((self.folder / "report" / "summary.txt").read_text(), text)

    def test_any_target(self):
        out = self.folder / "out"
        self.run_ok("run", TINY, "--out", out, "--save-problems", "--set", "prune.criterion=none", "--set", "problem.target=[second,any]")
        self.run_ok("check", out)
        with h5py.File(out / "results.h5") as file:
            solves, absent = file["solves"][:], file["solves"].attrs["missing.target"]
        best = {}
        for row in solves:
            any_target = row["problem_target"] == b"any"
            self.assertEqual(row["target"] == absent, any_target)
            best[(row["problem_sample_index"], any_target)] = row["verified_objective"]
        for sample in {sample for sample, _ in best}:
            self.assertGreaterEqual(best[(sample, True)], best[(sample, False)] - 1e-6)
        for path in out.glob("problems/*.h5"):
            row, = [row for row in solves if row["key"].decode() == path.stem]
            answer, = json_lines(self.run_ok("solve", path, "--json").stdout)
            self.assertGreaterEqual(answer["verified_objective"], row["verified_objective"] - 1e-6)

    def test_saved_problems_can_be_solved_again(self):
        out = self.folder / "out"
        self.run_ok("run", TINY, "--out", out, "--save-problems", "--set", "prune.criterion=none")
        rows = {row["key"].decode(): row for row in table(out, "solves")}
        self.assertEqual(len(list(out.glob("problems/*.h5"))), len(rows))
        for path in out.glob("problems/*.h5"):
            answer = json_lines(self.run_ok("solve", path, "--json").stdout)[0]
            self.assertEqual(answer["status"], "optimal")
            self.assertGreaterEqual(answer["claimed_objective"], rows[path.stem]["verified_objective"] - 1e-6)


class Failures(Case):
    def test_a_failing_task_is_a_row(self):
        out = self.folder / "out"
        result = self.run_ok("run", TINY, "--out", out, "--set", "solve.solver=external:false {model} {solution}", "--set", "solve.node_limit=-1", code=1)
        rows = table(out, "solves")
        self.assertEqual(len(rows), SOLVES)
        failed = [row for row in rows if row["status"] == b"failed"]  # some succeed at the clean input, before the solver starts
        self.assertGreater(len(failed), len(rows) / 2)
        self.assertIn(b"'false' returned 1", failed[0]["message"])
        self.assertIn("'false' returned 1", result.stderr)
        self.assertIn("'false' returned 1", self.run_ok("status", out).stdout)

    # Rank counts: 1, 3.
    def test_a_solver_that_is_not_there_is_refused_before_anything_is_trained(self):
        for solver, says in (("gurobi", ["solve.solver", "expected one of", "bab", "found 'gurobi'"]),
                             ("cbd", ["did you mean 'cbc'?"]),
                             ("external:nosuch", ["{model}", "external:nosuch"]),
                             ("external:nosuch {model} {solution}", ["found no 'nosuch' in PATH"]),
                             ("external:./nosuch.sh {model} {solution}", ["found no './nosuch.sh'"])):
            for ranks in (None, 3) if "found no" in says[0] else (None,):
                with self.subTest(solver, ranks=ranks):
                    out = self.folder / "out"
                    self.refused("run", TINY, "--out", out, "--set", f"solve.solver={solver}", code=2, says=says, ranks=ranks)
                    self.assertFalse(out.exists())

    def test_diverged_training_fails_its_descendants_only(self):
        out = self.folder / "out"
        self.run_ok("run", TINY, "--out", out, "--set", "train.optimizer=sgd", "--set", "train.learning_rate=1e30", code=1)
        stages = table(out, "stages")
        self.assertEqual({row["status"] for row in stages}, {b"failed"})
        self.assertEqual({row["error_kind"] for row in stages if row["kind"] == b"train"}, {b"numeric"})
        self.assertEqual({row["error_kind"] for row in stages if row["kind"] == b"solve"}, {b"parent"})

    def test_fail_fast_stops(self):
        out = self.folder / "out"
        self.run_ok("run", TINY, "--out", out, "--set", "run.fail_fast=true", "--set", "train.optimizer=sgd", "--set", "train.learning_rate=1e30", code=1)
        self.assertIn(b"waiting", {row["status"] for row in table(out, "stages")})

    def test_missing_data_is_refused_before_anything_runs(self):
        environment = dict(ENVIRONMENT, ESPALIER_DATA=str(self.folder / "nothing"))
        for ranks in (None, 3):
            self.refused("run", TINY, "--out", self.folder / "out", code=2, says=["nothing", "cluster/fetch-data.sh"], env=environment, ranks=ranks)
        self.assertFalse((self.folder / "out" / "results.h5").exists())


class BadInput(Case):
    def config(self, text):
        path = self.folder / "bad.yaml"
        path.write_text(text)
        return path

    def test_configuration(self):
        cases = {
            "unknown key": ("train: {epoch: 3}", ["bad.yaml:", "epoch", "did you mean", "epochs"]),
            "wrong type": ("train: {epochs: many}", ["bad.yaml:", "train.epochs", "expected integer", "many"]),
            "negative width": ("network: {width: -3}", ["network.width", "-3"]),
            "rate": ("prune: {rate: 1.0}", ["prune.rate", "1"]),
            "time limit": ("solve: {time_limit: 0}", ["solve.time_limit", "> 0"]),
            "duplicate key": ("train: {epochs: 3, epochs: 4}", ["bad.yaml:4", "epochs"]),
            "merge key": ("<<: {}", ["bad.yaml:4", "<<"]),
        }
        for name, (line, says) in cases.items():
            with self.subTest(name):
                path = self.config(f"name: bad\nparameters:\n  dataset: {{name: mnist}}\n  {line}\ngrid:\n  - product: {{train.seed: [1]}}\n")
                self.refused("plan", path, code=2, says=says)
                self.refused("run", path, "--out", self.folder / "out", code=2, says=says, ranks=2)
        self.assertFalse((self.folder / "out").exists())

    def test_empty_grid(self):
        path = self.config("name: bad\nparameters:\n  dataset: {name: mnist}\ngrid:\n  - product: {train.seed: [1]}\n    exclude: [{train.seed: 1}]\n")
        self.refused("plan", path, code=2, says="grid")

    def test_missing_file(self):
        self.refused("plan", self.folder / "none.yaml", code=2, says="none.yaml")

    def test_damaged_data(self):
        """A file of the right size with one wrong byte is refused before anything is written."""
        folder = self.folder / "data" / "mnist"
        folder.mkdir(parents=True)
        for file in (pathlib.Path(DATA) / "mnist").iterdir():
            (folder / file.name).symlink_to(file)
        image = folder / "train-images-idx3-ubyte"
        content = bytearray(image.read_bytes())
        content[5000] ^= 1
        image.unlink()
        image.write_bytes(content)
        self.refused("run", TINY, "--out", self.folder / "out", "--data-dir", self.folder / "data", code=2,
                     says=[f"{image}: expected the published training images of mnist (XXH3-64 ee3d62f55dfafffb", "found others ("])
        self.assertFalse((self.folder / "out").exists())

    def test_foreign_directory(self):
        out = self.folder / "home"
        out.mkdir()
        (out / "thesis.tex").write_text("precious")
        self.refused("run", TINY, "--out", out, code=3, says=["home", "thesis.tex"])
        self.assertEqual([p.name for p in out.iterdir()], ["thesis.tex"])

    def test_unwritable_directory(self):
        self.refused("run", TINY, "--out", "/proc/espalier", code=3, says="/proc/espalier")

    def test_locked_directory(self):
        out = self.folder / "out"
        process = subprocess.Popen([PROGRAM, "run", str(TINY), "--out", str(out)], env=ENVIRONMENT, stdin=subprocess.DEVNULL,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            while not list(out.glob("parts/*/*.h5")):
                time.sleep(0.01)
            self.refused("run", TINY, "--out", out, code=3, says=["in use by process", str(process.pid)])
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(60)

    def test_usage(self):
        self.refused("run", TINY, code=2, says="--out")
        self.run_ok("plant", code=2)
        self.refused("run", TINY, "--out", self.folder / "out", env=dict(ENVIRONMENT, SLURM_JOB_END_TIME="soon"), code=2,
                     says="environment variable SLURM_JOB_END_TIME: ")
        self.assertIn("Examples:", self.run_ok("run", "--help").stdout)


if __name__ == "__main__":
    os.environ["ESPALIER_DATA"] = DATA
    unittest.main(verbosity=1)
