#!/usr/bin/env python3
"""No tracked file names a folder of the machine it was written on, or a package registry's host.

Usage: machine_paths.py ROOT      exit code 77: ROOT is no git checkout, so there is no list of tracked files
"""
import re
import subprocess
import sys
from pathlib import Path

# Written in pieces, so that this file passes its own test.
FORBIDDEN = [
    re.compile(r"(?<![\w.\-/])/" + r"work/"),
    re.compile(r"(?<![\w.\-/])/" + r"(?:root|home/\w+)/"),
    re.compile(r"\bregistry\." + r"(?:npmjs|yarnpkg)\b|\bfiles\." + r"pythonhosted\b|\bpypi\." + r"org\b|\bdeb\." + r"debian\.org\b"),
]


def findings(name, text):
    return [f"{name}:{number}: {line.strip()[:160]}" for number, line in enumerate(text.splitlines(), 1)
            if any(pattern.search(line) for pattern in FORBIDDEN)]


def self_test():
    refused = ["cd /" + "work/main", '"/' + 'root/x"', "https://registry." + "npmjs.org/x", "=/" + "home/me/data"]
    allowed = ["/homework/x", "src/" + "work/x", "a/" + "root/b", "$root/data", "/usr/share"]
    wrong = [line for line in refused if not findings("x", line)] + [line for line in allowed if findings("x", line)]
    if wrong:
        raise SystemExit(f"self-test failed on {wrong}")


def main():
    self_test()
    root = Path(sys.argv[1])
    if not (root / ".git").exists():
        print(f"{root} is not a git checkout: skipped")
        sys.exit(77)
    # A checkout that belongs to somebody else (a container's mount) is fine to read.
    listing = subprocess.run(["git", "-c", f"safe.directory={root.resolve()}", "-C", root, "ls-files", "-z"], capture_output=True, check=True)
    names = [name for name in listing.stdout.decode().split("\0") if name and (root / name).is_file()]
    if not names:
        raise SystemExit(f"{root}: git lists no files")
    found = [f for name in names for f in findings(name, (root / name).read_bytes().decode(errors="replace"))]
    print("\n".join(found + [f"{len(names)} files, {len(found)} findings"]))
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
