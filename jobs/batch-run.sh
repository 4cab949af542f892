#!/usr/bin/env bash
# What every batch script in jobs/slurm and jobs/pbs starts: one run inside an allocation that ends. Not for a terminal: jobs/run-mpi.sh.
set -uo pipefail

usage() {
  cat <<'TEXT'
Usage: jobs/batch-run.sh [--requeue] CONFIG OUT [options of 'espalier run'...]

  CONFIG      an experiment file, as configs/surrogate-tier1.yaml
  OUT         output directory, on a file system that all nodes of the job share; what is in it is continued
  --requeue   Slurm: if work is left when the job ends, requeue it, unless it was cancelled or has finished nothing since it started

Environment
  ESPALIER_BIN       the program (default: build/release/espalier of this repository)
  ESPALIER_LAUNCHER  mpirun (default); srun; or none: one process, without MPI
  ESPALIER_RANKS     MPI ranks (default: the job's tasks + 1, because the master sleeps)

Exit codes: the output directory decides, not the launcher: 0 all done, 1 some tasks failed, 75 work is left (the same job again
continues); 2 bad usage, or the program refused to start (its message is in the job's output).
TEXT
}

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
say() { echo "$(date +%FT%T) batch-run.sh: $*" >&2; }
refuse() {
  say "$*"
  exit 2
}

requeue=false
case "${1:-}" in
  -h | --help) usage; exit 0 ;;
  --requeue)
    requeue=true
    shift
    ;;
esac
if [ $# -lt 2 ]; then
  usage >&2
  refuse "expected CONFIG and OUT, found '$*'"
fi
config=$1 out=$2
shift 2
program=${ESPALIER_BIN:-$root/build/release/espalier}
launcher=${ESPALIER_LAUNCHER:-mpirun}
[ -f "$config" ] || refuse "expected an experiment file, found nothing at '$config' (from $PWD)"
[ -n "$out" ] || refuse "expected an output directory, found ''"
[ -x "$program" ] || refuse "no program at '$program'; build it (cmake --preset release && cmake --build --preset release) or set ESPALIER_BIN"
case "$launcher" in
  mpirun | srun) command -v "$launcher" > /dev/null || refuse "no $launcher on $(hostname); is a module to be loaded?" ;;
  none) ;;
  *) refuse "ESPALIER_LAUNCHER: expected mpirun, srun or none, found '$launcher'" ;;
esac

# One thread per rank: the grid is the parallelism. Messages are small, and containers often forbid the single-copy mechanism.
export OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1 OMPI_MCA_btl_vader_single_copy_mechanism=none

# allocation_tasks: how many processes the job asked for.
allocation_tasks() {
  if [ -n "${SLURM_JOB_ID:-}" ]; then
    echo "${SLURM_NTASKS:-1}"
  elif [ -r "${PBS_NODEFILE:-}" ]; then
    grep -c . "$PBS_NODEFILE"
  else
    env -u OMP_NUM_THREADS nproc  # which obeys it
  fi
}

# allocation_end: local time at which the job will be killed, or nothing if that is not known.
allocation_end() {
  local end='' job walltime hours minutes seconds
  if [ -n "${SLURM_JOB_ID:-}" ]; then
    job=$SLURM_JOB_ID
    # One element of an array has the array's number.
    [ -z "${SLURM_ARRAY_TASK_ID:-}" ] || job=${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID
    end=$(squeue --noheader --jobs "$job" --format %e 2> /dev/null)
  elif [ -n "${PBS_JOBID:-}" ]; then
    walltime=$(qstat -f "$PBS_JOBID" 2> /dev/null | sed -nE 's/^ *Resource_List\.walltime = ([0-9]+:[0-9]+:[0-9]+)$/\1/p')
    if [ -n "$walltime" ]; then
      IFS=: read -r hours minutes seconds <<< "$walltime"
      end=$(date -d "@$(($(date +%s) + 10#$hours * 3600 + 10#$minutes * 60 + 10#$seconds))" +%FT%T)
    fi
  fi
  case "$end" in [0-9]*) echo "$end" ;; esac
}

