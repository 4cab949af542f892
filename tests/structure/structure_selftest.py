#!/usr/bin/env python3
"""The structure test must fail where it should: small trees, each with one thing wrong."""
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
TABLE = """
module base  0 both
module nn    2 science
module plan  3 farm
module embed 5 science
module certify 4 science
module wire  4 farm
module milp  2 science
module app   8 app
forbid app nn
library eigen  public  science    Eigen/*
library mpi    private wire       mpi.h boost/*
library cbc    private milp/cbc   Cbc*
tests support
"""
GOOD = {
    "include/espalier/base/error.hpp": "#include <string>\n",
    "src/base/error.cpp": '#include "espalier/base/error.hpp"\n#include "base/detail.hpp"\n',
    "src/base/detail.hpp": "#pragma once\n",
    "tests/base/error_test.cpp": "",
    "include/espalier/nn/network.hpp": '#include <Eigen/Core>\n#include "espalier/base/error.hpp"\n',
    "tests/nn/network_test.cpp": "",
    "src/CMakeLists.txt": "espalier_module(base PRECOMPILED farm)\nespalier_module(nn PRECOMPILED science DEPENDS base PUBLIC_LIBRARIES Eigen3::Eigen)\n",
    "src/modules.txt": TABLE,
}


def check(changes):
    """Exit code and output of structure.py on the good tree with `changes` (path -> content, None = absent)."""
    with tempfile.TemporaryDirectory() as folder:
        for name, content in {**GOOD, **changes}.items():
            if content is not None:
                path = Path(folder, name)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(content)
        done = subprocess.run([sys.executable, HERE / "structure.py", folder], capture_output=True, text=True, check=False)
        return done.returncode, done.stdout + done.stderr


