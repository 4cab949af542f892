"""One grid in shards, merged, against the same grid in one run."""
import pathlib
import tempfile
import unittest

from harness import TINY, Case, espalier, steady, table

COUNT = 3


class Sharding(Case):
    """The directories of setUpClass are only read."""

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.whole = pathlib.Path(folder.name) / "whole"
        cls.parts = [pathlib.Path(folder.name) / f"part-{i}" for i in range(1, COUNT + 1)]
        runs = [espalier("run", TINY, "--out", cls.whole, "--quiet")]
        for i, part in enumerate(cls.parts, 1):
            runs.append(espalier("run", TINY, "--out", part, "--shard", f"{i}/{COUNT}", "--quiet", ranks=2 if i == 1 else None))
        for run in runs:
            assert run.returncode == 0, run.stderr

    def assert_same_rows(self, out):
        for name in ("solves", "networks", "stages"):
            self.assertEqual(steady(self.whole, name), steady(out, name), name)

    def test_merged_is_as_run_in_one(self):
        solves = [set(table(part, "solves")["key"]) for part in self.parts]
        self.assertEqual(sum(len(s) for s in solves), len(set.union(*solves)), "a solve is in one shard only")
        out = self.folder / "merged"
        self.run_ok("merge", *self.parts, "--out", out)
        self.assert_same_rows(out)
        self.assertIn("all as stored", self.run_ok("check", out).stdout)
        # Again: nothing is added. And the merged directory is one that run continues.
        self.assertIn("0 outcomes added", self.run_ok("merge", *self.parts, "--out", out).stdout)
        stages = table(out, "stages")
        self.run_ok("run", TINY, "--out", out)
        self.assertEqual(list(table(out, "stages")["started"]), list(stages["started"]))

    def test_what_is_missing_is_refused_and_named(self):
        out = self.folder / "merged"
        self.refused("merge", self.parts[0], self.parts[2], "--out", out, code=3, says=["1 shard is not among the directories: 2/3"])
        self.assertFalse(out.exists())
        self.run_ok("merge", self.parts[0], self.parts[2], "--out", out, "--partial", code=75)
        self.assertIn(b"waiting", set(table(out, "stages")["status"]))
        self.run_ok("merge", self.parts[1], "--out", out, "--partial", code=0)
        self.assert_same_rows(out)

    def test_refusals(self):
        out, first = self.folder / "merged", self.parts[0]
        other = self.folder / "other"
        self.run_ok("run", TINY, "--out", other, "--shard", "2/3", "--set", "solve.node_limit=10")
        self.refused("merge", first, other, "--out", out, code=3, says="solve.node_limit was 200, now 10")
        self.refused("merge", first, self.whole, "--out", out, code=3, says="the grid was cut in different ways")
        self.refused("merge", first, "--out", first, code=2, says="is the destination")
        self.refused("merge", first, self.folder / "nothing", "--out", out, code=3, says="found no such file or directory")
        self.refused("run", TINY, "--out", first, "--shard", "2/3", code=3, says="holds shard 1/3")
        self.refused("run", TINY, "--out", out, "--shard", "4/3", code=2, says="found '4/3'")
        self.assertFalse(out.exists())

    def test_an_empty_shard_is_complete(self):
        out = self.folder / "out"
        self.run_ok("run", TINY, "--out", out, "--shard", "99/100", "--quiet")
        self.assertEqual(len(table(out, "stages")), 0)
        self.run_ok("check", out)


if __name__ == "__main__":
    unittest.main(verbosity=1)
