#!/usr/bin/env python3
"""Runs a command inside a throw-away Slurm cluster: real slurmctld, slurmd and munged, virtual nodes, on this machine alone.

Everything lives in namespaces of its own: processes, network (loopback only), host names, and a memory file system over
/var/lib/slurm for configuration, state and logs. So nothing can be reached from outside, any number of boxes run side by side, and
however a box ends, by SIGKILL too, the kernel takes all its processes and files with it. Each node has process and mount namespaces
inside, so that killing a node is what a crash of a machine is: slurmd, job and ranks are gone in one instant.

Files elsewhere are seen as they are. The command's environment has SLURM_CONF, what Open MPI needs on loopback, and SLURM_BOX: the
folder of the cluster's logs, where the command may put files of its own.
"""
import argparse
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time

EXAMPLES = """examples:
  cluster/slurm-box.py bash                              a shell with sbatch, squeue, scancel ...
  cluster/slurm-box.py --nodes 4 -- srun -N 4 hostname
inside:
  cluster/slurm-box.py --kill-node node2                 a machine crashes; Slurm sees it after half a minute
  cluster/slurm-box.py --start-node node2                and returns"""

BOX = pathlib.Path("/var/lib/slurm")  # made by Debian's packages, and empty without a cluster: a place to mount on that leaves nothing behind
PROGRAMS = ("munged", "mungekey", "slurmctld", "slurmd", "sbatch", "srun", "scontrol", "unshare", "setpriv", "ip", "mount")

SLURM_CONF = """ClusterName=box
SlurmctldHost=box(127.0.0.1)
SlurmctldPort=6817
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
CredType=cred/munge
# cred_expire is also how long a requeued job waits before it may start again (default 120 s; less than 5 is not taken).
AuthInfo=socket={box}/munge/socket,cred_expire=5
# With loopback as the only interface, glibc believes that there is no IPv4; EnableIPv6 helps.
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny,EnableIPv6
StateSaveLocation={box}/state
SlurmdSpoolDir={box}/%n/spool
SlurmctldPidFile={box}/slurmctld.pid
SlurmdPidFile={box}/%n/slurmd.pid
SlurmctldLogFile={box}/log/slurmctld.log
SlurmdLogFile={box}/log/%n.log
SlurmctldDebug=verbose
SlurmdDebug=verbose
MailProg=/bin/true
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
# Per node: two nodes of one PMIx step would otherwise collide on spmix_appdir_UID_JOB.STEP.
TmpFS={box}/%n/tmp
MpiDefault=pmix
SchedulerType=sched/backfill
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerParameters=batch_sched_delay=1,sched_interval=5,bf_interval=5,sched_min_interval=200000
JobRequeue=1
KillWait=10
SlurmdTimeout=10
MessageTimeout=10
MinJobAge=3600
CompleteWait=0
# A crashed node returns when its slurmd does; one that scontrol took down stays so.
ReturnToService=1
# A node may claim more CPUs than the machine has.
SlurmdParameters=config_overrides
NodeName=node[1-{nodes}] NodeAddr=127.0.0.1 Port=[6818-{last_port}] CPUs={cpus} RealMemory=2000 State=UNKNOWN
PartitionName=main Nodes=ALL Default=YES MaxTime=UNLIMITED DefaultTime=5 State=UP
"""

# Loopback is normally left out by Open MPI, and the nodes claim CPUs that do not exist. As root it wants to be asked twice.
ENVIRONMENT = {
    "SLURM_CONF": f"{BOX}/etc/slurm.conf", "SLURM_BOX": str(BOX),
    "OMPI_MCA_oob_tcp_if_include": "lo", "OMPI_MCA_btl_tcp_if_include": "lo", "PMIX_MCA_ptl_tcp_if_include": "lo",
    "OMPI_MCA_btl": "self,vader,tcp", "OMPI_MCA_pml": "ob1", "OMPI_MCA_btl_vader_single_copy_mechanism": "none",
    "OMPI_MCA_rmaps_base_oversubscribe": "1", "OMPI_MCA_hwloc_base_binding_policy": "none",
    "OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
}


