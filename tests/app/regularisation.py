"""Illegal and degenerate regularisation, pruning and selection, as a user meets them: a refusal before anything runs, or a row that says why.
Usage: regularisation.py [unittest arguments]; the program is $ESPALIER_BIN, the data $ESPALIER_DATA."""
import json
import os
import unittest

from harness import DATA, Case, table

CONFIG = """name: degenerate
study: spr
parameters:
  dataset: {name: mnist, side: 8}
  network: {hidden: [8, 6]}
  train: {epochs: 1, optimizer: sgd, learning_rate: 0.1, regulariser: spr, regulariser_strength: 0.5, spr_alpha: 0.9}
  prune: {criterion: threshold, finetuning: none}
  problem: {sample_index: 0, epsilon: 2.0}
  solve: {goal: optimize, node_limit: 50, time_limit: 100}
grid:
  - product: {train.seed: [0]}
"""


class Regularisation(Case):
    def setUp(self):
        super().setUp()
        self.config = self.folder / "degenerate.yaml"
        self.config.write_text(CONFIG)
        self.out = self.folder / "out"

    def run_with(self, *settings, code=0):
        overrides = [argument for setting in settings for argument in ("--set", setting)]
        return self.run_ok("run", self.config, "--out", self.out, *overrides, code=code)

    def rows(self, name, kind=None):
        return [row for row in table(self.out, name) if kind is None or row["kind"] == kind]

    def test_what_is_out_of_range_is_refused_before_anything_runs(self):
        cases = {"train.regulariser_strength=-1": "real number >= 0, found '-1'",
                 "train.spr_alpha=0": "real number in (0, 1), found '0'",
                 "train.spr_alpha=1": "real number in (0, 1), found '1'",
                 "train.spr_alpha=.nan": "real number in (0, 1), found '.nan'",
                 "select.strengths=[0.1, -2]": "list of real numbers >= 0, found [0.1, -2]",
                 "select.alphas=[0.5, 1]": "list of real numbers in (0, 1), found [0.5, 1]",
                 "select.margin=-1": "real number >= 0, found '-1'",
                 "prune.tolerance=2": "real number in [0, 1], found '2'",
                 "prune.row_fraction=1": "real number in [0, 1), found '1'",
                 "prune.proof=fog": "expected one of none, interval-box, interval, crown, alpha-crown, obbt-lp, obbt-mip, found 'fog'"}
        for setting, says in cases.items():
            with self.subTest(setting):
                result = self.run_with(setting, code=2)
                self.assertIn(setting, result.stderr)
                self.assertIn(says, result.stderr)
        self.config.write_text(CONFIG.replace("regulariser_strength: 0.5", "regulariser_strength: -0.5"))
        self.assertIn("degenerate.yaml:6:98: parameters.train.regulariser_strength: expected real number >= 0, found '-0.5'",
                      self.run_with(code=2).stderr)
        self.assertFalse(self.out.exists())

    def test_exact_compression_without_a_proof_is_refused(self):
        self.assertIn("prune.proof: prune.criterion: exact removes what bounds prove to be superfluous: expected their kind, such as crown",
                      self.run_with("prune.criterion=exact", code=2).stderr)

    def test_an_m_of_zero_is_a_failed_row(self):
        """With these numbers every step of the reference replaces its weights by its gradient, and its ReLUs die."""
        result = self.run_with("train.learning_rate=1", "train.weight_decay=1", code=1)
        says = "regulariser spr: expected M > 0 in layer 0 (counted from 0), found 0: all weights of the reference's layer are 0"
        self.assertIn(says, result.stderr)
        failed = {row["kind"]: row for row in self.rows("stages") if row["status"] == b"failed"}
        self.assertEqual({kind: row["error_kind"] for kind, row in failed.items()},
                         {b"train": b"configuration", b"prune": b"parent", b"solve": b"parent"})
        self.assertIn(says, failed[b"train"]["message"].decode())
        self.assertIn(says, self.run_ok("status", self.out, "--failed").stdout)

    def test_a_threshold_that_removes_whole_layers_leaves_a_network(self):
        self.run_with("prune.tolerance=1", "prune.row_fraction=0.99")
        pruned, = self.rows("networks", b"prune")
        self.assertEqual((pruned["status"], pruned["architecture"]), (b"done", b"64-1-1-10"))
        self.assertGreater(pruned["prune_threshold"], 0.09)
        solve, = self.rows("solves")
        self.assertIn(solve["solve_status"], (b"adversarial", b"optimal"))
        self.run_ok("check", self.out)

    def test_a_selection_without_an_admissible_candidate_is_a_failed_row(self):
        result = self.run_with("select.strengths=[10, 20]", "select.margin=0.2", code=1)
        self.assertIn("none of 2 candidates is accurate enough: expected a test accuracy of at least", result.stderr)
        select, = self.rows("stages", b"select")
        self.assertEqual((select["status"], select["error_kind"]), (b"failed", b"data"))
        self.assertIn("give smaller select.strengths or a larger select.margin", select["message"].decode())
        self.assertEqual([row["status"] for row in self.rows("networks", b"prune")], [b"done", b"done"])
        status = json.loads(self.run_ok("status", self.out, "--json").stdout)
        self.assertEqual({k["kind"]: k["failed"] for k in status["stages"]}, {"train": 0, "prune": 0, "select": 1, "solve": 1})


if __name__ == "__main__":
    os.environ["ESPALIER_DATA"] = DATA
    unittest.main(verbosity=1)
