#!/usr/bin/env bash
# From a fresh Debian 12 machine to a table of verified results: installs what is missing, builds, solves the reference problems, then
# runs configs/quickstart.yaml (Fashion-MNIST) on all cores. Started again, it does nothing twice: a finished run only prints its table.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

usage() {
  cat <<'TEXT'
Usage: jobs/quickstart.sh [OPTION...]

  --set A.B=VALUE   another value of a parameter, as --set solve.time_limit=60 (again for more; a list makes an axis)
  --out DIR         output directory (default: results/quickstart in this repository)
  --ranks N         MPI ranks (default: the cores + 1, because the master sleeps)
  --deadline TIME   start nothing that cannot end by then: seconds from now, or a time as 2026-11-21T18:30:00
  --data-dir DIR    folder of the data sets (default: data/ in this repository)
  --retry KINDS     failed tasks run again: failed (all), or a list of crashed, timeout, ...
  --extend          another grid continues in the same directory: keep what is done and still wanted
  --quiet           no progress

Further options: jobs/run-mpi.sh configs/quickstart.yaml, which does the last step alone.
TEXT
}

fail() {
  echo "quickstart.sh: $*" >&2
  exit 2
}

# Before anything is installed or built: the options, and the files of this repository. What stands behind --set the program checks.
words=("$@")
while [ $# -gt 0 ]; do
  case "$1" in
    -h | --help) usage; exit 0 ;;
    --set=?* | --out=?* | --ranks=?* | --deadline=?* | --data-dir=?* | --retry=?* | --extend | --quiet) ;;
    --set | --out | --ranks | --deadline | --data-dir | --retry)
      [ $# -ge 2 ] || fail "$1 expects a value"
      shift
      ;;
    *)
      usage >&2
      fail "expected one of the options above, found '$1'"
      ;;
  esac
  shift
done
problems=$root/tests/reference/problems.h5
for file in "$root/CMakePresets.json" "$root/configs/quickstart.yaml" "$problems"; do
  [ -f "$file" ] || fail "expected the file $file, found none: this is no complete copy of the repository"
done

step() { echo "[$((SECONDS / 60))m$((SECONDS % 60))s] $*" >&2; }

"$root/cluster/install-debian.sh"

step "Data"
"$root/cluster/fetch-data.sh" fashion-mnist

step "Building (build/release)"
mkdir -p "$root/build"
if ! (cd "$root" && cmake --preset release) > "$root/build/quickstart-configure.log" 2>&1; then
  cat "$root/build/quickstart-configure.log" >&2
  exit 1
fi
(cd "$root" && cmake --build --preset release --parallel "$(env -u OMP_NUM_THREADS nproc)")

if [ ! -e "$root/results/quickstart" ]; then
  step "Solving the reference problems (tests/reference)"
  "$root/build/release/espalier" solve "$problems" --solver bab
fi

step "Running configs/quickstart.yaml"
ESPALIER_STARTED_BY=$(printf '%q' "$root/jobs/quickstart.sh")
export ESPALIER_STARTED_BY
exec "$root/jobs/run-mpi.sh" "$root/configs/quickstart.yaml" --out "$root/results/quickstart" "${words[@]}"
