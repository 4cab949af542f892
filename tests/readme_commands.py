#!/usr/bin/env python3
"""Runs the commands that a page shows, so that it never shows one that does not work.

A block is run if the line above it is an HTML comment with its name:

    <!-- test: solve -->
    ```sh
    build/release/espalier solve problems.h5 --json
    ```

`<!-- test: NAME exit 2 -->` expects exit code 2; the block below `<!-- test: file NAME -->` is written to the file NAME instead. Blocks run in
the order of the page, each by `bash -euo pipefail`, in one temporary copy of the tracked files, and what one block leaves behind is there
for the next.

They run as a newcomer runs them after jobs/quickstart.sh: build/release/espalier is there (a copy of the program that the environment variable
ESPALIER_BIN names) and data/fashion-mnist (from ESPALIER_DATA, else ROOT/data); no environment variable is set; the only programs on the PATH
and Python modules are those of a bare Debian and of the packages of cluster/install-debian.sh; once as root, if this is root, and once as an
ordinary user.

Usage: readme_commands.py ROOT [--page README.md] [--list] [NAME...]
"""
import argparse
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

MARK = re.compile(r"^<!--\s*test:\s*(?P<file>file\s+)?(?P<name>[\w.-]+)(?:\s+exit\s+(?P<code>\d+))?\s*-->\s*$")
IMPORT = re.compile(r"^\s*(?:import|from)\s+(\w+)", re.MULTILINE)
ABSOLUTE_PROGRAM = re.compile(r"(?:^|[\s;|&(])(/(?:usr/)?s?bin/[\w.+-]+)")
PROGRAM_FOLDERS = ("/usr/bin", "/usr/sbin", "/bin", "/sbin")
SECONDS_PER_BLOCK = 300
NOBODY = 65534


@dataclass
class Block:
    name: str
    exit_code: int
    line: int
    text: str
    is_file: bool


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
        opened = i < len(lines) and lines[i].startswith("```") if mark["file"] else i < len(lines) and lines[i].strip() in ("```sh", "```bash")
        if not opened:
            raise SystemExit(f"{where}: expected a line ```sh after the mark, found '{lines[i] if i < len(lines) else 'the end of the page'}'")
        end = next((j for j in range(i + 1, len(lines)) if lines[j].strip() == "```"), None)
        if end is None:
            raise SystemExit(f"{where}: the block '{mark['name']}' is never closed")
        if any(b.name == mark["name"] for b in blocks):
            raise SystemExit(f"{where}: the name '{mark['name']}' is used twice")
        blocks.append(Block(mark["name"], int(mark["code"] or 0), i + 1, "\n".join(lines[i + 1:end]) + "\n", bool(mark["file"])))
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
    shutil.copy2(program, folder / "build" / "release" / "espalier")
    shutil.copytree(Path(os.environ.get("ESPALIER_DATA", root / "data")) / "fashion-mnist", folder / "data" / "fashion-mnist")


# ---- what a newcomer has

def installed_packages():
    """name -> (the names that it depends on, one set of alternatives each; whether a bare Debian has it), with virtual packages' names."""
    packages = {}
    for entry in Path("/var/lib/dpkg/status").read_text().split("\n\n"):
        fields = dict(line.split(": ", 1) for line in entry.splitlines() if ": " in line and not line.startswith(" "))
        if not fields.get("Status", "").endswith(" installed"):
            continue
        wanted = [{re.split(r"[ :(]", choice.strip())[0] for choice in clause.split("|")}
                  for clause in ", ".join(fields[f] for f in ("Depends", "Pre-Depends") if f in fields).split(", ") if clause]
        bare = fields.get("Essential") == "yes" or fields.get("Priority") == "required"
        for name in [fields["Package"], *(re.split(r"[ (]", p)[0] for p in fields.get("Provides", "").split(", ") if p)]:
            packages.setdefault(name, []).append((fields["Package"], wanted, bare))
    return packages


