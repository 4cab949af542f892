"""Networks that are given, not trained: network.file. Usage: importing.py [unittest arguments]."""
import pathlib
import shutil
import tempfile
import unittest

import h5py

from harness import Case, espalier, steady, table

TRAINED = """
name: trained
parameters: {dataset: {name: mnist, side: 8}, network: {depth: 1, width: 4}, train: {epochs: 1}, prune: {criterion: magnitude, steps: 2, epochs: 1},
             problem: {epsilon: 2.0, sample_index: 5}, solve: {solver: bab, node_limit: 100, time_limit: 1000}}
grid:
  - product: {prune.rate: [0.5], prune.finetuning: [none, rewinding]}
"""
SOURCE = "network: {depth: 1, width: 4}, train: {epochs: 1}"


class Importing(Case):
    """The network of one run, given to another."""

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.home = pathlib.Path(folder.name)
        (cls.home / "trained.yaml").write_text(TRAINED)
        result = espalier("run", cls.home / "trained.yaml", "--out", cls.home / "trained", "--quiet")
        assert result.returncode == 0, result.stderr
        cls.part = next(cls.home / "trained" / row["part"].decode() for row in table(cls.home / "trained", "stages") if row["kind"] == b"train")

    def setUp(self):
        super().setUp()
        (self.folder / "nets").mkdir()
        self.network = self.folder / "nets" / "dense.h5"
        shutil.copy(self.part, self.network)
        self.grid = self.folder / "given.yaml"
        self.grid.write_text(TRAINED.replace(SOURCE, "network: {file: nets/dense.h5}"))
        self.out = self.folder / "out"

    def test_the_answers_are_those_of_the_run_that_trained_it(self):
        for ranks, out in ((None, self.out), (3, self.folder / "three")):
            self.run_ok("run", self.grid, "--out", out, "--quiet", ranks=ranks)
            self.run_ok("check", out)
            for name, same in (("solves", ["solve_status", "verified_objective", "dual_bound", "nodes", "embedded_test_accuracy"]),
                               ("networks", ["test_accuracy", "nonzero_weights", "final_loss"])):
                given, trained = steady(out, name), steady(self.home / "trained", name)
                self.assertEqual([given[c][given["kind"].index(repr(b"prune")):] if name == "networks" else given[c] for c in same],
                                 [trained[c][trained["kind"].index(repr(b"prune")):] if name == "networks" else trained[c] for c in same])
        rows = table(self.out, "networks")
        self.assertEqual([r["kind"] for r in rows], [b"import", b"prune", b"prune"])
        self.assertEqual({r["network_file"] for r in rows}, {b"dense.h5"})

    def test_the_directory_needs_the_file_no_longer_and_moving_it_is_no_change(self):
        self.run_ok("run", self.grid, "--out", self.out, "--quiet")
        moved = self.folder / "elsewhere.yaml"
        moved.write_text(self.grid.read_text().replace("nets/", "moved/"))
        (self.folder / "nets").rename(self.folder / "moved")
        self.run_ok("run", moved, "--out", self.out)
        shutil.rmtree(self.folder / "moved")
        self.run_ok("status", self.out)
        self.run_ok("check", self.out)
        self.run_ok("run", self.out / "plan.yaml", "--out", self.out)
        self.refused("run", self.grid, "--out", self.out, code=2, says=["given.yaml", "network.file: cannot open", "No such file"])

    def test_another_content_is_another_configuration(self):
        self.run_ok("run", self.grid, "--out", self.out, "--quiet")
        with h5py.File(self.network, "r+") as file:
            file["layer_0/bias"][0] += 1
        self.refused("run", self.grid, "--out", self.out, code=3, says="What changed: network.file_hash was ")
        self.refused("run", self.out / "plan.yaml", "--out", self.folder / "new", code=2,
                     says=["dense.h5': expected the content with hash", "which the plan was made for, found"])

    def test_what_is_no_network_of_the_data_set_is_refused(self):
        with h5py.File(self.network, "r+") as file:
            del file["layer_1/weight"]
        self.refused("run", self.grid, "--out", self.out, code=2, says=["given.yaml:2:1: network.file: '/layer_1/weight' in", "dense.h5': expected a dataset"])
        self.assertFalse(self.out.exists())
        shutil.copy(self.part, self.network)
        self.run_ok("run", self.grid, "--out", self.out, "--set", "dataset.side=9", "--quiet", code=1)
        self.assertIn(b"'dense.h5': expected a network of 81 inputs (mnist at dataset.side 9) and 10 outputs, found 64-4-10",
                      [r["message"] for r in table(self.out, "stages")])
        self.refused("plan", self.grid, "--set", "train.epochs=3", code=2, says="no instance has train.epochs: it exists only if network.file is none")


if __name__ == "__main__":
    unittest.main()
