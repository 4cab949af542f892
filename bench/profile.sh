#!/usr/bin/env bash
# Where the time of a solve goes: samples of perf, by part. Usage: bench/profile.sh ESPALIER PROBLEM.h5 [solve's options, by default bab, decide]
set -euo pipefail
program=$1 problem=$2
shift 2
[ $# -gt 0 ] || set -- --solver bab --goal decide
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
perf record -q -e cpu-clock -F 500 -o "$folder/perf.data" "$program" solve "$problem" "$@" >"$folder/row" 2>&1
cut -c1-200 "$folder/row"
perf report -i "$folder/perf.data" --stdio --no-children -s dso,symbol 2>"$folder/err" | awk '
  !/^ *[0-9.]+%/ { next }
  { share = $1; sub("%", "", share) }
  /\[k\]/                                            { part["kernel: pages, scheduling"] += share; next }
  /gebp_kernel|gemm_pack|matrix_vector_product/      { part["matrix products"] += share; next }
  /LinearMaximiser/                                  { part["maximisers over the ball"] += share; next }
  /libClp|libCoin|libOsi|libCbc|libCgl|libopenblas/  { part["linear programs"] += share; next }
  /Bounding::try_neurons/                            { part["choice of a split"] += share; next }
  /Propagation::/                                    { part["lines and padding of backward and forward passes"] += share; next }
  /branch::/                                         { part["steps in slopes and multipliers, nodes"] += share; next }
  /mem(set|cpy|move)|malloc|_int_free|cfree|ld-linux/ { part["memory: malloc, copies, loading"] += share; next }
  { part["rest"] += share }
  END { for (name in part) printf "%6.1f %%  %s\n", part[name], name }' | sort -rn