def packages_of_a_newcomer(root):
    """What a bare Debian has, cluster/install-debian.sh installs, and these depend on."""
    packages = installed_packages()
    listed = subprocess.run([root / "cluster" / "install-debian.sh", "--list"], capture_output=True, text=True, check=True).stdout.split()
    names, waiting = set(), listed + [name for entries in packages.values() for name, _, bare in entries if bare]
    while waiting:
        for name, wanted, _ in packages.get(waiting.pop(), []):
            if name not in names:
                names.add(name)
                waiting += [choice for choices in wanted for choice in choices]
    return names


def files_of(packages):
    info = Path("/var/lib/dpkg/info")
    lists = [path for path in info.glob("*.list") if path.stem.split(":")[0] in packages]
    return {line for path in lists for line in path.read_text().splitlines()}


class Newcomer:
    """The files that are there after the quickstart, and a folder to be the PATH. Without dpkg nothing is hidden."""

    def __init__(self, root, folder):
        self.path = None
        if not Path("/var/lib/dpkg/status").exists():
            return
        self.files = files_of(packages_of_a_newcomer(root))
        self.programs = {os.path.realpath(f) for f in self.files if os.path.dirname(f) in PROGRAM_FOLDERS}
        self.path = Path(folder)
        self.path.chmod(0o755)
        for place in PROGRAM_FOLDERS[:2]:
            for program in os.scandir(place):  # by its target: alternatives, as mpirun, belong to no package
                if os.path.realpath(program.path) in self.programs:
                    (self.path / program.name).symlink_to(program.path)

    def lacks(self, script):
        """What a script uses by name that a newcomer does not have; "" if nothing."""
        if self.path is None:
            return ""
        modules = [name for name in IMPORT.findall(script) if not self.has_module(name)]
        programs = [name for name in ABSOLUTE_PROGRAM.findall(script) if os.path.realpath(name) not in self.programs]
        return ", ".join([f"Python module {name}" for name in modules] + programs)

    def has_module(self, name):
        found = importlib.util.find_spec(name)
        return found is not None and (found.origin in ("built-in", "frozen") or found.origin in self.files)


def run_block(block, folder, newcomer, user):
    """"" if the block did what it should, else what happened."""
    if block.is_file:
        (folder / block.name).write_text(block.text)
        return ""
    if lacks := newcomer.lacks(block.text):
        return f"no package of cluster/install-debian.sh brings: {lacks}"
    environment = {"HOME": str(folder), "PATH": str(newcomer.path or os.environ["PATH"]), "TERM": "dumb"}
    identity = {} if user is None else {"user": user, "group": user, "extra_groups": []}
    try:
        done = subprocess.run(["bash", "-euo", "pipefail", "-c", block.text], cwd=folder, env=environment, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=SECONDS_PER_BLOCK, check=False, **identity)
    except subprocess.TimeoutExpired as late:
        return f"did not end within {SECONDS_PER_BLOCK} s\n{(late.stdout or b'').decode(errors='replace')}"
    if done.returncode != block.exit_code:
        return f"expected exit code {block.exit_code}, found {done.returncode}\n{done.stdout}"
    return ""


def give_to(folder, user):
    for place, _, names in os.walk(folder):
        for name in [place, *(os.path.join(place, n) for n in names)]:
            os.chown(name, user, user, follow_symlinks=False)


def run_page(blocks, arguments, root, program, newcomer, user):
    """The number of blocks that failed. `user` is None for whoever this is."""
    who = "ordinary user" if user is not None or os.geteuid() != 0 else "root"
    failures = 0
    with tempfile.TemporaryDirectory(prefix="espalier-readme-") as name:
        folder = Path(name)
        make_copy(root, program, folder)
        if user is not None:
            give_to(folder, user)
        for block in blocks:
            if arguments.names and block.name not in arguments.names and not block.is_file:
                continue
            problem = run_block(block, folder, newcomer, user)
            failures += bool(problem)
            print(f"{'FAILED' if problem else 'ok    '} {arguments.page}:{block.line} {block.name} ({who})" + (f": {problem}" if problem else ""), flush=True)
    return failures


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
    with tempfile.TemporaryDirectory(prefix="espalier-path-") as folder:
        newcomer = Newcomer(root, folder)
        users = [None, NOBODY] if os.geteuid() == 0 else [None]
        failures = sum(run_page(blocks, arguments, root, program, newcomer, user) for user in users)
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
