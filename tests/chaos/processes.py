"""Who runs for a campaign: processes are known by a marker in their environment, whoever their parents are now."""
import os
import pathlib
import signal
import time
from dataclasses import dataclass


@dataclass(frozen=True)
class Process:
    pid: int
    started: int   # in ticks since boot: tells a process from a later one of its number
    parent: int
    rank: int      # of MPI; -1: none
    name: str


def read(pid):
    """The process, if it is alive (a zombie is not) and ours to read."""
    folder = pathlib.Path("/proc") / str(pid)
    try:
        stat = (folder / "stat").read_text()
        environment = (folder / "environ").read_bytes().split(b"\0")
    except OSError:
        return None, []
    name, fields = stat[stat.index("(") + 1:stat.rindex(")")], stat[stat.rindex(")") + 2:].split()
    if fields[0] in "ZX":
        return None, []
    rank = next((int(entry.split(b"=")[1]) for entry in environment if entry.startswith(b"OMPI_COMM_WORLD_RANK=")), -1)
    return Process(int(pid), int(fields[19]), int(fields[1]), rank, name), environment


def marked(marker):
    found = []
    for folder in pathlib.Path("/proc").glob("[0-9]*"):
        process, environment = read(folder.name)
        if process and marker.encode() in environment:
            found.append(process)
    return found


def is_alive(process):
    now, _ = read(process.pid)
    return now is not None and now.started == process.started


def below(processes, ancestor):
    """Everything that descends from `ancestor`."""
    family, grown = {ancestor.pid}, True
    while grown:
        more = {p.pid for p in processes if p.parent in family} - family
        family |= more
        grown = bool(more)
    return [p for p in processes if p.pid in family and p != ancestor]


def roles(processes, mpirun_pid):
    """Process by role: mpirun, its ranks, their fork servers, and what those run."""
    ranks = {p.pid for p in processes if p.parent == mpirun_pid and p.rank >= 0}
    servers = {p.pid for p in processes if p.parent in ranks and p.pid not in ranks}
    return {"mpirun": [p for p in processes if p.pid == mpirun_pid],
            "master": [p for p in processes if p.pid in ranks and p.rank == 0],
            "worker": sorted((p for p in processes if p.pid in ranks and p.rank > 0), key=lambda p: p.rank),
            "server": sorted((p for p in processes if p.pid in servers), key=lambda p: p.rank),
            "child": sorted((p for p in processes if p.parent in servers), key=lambda p: p.rank)}


def kill(process):
    """SIGKILL, unless the number has passed on to another process meanwhile."""
    if not is_alive(process):
        return False
    os.kill(process.pid, signal.SIGKILL)
    return True


def survivors(processes, seconds):
    """Those that are still there after at most `seconds`."""
    end = time.monotonic() + seconds
    while True:
        left = [p for p in processes if is_alive(p)]
        if not left or time.monotonic() > end:
            return left
        time.sleep(0.05)
