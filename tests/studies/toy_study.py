"""A study of one folder and one registry line, run as a user runs the others; argument: the program that has it."""
import os
import pathlib
import sys
import unittest

HERE = pathlib.Path(__file__).resolve().parent
os.environ["ESPALIER_BIN"] = sys.argv.pop(1)
sys.path.insert(0, str(HERE.parent / "app"))
from harness import Case, table  # noqa: E402: the program must be chosen before

TOY = HERE / "toy" / "toy.yaml"


class Toy(Case):
    def test_runs_reports_and_checks(self):
        out = self.folder / "out"
        self.run_ok("run", TOY, "--out", out, "--quiet", ranks=3)
        self.assertEqual(table(out, "counts")[["below", "primes"]].tolist(), [(10, 4), (40, 12), (70, 19), (100, 25)])
        report = self.run_ok("report", out, "--out", self.folder / "report").stdout
        self.assertEqual(report.splitlines(), ["below primes", "   10      4", "   40     12", "   70     19", "  100     25"])
        self.assertEqual((self.folder / "report" / "toy.txt").read_text(), report)
        self.run_ok("check", out)
        self.run_ok("status", out)
        rows = self.run_ok("table", out, "counts", "--columns", "below,primes", "--where", "primes>12").stdout
        self.assertEqual(rows, "below,primes\n70,19\n100,25\n")

    def test_continues_and_extends(self):
        out = self.folder / "out"
        self.run_ok("run", TOY, "--out", out, "--quiet")
        self.run_ok("run", TOY, "--out", out, "--quiet", "--extend", "--set", "below=[10, 200]")
        self.assertEqual(table(out, "counts")["primes"].tolist(), [4, 46])

    def test_a_parameter_of_another_study_is_refused(self):
        path = self.folder / "wrong.yaml"
        path.write_text(TOY.read_text().replace("below:", "prune.rate:"))
        self.refused("plan", path, code=2, says="prune.rate")
        path.write_text(TOY.read_text().replace("study: toy", "study: toys"))
        self.refused("plan", path, code=2, says=[f"{path}:2:8: study: expected one of surrogate, spr, verification, toy, found 'toys'"])

    def test_the_reference_is_that_of_the_study(self):
        self.assertIn("below                    integer >= 1", self.run_ok("plan", "--parameters", "--study", "toy").stdout)


if __name__ == "__main__":
    unittest.main()
