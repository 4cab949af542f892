"""What the end-to-end tests share: running the program, reading its tables."""
import json
import os
import pathlib
import subprocess
import tempfile
import unittest

import h5py

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = os.environ.get("ESPALIER_BIN", str(ROOT / "build" / "dev" / "espalier"))
PROBLEMS = ROOT / "tests" / "reference" / "problems.h5"
DATA = os.environ.get("ESPALIER_DATA", str(ROOT / "data"))
TINY = pathlib.Path(__file__).with_name("tiny.yaml")

ENVIRONMENT = dict(os.environ, ESPALIER_DATA=DATA, OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1",
                   OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", OMPI_MCA_rmaps_base_oversubscribe="1")


def espalier(*arguments, ranks=None, timeout=240, **options):
    """Runs the program, under mpirun when ranks is given; the result has returncode, stdout and stderr."""
    launcher = [] if ranks is None else ["mpirun", "--oversubscribe", "-np", str(ranks)]
    options.setdefault("env", ENVIRONMENT)
    return subprocess.run(launcher + [PROGRAM] + [str(a) for a in arguments], capture_output=True, text=True, timeout=timeout,
                          stdin=subprocess.DEVNULL, **options)


def table(out, name):
    with h5py.File(pathlib.Path(out) / "results.h5", "r") as file:
        return file[name][:]


def steady(out, name):
    """The columns of a table that may not depend on where and when a task ran: those that the file does not call measured."""
    with h5py.File(pathlib.Path(out) / "results.h5", "r") as file:
        rows, attributes = file[name][:], file[name].attrs
        return {column: [repr(value) for value in rows[column]] for column in rows.dtype.names if not attributes[f"measured.{column}"]}


class Case(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def run_ok(self, *arguments, code=0, **options):
        result = espalier(*arguments, **options)
        self.assertEqual(result.returncode, code, f"{arguments}\nstdout:\n{result.stdout}\nstderr:\n{result.stderr}")
        return result

    def refused(self, *arguments, code, says, **options):
        result = self.run_ok(*arguments, code=code, **options)
        for sentence in [says] if isinstance(says, str) else says:
            self.assertIn(sentence, result.stderr)
        return result


def json_lines(text):
    return [json.loads(line) for line in text.splitlines() if line.strip()]
