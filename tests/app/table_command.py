"""espalier table: what it prints is what h5py reads, and each documented line gives a clean frame."""
import csv
import io
import json
import os
import pathlib
import re
import subprocess
import tempfile
import unittest

import h5py
import numpy as np
import pandas

from harness import ENVIRONMENT, PROGRAM, ROOT, TINY, Case, espalier, table


class Table(Case):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.out = pathlib.Path(folder.name) / "run"
        result = espalier("run", TINY, "--out", cls.out, "--quiet")
        assert result.returncode == 0, result.stderr

    def test_csv_and_json_are_what_h5py_reads(self):
        for name in ("solves", "networks", "stages"):
            rows = table(self.out, name)
            printed = list(csv.DictReader(io.StringIO(self.run_ok("table", self.out, name).stdout)))
            objects = [json.loads(line) for line in self.run_ok("table", self.out / "results.h5", name, "--json").stdout.splitlines()]
            self.assertEqual((len(printed), len(objects)), (len(rows), len(rows)))
            for row, text, value in zip(rows, printed, objects):
                self.assertEqual(list(text), list(rows.dtype.names))
                for column in rows.dtype.names:
                    stored = row[column]
                    if isinstance(stored, bytes):
                        self.assertEqual((text[column], value[column] or ""), (stored.decode(), stored.decode()))
                    elif isinstance(stored, np.bool_):
                        self.assertEqual((text[column], value[column]), (str(bool(stored)).lower(), bool(stored)))
                    elif isinstance(stored, np.floating):
                        self.assertEqual(text[column] == "", bool(np.isnan(stored)))
                        self.assertTrue(np.isnan(stored) or float(text[column]) == stored == float(value[column]), (column, stored, text[column]))
                    elif text[column]:
                        self.assertEqual((int(text[column]), value[column]), (stored, stored))
                    else:
                        self.assertIsNone(value[column])

    def test_rows_and_columns_are_chosen(self):
        printed = self.run_ok("table", self.out, "--columns", "prune_criterion,prune_rate", "--where", "prune_rate>0.4", "--where",
                              "prune_criterion=random").stdout.splitlines()
        self.assertEqual(printed, ["prune_criterion,prune_rate"] + ["random,0.5"] * 6)

    def test_mistakes_are_told(self):
        self.refused("table", self.out, "--columns", "prune_rat", code=2, says="did you mean 'prune_rate'?")
        self.refused("table", self.out, "solve", code=2, says="there is no table 'solve' (did you mean 'solves'?)")
        self.refused("table", self.out, "--where", "prune_rate", code=2, says="expected a column, one of = != < <= > >=, and a value")
        self.refused("table", self.out, "--csv", "--json", code=2, says="excludes")
        self.refused("table", self.folder, code=3, says=str(self.folder))
        self.refused("table", TINY, code=3, says="tiny.yaml")

    def test_a_reader_that_leaves_ends_it_quietly_and_a_full_disk_is_an_error(self):
        line = f"'{PROGRAM}' table '{self.out}' stages | head -n 1"
        result = subprocess.run(["bash", "-c", line], capture_output=True, text=True, env=ENVIRONMENT)
        self.assertEqual((result.stdout.count("\n"), result.stderr), (1, ""))
        self.assertEqual(subprocess.run(["bash", "-c", f"'{PROGRAM}' table '{self.out}' > /dev/full"], capture_output=True).returncode, 3)

    def test_the_documented_lines_give_clean_frames(self):
        page = (ROOT / "src" / "results" / "SCHEMA.md").read_text()
        [from_file] = re.findall(r"^    (solves = pandas\.DataFrame\(.*)$", page, re.M)
        [from_program] = re.findall(r"^    (solves = pandas\.read_csv\(.*)$", page, re.M)
        frames = {"pandas": pandas, "os": os, "f": h5py.File(self.out / "results.h5")}
        exec(from_file, frames)
        stored = frames["solves"]
        exec(from_program.replace("espalier table results/quickstart", f"'{PROGRAM}' table '{self.out}'"), frames)
        printed = frames["solves"]
        self.assertEqual(list(stored.columns), list(printed.columns))
        self.assertEqual(len(stored), 16)
        for frame in (stored, printed):
            self.assertFalse(any(isinstance(value, bytes) for column in frame for value in frame[column]))
            self.assertEqual(frame["adversarial"].dtype, bool)
            self.assertEqual(frame.groupby("prune_criterion").size().to_dict(), {"magnitude": 8, "none": 2, "random": 6})
            self.assertTrue(np.issubdtype(frame["verified_objective"].dtype, np.floating))
        pandas.testing.assert_series_equal(stored["verified_objective"], printed["verified_objective"])

    def test_r_reads_a_clean_data_frame(self):
        page = (ROOT / "src" / "results" / "SCHEMA.md").read_text()
        [line] = re.findall(r"^    (solves <- hdf5r::.*)$", page, re.M)
        program = f'''setwd("{self.out}"); {line}
            cat(nrow(solves), ncol(solves), class(solves), "\\n")
            for (name in c("status", "nodes", "adversarial", "verified_objective")) cat(name, class(solves[[name]]), "\\n")
            cat(format(sum(solves$verified_objective), digits = 15), sum(solves$adversarial), solves$key[1], "\\n")'''
        result = subprocess.run(["Rscript", "-e", program], capture_output=True, text=True, timeout=120)
        self.assertEqual(result.returncode, 0, result.stderr)
        lines = [line.split() for line in result.stdout.splitlines()]
        rows = table(self.out, "solves")
        self.assertEqual(lines[0], [str(len(rows)), str(len(rows.dtype.names)), "data.frame"])
        self.assertEqual(lines[1:5], [["status", "character"], ["nodes", "integer"], ["adversarial", "logical"], ["verified_objective", "numeric"]])
        self.assertAlmostEqual(float(lines[5][0]), rows["verified_objective"].sum(), places=9)
        self.assertEqual(lines[5][1:], [str(rows["adversarial"].sum()), rows["key"][0].decode()])


if __name__ == "__main__":
    unittest.main()
