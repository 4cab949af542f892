#!/usr/bin/env bash
# Runs one experiment file under mpirun on this machine, or on those of a host file, and prints the summary table. For people and for plain
# clusters without a batch system; inside Slurm or PBS: jobs/slurm, jobs/pbs.
#
# What may go wrong, and what then happens:
#   Ctrl-C, TERM, HUP,    no more work is given out, what runs is stopped, within 5 s; a second one ends everything at once
#   or USR1
#   a worker is killed    its task goes to another one (Open MPI's recovery mode, where this mpirun has it; else the run ends)
#   the master is killed  the workers notice within a second, and end
#   mpirun is killed      all ranks end within two seconds
# What was reported done is kept whatever happens, and the same command continues. The exit code is that of rank 0; where it could not tell
# (it was killed), the output directory decides: espalier status DIR --exit-code.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

usage() {
  cat <<'TEXT'
Usage: jobs/run-mpi.sh CONFIG [--out DIR] [--ranks N] [--hostfile FILE] [options of 'espalier run'...]

  CONFIG           an experiment file, as configs/quickstart.yaml
  --out DIR        output directory (default: results/<name of CONFIG> in this repository)
  --ranks N        MPI ranks (default on one machine: its cores + 1, because the master sleeps; with a host file: its slots)
  --hostfile FILE  run on the machines of an Open MPI host file; all must see the program, the data and DIR under the same paths

The program is build/release/espalier, or what the environment variable ESPALIER_BIN names.
Exit codes: 0 all done, 1 some tasks failed, 2 bad usage or configuration, 3 output directory locked or unusable, 75 stopped early or
cut off: the same command continues.
TEXT
}

fail() {
  echo "run-mpi.sh: $*" >&2
  exit 2
}

config='' out='' ranks='' hostfile=''
options=()
while [ $# -gt 0 ]; do
  case "$1" in
    -h | --help) usage; exit 0 ;;
    --out=* | --ranks=* | --hostfile=*)
      set -- "${1%%=*}" "${1#*=}" "${@:2}"
      continue
      ;;
    --out | --ranks | --hostfile)
      [ $# -ge 2 ] || fail "$1 expects a value"
      case "$1" in
        --out) out=$2 ;;
        --ranks) ranks=$2 ;;
        --hostfile) hostfile=$2 ;;
      esac
      shift
      ;;
    -*) options+=("$1") ;;
    *) if [ -z "$config" ]; then config=$1; else options+=("$1"); fi ;;
  esac
  shift
done
if [ -z "$config" ]; then
  usage >&2
  exit 2
fi
[ -f "$config" ] || fail "expected an experiment file, found nothing at '$config'"
[ -z "$hostfile" ] || [ -f "$hostfile" ] || fail "expected a host file, found nothing at '$hostfile'"
case "$ranks" in *[!0-9]* | 0) fail "--ranks expects a positive number, found '$ranks'" ;; esac
program=${ESPALIER_BIN:-$root/build/release/espalier}
[ -x "$program" ] || fail "no program at '$program'; build it: cmake --preset release && cmake --build --preset release"
command -v mpirun > /dev/null || fail "no mpirun; cluster/install-debian.sh installs it"
if [ -z "$out" ]; then
  out=$(basename "$config")
  out=$root/results/${out%.*}
fi

# What the command that continues begins with, for a shell in any directory; quickstart.sh has said it already.
if [ -z "${ESPALIER_STARTED_BY:-}" ]; then
  words=("$root/jobs/run-mpi.sh" "$(realpath "$config")")
  [ -z "$ranks" ] || words+=(--ranks "$ranks")
  [ -z "$hostfile" ] || words+=(--hostfile "$(realpath "$hostfile")")
  ESPALIER_STARTED_BY=$(printf '%q ' "${words[@]}")
  [ -z "${ESPALIER_BIN:-}" ] || ESPALIER_STARTED_BY="ESPALIER_BIN=$(printf '%q' "$(realpath "$program")") $ESPALIER_STARTED_BY"
fi
export ESPALIER_STARTED_BY=${ESPALIER_STARTED_BY% }

# One thread per rank: the grid is the parallelism, and a rank's time must not depend on its neighbours' threads.
export OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1
# Containers often forbid the single-copy mechanism; messages here are small.
export OMPI_MCA_btl_vader_single_copy_mechanism=none
if [ "$(id -u)" -eq 0 ]; then
  export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