CANNOT_RUN_HERE = 77  # the exit code by which ctest counts a test as not run


def fail(message):
    sys.exit(f"slurm-box.py: {message}")


def cannot_run_here(message):
    sys.stderr.write(f"slurm-box.py: {message}\n")
    sys.exit(CANNOT_RUN_HERE)


def call(*command):
    result = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
    if result.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: {result.stdout}{result.stderr}".strip())
    return result.stdout


def isolated(*kinds):
    """A command prefix: these new namespaces, and the end of the caller is the end of everything inside."""
    return ["setpriv", "--pdeathsig", "KILL", "unshare", *[f"--{kind}" for kind in kinds], "--kill-child", "--mount-proc"]


def reap_until(process):
    """The first process of a namespace inherits every orphan. The exit code of `process`, as a shell tells it."""
    while True:
        pid, status = os.wait()
        if pid == process.pid:
            code = os.waitstatus_to_exitcode(status)
            return code if code >= 0 else 128 - code


# ---- outside: one process that waits

def why_no_namespaces(unshare_says):
    if "root filesystem propagation" in unshare_says and "Invalid argument" in unshare_says:
        return "the root folder is no mount point (a chroot): bind-mount it onto itself before chroot."
    if "Operation not permitted" in unshare_says or "Permission denied" in unshare_says:
        return "this root may not make them: a container needs CAP_SYS_ADMIN (docker run --privileged)."
    return "they cannot be made here."


def enter(arguments):
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    missing = [name for name in PROGRAMS if shutil.which(name) is None]
    if missing or not BOX.is_dir():
        fail(f"expected Slurm, munge and iproute2, found no {', '.join(missing) or BOX}; 'cluster/install-debian.sh --tests' installs them")
    namespaces = isolated("pid", "net", "uts", "mount", "ipc")
    if os.geteuid() != 0:
        cannot_run_here("needs root, to make namespaces and mounts of its own; nothing was run")
    probe = subprocess.run(namespaces + ["true"], capture_output=True, text=True, check=False)
    if probe.returncode != 0:
        cannot_run_here(f"needs namespaces of its own, and {why_no_namespaces(probe.stderr)} Nothing was run; unshare says: {probe.stderr.strip()}")
    inside = [sys.executable, os.path.abspath(__file__), "--stage", "box", "--nodes", str(arguments.nodes), "--cpus", str(arguments.cpus)]
    box = subprocess.Popen(namespaces + inside + ["--"] + arguments.command)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the terminal sends it to the command, too
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: box.kill())
    code = box.wait()
    return code if code >= 0 else 128 - code


# ---- inside: the first process of the box

def prepare(nodes, cpus):
    call("mount", "-t", "tmpfs", "-o", "mode=0755", "tmpfs", str(BOX))
    for name in ("etc", "log", "state", "munge"):
        (BOX / name).mkdir()
    names = [f"node{i + 1}" for i in range(nodes)]
    hosts = BOX / "etc" / "hosts"
    hosts.write_text("127.0.0.1 localhost box\n" + "".join(f"127.0.0.1 {name}\n" for name in names))
    call("mount", "--bind", str(hosts), "/etc/hosts")
    call("ip", "link", "set", "lo", "up")
    call("hostname", "box")
    (BOX / "etc" / "slurm.conf").write_text(SLURM_CONF.format(box=BOX, nodes=nodes, cpus=cpus, last_port=6817 + nodes))
    (BOX / "etc" / "cgroup.conf").write_text("CgroupPlugin=cgroup/v1\nCgroupAutomount=no\n")
    # The default fence lets a rank of another node out of MPI_Init too early: a rare crash inside Open MPI 4.1.4.
    (BOX / "etc" / "mpi.conf").write_text("PMIxCollFence=ring\n")
    call("mungekey", "--create", f"--keyfile={BOX}/munge/key")
    os.environ.update(ENVIRONMENT)
    return names


def daemon(name, *command):
    with open(BOX / "log" / f"{name}.start", "ab") as log:
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)


