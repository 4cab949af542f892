#!/usr/bin/env python3
"""clang-tidy over src/ within a time budget, remembering what passed.

Usage: tidy.py ROOT BUILD_DIR [--seconds N] [--jobs N]

A file is checked again only when it, a header of this project that it includes, its compiler command or .clang-tidy has changed; the
memory is BUILD_DIR/tidy/. Files of recent commits come first. When the time is up, what is left is counted and comes in the next run.
Exit code 1 if there is any finding.
"""
import argparse
import concurrent.futures
import functools
import hashlib
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

INCLUDE = re.compile(r'^\s*#\s*include\s*"([^"]+)"', re.MULTILINE)
# The compiler database is GCC's: what clang does not know of it is no finding, and neither are clang's own warnings.
EXTRA = ["--extra-arg=-Wno-unknown-warning-option", "--extra-arg=-Wno-error", "--extra-arg=-w"]

# Its precompiled headers are GCC's too, and would hide what a file forgets to include.
PRECOMPILED = re.compile(r" -Winvalid-pch -include \S+")


class Tree:
    def __init__(self, root):
        self.root = root

    @functools.lru_cache(maxsize=None)
    def text(self, path):
        return path.read_text(errors="replace")

    def closure(self, path):
        """The file and the project's headers that it includes, directly or not."""
        found, waiting = {path}, [path]
        while waiting:
            current = waiting.pop()
            for header in INCLUDE.findall(self.text(current)):
                for base in (current.parent, self.root / "include", self.root / "src"):
                    candidate = (base / header).resolve()
                    if candidate.is_file() and candidate.is_relative_to(self.root):
                        if candidate not in found:
                            found.add(candidate)
                            waiting.append(candidate)
                        break
        return sorted(found)

    def key(self, path, command, common):
        digest = hashlib.sha256(f"{common}\0{command}".encode())
        for file in self.closure(path):
            digest.update(f"\0{file.relative_to(self.root)}\0{self.text(file)}".encode())
        return digest.hexdigest()[:32]


def recent_files(root):
    """Files of the last commits, newest first -> rank."""
    log = subprocess.run(["git", "-c", f"safe.directory={root}", "-C", root, "log", "-n", "30", "--name-only", "--format="],
                         capture_output=True, text=True, check=False)
    return {name: rank for rank, name in reversed(list(enumerate(log.stdout.split())))}


def check(path, database, deadline):
    """None if the time was up, else (exit code, output)."""
    remaining = deadline - time.monotonic()
    if remaining <= 0:
        return None
    try:
        done = subprocess.run(["clang-tidy", "-p", database, "--quiet", *EXTRA, path], capture_output=True, text=True, check=False, timeout=remaining + 30)
    except subprocess.TimeoutExpired:
        return None
    errors = [line for line in done.stderr.splitlines() if "warnings generated" not in line and "warnings and" not in line]
    return done.returncode, "\n".join([done.stdout.strip()] + errors).strip()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("root", type=Path)
    parser.add_argument("build", type=Path)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    arguments = parser.parse_args()
    root, build = arguments.root.resolve(), arguments.build.resolve()
    version = subprocess.run(["clang-tidy", "--version"], capture_output=True, text=True, check=True).stdout
    common = version + (root / ".clang-tidy").read_text() + " ".join(EXTRA)
    tree, memory = Tree(root), build / "tidy"
    memory.mkdir(parents=True, exist_ok=True)
    entries = json.loads((build / "compile_commands.json").read_text())
    for entry in entries:
        entry["command"] = PRECOMPILED.sub("", entry["command"])
    database = build / "tidy-database"
    database.mkdir(exist_ok=True)
    (database / "compile_commands.json").write_text(json.dumps(entries))
    commands = {Path(e["directory"], e["file"]).resolve(): e["command"] for e in entries}
    keys = {path: tree.key(path, command, common) for path, command in commands.items() if path.is_relative_to(root / "src")}
    if not keys:
        raise SystemExit(f"{build}/compile_commands.json names no file of {root}/src")
    recent = recent_files(root)
    waiting = sorted((p for p in keys if not (memory / keys[p]).exists()),
                     key=lambda p: (recent.get(str(p.relative_to(root)), len(recent)), str(p)))
    deadline = time.monotonic() + arguments.seconds
    failed = left = 0
    with concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool:
        for path, result in zip(waiting, pool.map(lambda p: check(p, database, deadline), waiting)):
            if result is None:
                left += 1
            elif result[0] == 0:
                (memory / keys[path]).touch()
            else:
                failed += 1
                print(f"{path.relative_to(root)}:\n{result[1]}\n", flush=True)
    for old in memory.iterdir():
        if old.name not in keys.values():
            old.unlink()
    print(f"clang-tidy: {len(keys)} files, {len(keys) - len(waiting)} unchanged since they passed, {len(waiting) - failed - left} passed, "
          f"{failed} with findings, {left} left for the next run")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
