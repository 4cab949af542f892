#!/bin/sh
# Null tasks through the farm with 2 workers and a master, journal on: farm_null.sh PROGRAM [TASKS [REPEATS]]
# The journal goes to $TMPDIR (default /tmp): it must be a disk, not a memory file system, for the figure to mean something.
set -eu
program=${1:?usage: farm_null.sh PROGRAM [TASKS [REPEATS]]}
tasks=${2:-100000}
repeats=${3:-3}
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
for i in $(seq "$repeats"); do
  mpirun -np 3 --oversubscribe "$program" "$tasks" "$folder/$i"
done
