#!/usr/bin/env bash
# Every figure of our own branch and bound again, for a new program; Cbc's rows stay. About ten minutes of CPU time; times are CPU times of one core.
#
#   espalier run configs/surrogate-dense.yaml --out results/dense --save-problems
#   espalier run configs/growth.yaml --out results/growth --save-problems
#   bench/bab.sh build/release/espalier results/dense/problems tests/reference/problems.h5 results/growth/problems
set -euo pipefail
if [ $# -ne 4 ]; then
  sed -n '2,6s/^# \{0,1\}//p' "$0" >&2
  exit 2
fi
program=$1 dense=$2 reference=$3 growth=$4
bench=$(dirname "$0")
results=$bench/results
python=/usr/bin/python3 # Debian's, which has h5py and matplotlib
"$python" "$bench/engines.py" "$program" "$dense" "$results/engines-p2.tsv" bab --goal decide --limit 300 --again
"$python" "$bench/engines.py" "$program" "$dense" "$results/engines-p2.tsv" attack --goal decide --limit 5 --again
"$python" "$bench/engines.py" "$program" "$reference" "$results/engines-reference.tsv" bab --goal optimize --limit 60 --again
"$python" "$bench/growth.py" "$program" "$growth" "$results/growth.tsv" --engines bab --limit 30 --again
"$python" "$bench/growth.py" --draw "$results/growth.tsv" "$results/growth.svg"
"$python" "$bench/refresh.py" "$results/engines.txt"