# work_left: how many tasks OUT has to do, or nothing if there is no readable run yet.
work_left() {
  "$program" status "$out" --json 2> /dev/null | grep -oE '"left":[0-9]+' | awk -F: '{ sum += $2 } END { if (NR > 0) print sum }'
}

# latest_run: when the latest run in OUT has started, and what was last heard of it.
latest_run() {
  "$program" status "$out" --json 2> /dev/null | grep -oE '"(started|last_event)":"[^"]*"'
}

ranks=${ESPALIER_RANKS:-$(($(allocation_tasks) + 1))}
case "$ranks" in '' | *[!0-9]* | 0) refuse "ESPALIER_RANKS: expected a positive number, found '$ranks'" ;; esac
case "$launcher" in
  # Recovery mode: a rank that dies does not take the others along. --quiet: mpirun else explains every exit code that is not 0.
  mpirun) command=(mpirun --quiet --oversubscribe --bind-to none --mca orte_enable_recovery 1 -np "$ranks" "$program") ;;
  srun) command=(srun --mpi=pmix --ntasks="$ranks" --overcommit --kill-on-bad-exit=0 "$program") ;;
  none) command=("$program") ;;
esac
command+=(run "$config" --out "$out")
end=$(allocation_end)
case " $*" in *' --deadline'*) ;; *) [ -z "$end" ] || command+=(--deadline "$end") ;; esac
command+=("$@")

# USR1 comes before the limit (sbatch --signal=B:USR1@...): save, and go on in the next start. TERM comes when the job is cancelled, or
# at the limit: save, and never requeue, else nobody could cancel the job. Both launchers pass USR1 on to the ranks; TERM would make
# them kill the ranks at once.
stopped=false
cancelled=false
launcher_pid=''
# shellcheck disable=SC2317  # called by the traps
stop() {
  say "received $1"
  stopped=true
  [ "$1" = USR1 ] || cancelled=true
  [ -z "$launcher_pid" ] || kill -USR1 "$launcher_pid" 2> /dev/null
}
trap 'stop USR1' USR1
trap 'stop TERM' TERM
trap 'stop INT' INT

before=$(work_left)
run_before=$(latest_run)
say "start ${SLURM_RESTART_COUNT:-0} of job ${SLURM_JOB_ID:-${PBS_JOBID:-none}} on $(hostname), ends ${end:-some time}: ${command[*]}"
if $stopped; then
  say "stopped before it has begun"
  exit 75
fi
"${command[@]}" < /dev/null &
launcher_pid=$!
wait "$launcher_pid"
launched=$?
while kill -0 "$launcher_pid" 2> /dev/null; do  # a trapped signal ends `wait` early
  wait "$launcher_pid"
  launched=$?
done

# mpirun in recovery mode returns 0 whatever the ranks return. A run that began has left its mark in OUT.
if [ "$(latest_run)" = "$run_before" ]; then
  say "$launcher ended with $launched, but no run was started"
  $cancelled && exit 75
  exit 2
fi
"$program" status "$out" --exit-code
verdict=$?
after=$(work_left)
say "$launcher ended with $launched, verdict $verdict, ${after:-?} tasks left"

if $requeue && [ "$verdict" -eq 75 ]; then
  if $cancelled; then
    say "not requeued: cancelled, or still running at the limit (then let --signal come earlier)"
  elif [ -z "$after" ] || { [ -n "$before" ] && [ "$after" -ge "$before" ]; }; then
    say "not requeued: this start has finished no task, the next would do no better; a longer --time?"
  else
    say "requeue: $after tasks left"
    # It ends this script, by TERM, before or after scontrol returns.
    trap 'exit 75' TERM
    if scontrol requeue "$SLURM_JOB_ID"; then
      sleep 120 &
      wait $!
    fi
    say "scontrol could not requeue the job; submit it again to continue"
  fi
fi
exit "$verdict"
