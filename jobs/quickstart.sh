#!/usr/bin/env bash
# From a fresh Debian 12 machine to a table of verified results on real MNIST: installs what is missing, builds, fetches the data,
# runs configs/quickstart.yaml on all cores. Started again, it does nothing twice: a finished run only prints its table.
#
# Usage: jobs/quickstart.sh [options of 'espalier run', as --set a.b=value]      Results: results/quickstart
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
case "${1:-}" in
  -h | --help)
    sed -n '2,5s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
    exit 0
    ;;
esac

step() { echo "[$((SECONDS / 60))m$((SECONDS % 60))s] $*" >&2; }

"$root/cluster/install-debian.sh"

step "Building (build/release)"
mkdir -p "$root/build"
if ! (cd "$root" && cmake --preset release) > "$root/build/quickstart-configure.log" 2>&1; then
  cat "$root/build/quickstart-configure.log" >&2
  exit 1
fi
(cd "$root" && cmake --build --preset release --parallel "$(env -u OMP_NUM_THREADS nproc)")

step "Data"
"$root/cluster/fetch-data.sh" mnist

step "Running configs/quickstart.yaml"
exec "$root/jobs/run-mpi.sh" "$root/configs/quickstart.yaml" --out "$root/results/quickstart" "$@"
