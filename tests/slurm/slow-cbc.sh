#!/bin/sh
# An external solver that takes $SLOW_CBC_SECONDS longer than Cbc, without using a core, in the first $SLOW_CBC_STARTS starts of its job.
[ "${SLURM_RESTART_COUNT:-0}" -ge "${SLOW_CBC_STARTS:-1}" ] || sleep "${SLOW_CBC_SECONDS:-0}"
exec cbc "$1" scaling off timeMode elapsed increment 1e-7 seconds "$3" solve solution "$2"