class StructureTest(unittest.TestCase):
    def assert_refused(self, changes, sentence):
        code, output = check(changes)
        self.assertEqual(code, 1, output)
        self.assertIn(sentence, output)
        self.assertIn("1 findings", output)

    def test_good_tree_passes(self):
        self.assertEqual(check({}), (0, "2 includes between modules, 0 findings\n"))

    def module(self, name, depends, file, content):
        """A further module with a test and one source file."""
        cmake = GOOD["src/CMakeLists.txt"] + f"espalier_module({name} DEPENDS {depends})\n"
        return {"src/CMakeLists.txt": cmake, f"tests/{name}/x_test.cpp": "", f"src/{name}/{file}": content}

    def test_include_upwards(self):
        changes = {"src/nn/x.cpp": '#include "espalier/embed/x.hpp"\n', "include/espalier/embed/x.hpp": '#include "espalier/base/error.hpp"\n',
                   "tests/embed/x_test.cpp": "",
                   "src/CMakeLists.txt": "espalier_module(base)\nespalier_module(nn DEPENDS base embed)\nespalier_module(embed DEPENDS base)\n"}
        self.assert_refused(changes, "src/nn/x.cpp:1: 'nn' (level 2) may only include lower levels, and 'embed' has level 5")

    def test_precompiled_headers_of_the_other_tower(self):
        cmake = GOOD["src/CMakeLists.txt"].replace("base PRECOMPILED farm", "base PRECOMPILED science")
        self.assert_refused({"src/CMakeLists.txt": cmake}, "espalier_module(base PRECOMPILED science ...): its tower's set is farm")

    def test_include_of_the_other_tower(self):
        changes = self.module("plan", "nn", "x.cpp", '#include <vector>\n#include "espalier/nn/network.hpp"\n')
        self.assert_refused(changes, "src/plan/x.cpp:2: 'plan' (farm tower) may not include 'nn' (science tower)")

    def test_same_level(self):
        changes = self.module("wire", "certify", "x.cpp", '# include "espalier/certify/x.hpp"\n')
        changes |= {"include/espalier/certify/x.hpp": '#include "espalier/base/error.hpp"\n', "tests/certify/x_test.cpp": ""}
        changes["src/CMakeLists.txt"] += "espalier_module(certify DEPENDS base)\n"
        self.assert_refused(changes, "(level 4) may only include lower levels, and 'certify' has level 4")

    def test_forbidden_pair(self):
        self.assert_refused(self.module("app", "nn", "x.cpp", '#include "espalier/nn/network.hpp"\n'), "'app' must never include 'nn'")

    def test_third_party_header_has_one_owner(self):
        self.assert_refused({"src/nn/x.cpp": "#include <boost/mpi.hpp>\n"}, "src/nn/x.cpp:1: 'boost/mpi.hpp' (mpi) belongs to wire, not to 'nn'")

    def test_third_party_header_belongs_to_a_folder(self):
        good = {**self.module("milp", "base", "cbc/x.cpp", '#include "espalier/base/error.hpp"\n#include <CbcModel.hpp>\n')}
        self.assertEqual(check(good)[0], 0)
        bad = {**self.module("milp", "base", "x.cpp", '#include "espalier/base/error.hpp"\n#include <CbcModel.hpp>\n')}
        self.assert_refused(bad, "belongs to milp/cbc, not to 'milp'")

    def test_private_library_in_a_public_header(self):
        changes = self.module("wire", "base", "x.cpp", '#include "espalier/base/error.hpp"\n')
        changes["include/espalier/wire/link.hpp"] = "#include <mpi.h>\n"
        self.assert_refused(changes, "include/espalier/wire/link.hpp:1: 'mpi.h' (mpi) may not stand in a public header")

    def test_unknown_header(self):
        self.assert_refused({"src/nn/x.cpp": "#include <torch/torch.h>\n"}, "'torch/torch.h' belongs to no module and no library")

    def test_computed_include(self):
        self.assert_refused({"src/nn/x.cpp": "#include HEADER\n"}, "an #include of a macro cannot be checked")

    def test_public_header_includes_private_header(self):
        self.assert_refused({"include/espalier/base/error.hpp": '#include "base/detail.hpp"\n'}, "may not include the private header")

    def test_private_header_of_another_module(self):
        self.assert_refused({"src/nn/x.cpp": '#include "base/detail.hpp"\n'}, "'base/detail.hpp' is private to module 'base'")
        self.assert_refused({"src/nn/x.cpp": '#include "../base/detail.hpp"\n'}, "is private to module 'base'")

    def test_missing_header(self):
        self.assert_refused({"src/nn/x.cpp": '#include "espalier/base/gone.hpp"\n'}, "'espalier/base/gone.hpp' does not exist below include/")

    def test_folder_that_is_no_module(self):
        self.assert_refused({"src/extra/x.cpp": ""}, "src/extra/x.cpp: 'extra' is no module of src/modules.txt")
        self.assert_refused({"tests/extra/x_test.cpp": ""}, "tests/extra: mirrors no module")
        self.assertEqual(check({"tests/support/x.hpp": ""})[0], 0)

    def test_one_temporary_folder_for_all_tests(self):
        self.assert_refused({"tests/nn/x.hpp": "auto path = ::testing::TempDir();\n"}, "tests/nn/x.hpp: TempDir() is one folder for all tests")

    def test_module_without_tests(self):
        self.assert_refused({"tests/nn/network_test.cpp": None}, "module 'nn' has code but no tests/nn/*_test.cpp")

    def test_cmake_lacks_a_dependency(self):
        self.assert_refused({"src/CMakeLists.txt": "espalier_module(base)\nespalier_module(nn)\n"},
                            "espalier_module(nn ...) lacks DEPENDS base, included at include/espalier/nn/network.hpp:2")

    def test_cmake_names_an_unused_dependency(self):
        self.assert_refused({"src/nn/x.cpp": "", "src/CMakeLists.txt": "espalier_module(base DEPENDS nn)\nespalier_module(nn DEPENDS base)\n"},
                            "espalier_module(base ... DEPENDS nn): no file of 'base' includes it")

    def test_long_file(self):
        self.assert_refused({"src/nn/x.cpp": "\n" * 401}, "src/nn/x.cpp: 401 lines")

    def test_empty_tree_is_an_error(self):
        code, output = check({name: None for name in GOOD if name.endswith("pp")})
        self.assertNotEqual(code, 0)
        self.assertIn("no #include line found", output)

    def test_bad_table(self):
        code, output = check({"src/modules.txt": TABLE + "modul x 1 both\n"})
        self.assertNotEqual(code, 0)
        self.assertIn("expected 'module', 'forbid', 'library' or 'tests' with its arguments, found 'modul x 1 both'", output)


if __name__ == "__main__":
    unittest.main()
