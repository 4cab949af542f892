"""cmake --install, then a program outside the tree that finds the package, from a prefix that was moved; the README shows that program.

Usage: package.py ROOT BUILD     the data: $ESPALIER_DATA, else ROOT/data
"""
import os
import pathlib
import re
import subprocess
import sys
import tempfile


def call(*command, **options):
    result = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options)
    if result.returncode:
        sys.exit(f"{' '.join(map(str, command))} failed:\n{result.stdout}")
    return result.stdout


def main():
    root, build = map(pathlib.Path, sys.argv[1:])
    data = os.environ.get("ESPALIER_DATA", root / "data")
    program = root / "tests" / "package" / "program"
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        call("cmake", "--install", build, "--prefix", folder / "first")
        prefix = (folder / "first").rename(folder / "moved")
        named = [path for path in (prefix / "lib" / "cmake").rglob("*.cmake") if str(root) in path.read_text() or str(folder) in path.read_text()]
        assert not named, f"the package names the tree that it was built in, or the prefix: {named}"
        call("cmake", "-S", program, "-B", folder / "build", "-G", "Ninja", f"-DCMAKE_PREFIX_PATH={prefix}", "-DCMAKE_BUILD_TYPE=Release")
        call("cmake", "--build", folder / "build")
        lines = call(folder / "build" / "first_steps", data).splitlines()
        version = call(prefix / "bin" / "espalier", "--version")
    print("\n".join(lines), version, sep="\n")
    assert float(re.fullmatch(r"test accuracy (0\.\d+)", lines[0])[1]) > 0.6, lines[0]
    margins = {}
    for line in lines[1:]:
        solver, status, margin = re.fullmatch(r"(\w+): (\w+), largest verified margin (\S+)", line).groups()
        assert status == "optimal", line
        margins[solver] = float(margin)
    assert set(margins) == {"bab", "cbc"} and abs(margins["bab"] - margins["cbc"]) < 1e-4, margins
    assert version.startswith("espalier "), version
    page = (root / "README.md").read_text()
    for file in ("CMakeLists.txt", "main.cpp"):
        assert (program / file).read_text() in page, f"README.md does not show tests/package/program/{file} as it is"


if __name__ == "__main__":
    main()
