#!/usr/bin/env python3
"""Runs the commands that a page shows, so that it never shows one that does not work.

A block is run if the line above it is an HTML comment with its name:

    <!-- test: solve -->
    ```sh
    build/release/espalier solve problems.h5 --json
    ```

`<!-- test: NAME exit 2 -->` expects exit code 2. Blocks run in the order of the page, each by `bash -euo pipefail`, in one temporary copy of
the tracked files where build/release/espalier is the program named by the environment variable ESPALIER_BIN and data/ is the real one
(ESPALIER_DATA, else ROOT/data). What one block leaves behind is there for the next.

Usage: readme_commands.py ROOT [--page README.md] [--list] [NAME...]
"""
import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

MARK = re.compile(r"^<!--\s*test:\s*(?P<name>[\w.-]+)(?:\s+exit\s+(?P<code>\d+))?\s*-->\s*$")
SECONDS_PER_BLOCK = 300


@dataclass
class Block:
    name: str
    exit_code: int
    line: int
    script: str


def read_blocks(page):
    """The marked blocks of the page; a mark without a block below it, an unclosed block and a name used twice are errors."""
    lines = page.read_text().splitlines()
    blocks, i = [], 0
    while i < len(lines):
        mark = MARK.match(lines[i])
        i += 1
        if not mark:
            continue
        where = f"{page.name}:{i}"
        if i == len(lines) or lines[i].strip() not in ("```sh", "```bash"):
            raise SystemExit(f"{where}: expected a line ```sh after the mark, found '{lines[i] if i < len(lines) else 'the end of the page'}'")
        end = next((j for j in range(i + 1, len(lines)) if lines[j].strip() == "```"), None)
        if end is None:
            raise SystemExit(f"{where}: the block '{mark['name']}' is never closed")
        if any(b.name == mark["name"] for b in blocks):
            raise SystemExit(f"{where}: the name '{mark['name']}' is used twice")
        blocks.append(Block(mark["name"], int(mark["code"] or 0), i + 1, "\n".join(lines[i + 1:end]) + "\n"))
        i = end + 1
    return blocks


def tracked_files(root):
    listing = subprocess.run(["git", "-c", f"safe.directory={root}", "-C", root, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
                             capture_output=True, check=True)
    return [name for name in listing.stdout.decode().split("\0") if name and (root / name).is_file()]


def make_copy(root, program, folder):
    for name in tracked_files(root):
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(root / name, target)
    (folder / "build" / "release").mkdir(parents=True)
    (folder / "build" / "release" / "espalier").symlink_to(program)
    data = Path(os.environ.get("ESPALIER_DATA", root / "data"))
    if data.is_dir():
        (folder / "data").symlink_to(data.resolve())


def block_environment():
    return dict(os.environ, OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1", OPENBLAS_NUM_THREADS="1", OMP_NUM_THREADS="1")


def run_block(block, folder, environment):
    """"" if the block did what it should, else what happened."""
    try:
        done = subprocess.run(["bash", "-euo", "pipefail", "-c", block.script], cwd=folder, env=environment, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=SECONDS_PER_BLOCK, check=False)
    except subprocess.TimeoutExpired as late:
        return f"did not end within {SECONDS_PER_BLOCK} s\n{(late.stdout or b'').decode(errors='replace')}"
    if done.returncode != block.exit_code:
        return f"expected exit code {block.exit_code}, found {done.returncode}\n{done.stdout}"
    return ""


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("root", type=Path)
    parser.add_argument("--page", default="README.md")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("names", nargs="*")
    arguments = parser.parse_args()
    root = arguments.root.resolve()
    blocks = read_blocks(root / arguments.page)
    unknown = set(arguments.names) - {b.name for b in blocks}
    if unknown or not blocks:
        raise SystemExit(f"{arguments.page}: no block marked <!-- test: {', '.join(sorted(unknown)) or 'NAME'} -->")
    if arguments.list:
        print("\n".join(b.name for b in blocks))
        return
    program = Path(os.environ.get("ESPALIER_BIN", root / "build" / "release" / "espalier")).resolve()
    if not os.access(program, os.X_OK):
        raise SystemExit(f"{program}: no program there; set ESPALIER_BIN")
    failures = 0
    with tempfile.TemporaryDirectory(prefix="espalier-readme-") as folder:
        make_copy(root, program, Path(folder))
        for block in blocks:
            if arguments.names and block.name not in arguments.names:
                continue
            problem = run_block(block, folder, block_environment())
            failures += bool(problem)
            print(f"{'FAILED' if problem else 'ok    '} {arguments.page}:{block.line} {block.name}" + (f": {problem}" if problem else ""), flush=True)
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