fi
mpi=(mpirun --bind-to none)
# Recovery mode, if this mpirun knows it: a rank that dies does not take the others along. mpirun's own code is then always 0.
if ompi_info --all --parsable 2> /dev/null | grep -q '^mca:orte:base:param:orte_enable_recovery:'; then
  mpi+=(--mca orte_enable_recovery 1)
fi
mkdir -p "$(dirname "$out")"
code_file=$(cd "$(dirname "$out")" && pwd)/.$(basename "$out").exit-code.$$
export ESPALIER_EXIT_CODE_FILE=$code_file
session='' shared=''
trap 'rm -rf "$code_file" "$code_file.stop" ${session:+"$session"} ${shared:+"$shared"}' EXIT
if [ -n "$hostfile" ]; then
  mpi+=(--hostfile "$hostfile" -x OPENBLAS_NUM_THREADS -x OMP_NUM_THREADS -x ESPALIER_EXIT_CODE_FILE -x ESPALIER_STARTED_BY)
  [ -z "$ranks" ] || mpi+=(-np "$ranks")
else
  # --quiet: mpirun else explains at length every exit code that is not 0, and ours mean something.
  # nproc obeys OMP_NUM_THREADS, and what is meant is the cores.
  mpi+=(--quiet --oversubscribe -np "${ranks:-$(($(env -u OMP_NUM_THREADS nproc) + 1))}")
  # Files of Open MPI, which it leaves behind when mpirun itself is killed, go with this script.
  session=$(mktemp -d "${TMPDIR:-/tmp}/espalier-mpi-$$-XXXXXX")
  shared=$(mktemp -d "/dev/shm/espalier-mpi-$$-XXXXXX" 2> /dev/null) || shared=''
  mpi+=(--mca orte_tmpdir_base "$session" --mca btl_vader_backing_directory "${shared:-$session}")
fi

# In a session of its own mpirun does not see the terminal's Ctrl-C, at which it would kill the ranks within two seconds. It
# passes SIGUSR1 on to every rank instead: they save and stop. A second Ctrl-C ends them the hard way; the journal survives that too.
# Before rank 0 says that it listens (an empty code_file), mpirun could lose SIGUSR1; nothing has been done then that TERM could hurt.
requests=0
interrupted=false
early=false
mpirun_pid=''
# shellcheck disable=SC2317  # called by the trap
stop() {
  interrupted=true
  requests=$((requests + 1))
  [ "$requests" -gt 1 ] || echo "Stopping; once more to stop at once." >&2 || true  # the terminal may be gone
  [ -e "$code_file" ] || early=true
  [ -n "$mpirun_pid" ] || return 0
  [ "$requests" -gt 1 ] || echo "$1" > "$code_file.stop" || true
  if [ "$requests" -eq 1 ] && ! $early; then
    kill -USR1 "$mpirun_pid" 2> /dev/null || true
  else
    kill -TERM "$mpirun_pid" 2> /dev/null || true
  fi
}
trap 'stop Ctrl-C' INT
trap 'stop SIGTERM' TERM
trap 'stop SIGHUP' HUP
trap 'stop SIGUSR1' USR1
setsid "${mpi[@]}" "$program" run "$config" --out "$out" "${options[@]}" < /dev/null &
mpirun_pid=$!
[ "$requests" -eq 0 ] || kill -TERM "$mpirun_pid" 2> /dev/null || true
while true; do
  interrupted=false
  code=0
  wait "$mpirun_pid" || code=$?
  $interrupted || break
done
trap - INT TERM HUP USR1

launched=$code
if [ -s "$code_file" ]; then
  code=$(cat "$code_file")
elif $early; then
  code=75
elif [ -d "$out" ]; then
  code=0
  "$program" status "$out" --exit-code > /dev/null || code=$?
  echo "The master was cut off (mpirun ended with code $launched); what was finished is kept." >&2
else
  [ "$launched" -ne 0 ] || code=1  # it never came to anything
fi

case "$code" in
  0 | 1) "$program" report "$out" ;;
  2 | 3) exit "$code" ;;
  75) echo "Stopped early. The same command continues." >&2 ;;
  *) echo "mpirun ended with code $launched. What was finished is kept in '$out'; the same command continues." >&2 ;;
esac
[ "$code" -ne 1 ] || echo "Some tasks failed: '$program status $out' lists them and says how they run again." >&2
echo "Results: $out/results.h5, tables for h5py, pandas, Julia or MATLAB" >&2
[ "$code" -gt 1 ] || echo "Next: '$program check $out' (is all complete, is every verified value right?)" >&2
exit "$code"
