#!/usr/bin/env python3
"""Runs the commands that a text of results shows, and puts what they print in place of what it has.

usage: refresh.py TEXT

A command is a line that begins with "$ "; the lines below it that begin with "|" are its output. It is run in the folder above bench/.
"""
import pathlib
import subprocess
import sys


def main():
    path = pathlib.Path(sys.argv[1])
    lines = []
    running = False
    for line in path.read_text(encoding="utf-8").splitlines():
        if running and line.startswith("|"):
            continue
        running = line.startswith("$ ")
        lines.append(line)
        if running:
            root = pathlib.Path(__file__).resolve().parent.parent
            printed = subprocess.run(line[2:], shell=True, cwd=root, check=True, capture_output=True, text=True).stdout
            lines += [f"| {part}".rstrip() for part in printed.splitlines()]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