def start_node(name):
    """Its first process is a child of the box's first, so it stays when the caller leaves."""
    shutil.rmtree(BOX / name, ignore_errors=True)  # a crashed step's PMIx folders: the requeued step has the same number
    (BOX / name / "spool").mkdir(parents=True)
    (BOX / name / "tmp").mkdir()
    (BOX / name / "tmp").chmod(0o1777)
    environment = dict(os.environ, TMPDIR=f"{BOX}/{name}/tmp")
    with open(BOX / "log" / f"{name}.start", "ab") as log:
        node = subprocess.Popen(["unshare", "--pid", "--uts", "--mount", "--ipc", "--kill-child", "--mount-proc", sys.executable,
                                 os.path.abspath(__file__), "--stage", "node", name], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                env=environment, start_new_session=True)
    (BOX / f"{name}.pid").write_text(str(node.pid))


def run_node(name):
    # Open MPI names its shared-memory files after host, user and process number: every node needs a name and a /dev/shm of its own.
    call("hostname", name)
    call("mount", "-t", "tmpfs", "-o", "mode=1777", "tmpfs", "/dev/shm")
    return reap_until(subprocess.Popen(["slurmd", "-D", "-N", name]))


def kill_node(name):
    os.kill(int((BOX / f"{name}.pid").read_text()), signal.SIGKILL)


def idle_nodes():
    result = subprocess.run(["sinfo", "-h", "-N", "-t", "idle", "-o", "%N"], capture_output=True, text=True, check=False, timeout=30)
    return len(result.stdout.split())


def start(nodes, cpus, limit=60.0):
    names = prepare(nodes, cpus)
    daemon("munged", "munged", "--foreground", f"--key-file={BOX}/munge/key", f"--socket={BOX}/munge/socket", f"--pid-file={BOX}/munge/pid",
           f"--log-file={BOX}/log/munged.log", f"--seed-file={BOX}/munge/seed", "--num-threads=2")
    end = time.monotonic() + limit
    while not (BOX / "munge" / "socket").exists() and time.monotonic() < end:
        time.sleep(0.02)
    daemon("slurmctld", "slurmctld", "-D")
    for name in names:
        start_node(name)
    while idle_nodes() != nodes:
        if time.monotonic() > end:
            raise RuntimeError(f"{idle_nodes()} of {nodes} nodes are idle after {limit:.0f} s")
        time.sleep(0.1)


def run_box(nodes, cpus, command):
    try:
        start(nodes, cpus)
    except (RuntimeError, OSError, subprocess.TimeoutExpired) as error:
        for log in sorted((BOX / "log").glob("*")):
            sys.stderr.write(f"---- {log.name}\n" + "\n".join(log.read_text(errors="replace").splitlines()[-15:]) + "\n")
        fail(f"the cluster did not start: {error}")
    try:
        return reap_until(subprocess.Popen(command))
    except OSError as error:
        fail(f"{command[0]}: {error.strerror}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nodes", type=int, default=2, help="virtual nodes, node1 to nodeN (default: 2)")
    parser.add_argument("--cpus", type=int, default=4, help="CPUs that each node claims, there or not (default: 4)")
    parser.add_argument("--kill-node", metavar="NAME", help="inside a box: crash this node")
    parser.add_argument("--start-node", metavar="NAME", help="inside a box: bring it back")
    parser.add_argument("--stage", choices=["box", "node"], help=argparse.SUPPRESS)
    parser.add_argument("command", nargs="*", metavar="COMMAND", help="runs when every node is idle; its exit code is this one's")
    arguments = parser.parse_args()
    if arguments.nodes < 1 or arguments.cpus < 1:
        parser.error("--nodes and --cpus expect positive numbers")
    if arguments.kill_node or arguments.start_node:
        if os.environ.get("SLURM_BOX") != str(BOX):
            fail("--kill-node and --start-node work inside a box only")
        return kill_node(arguments.kill_node) if arguments.kill_node else start_node(arguments.start_node)
    if not arguments.command:
        parser.error("expected a command")
    if arguments.stage == "box":
        return run_box(arguments.nodes, arguments.cpus, arguments.command)
    return run_node(arguments.command[0]) if arguments.stage == "node" else enter(arguments)


if __name__ == "__main__":
    sys.exit(main())
