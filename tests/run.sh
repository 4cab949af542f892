#!/usr/bin/env bash
# Runs every test, from a fresh Debian 12 machine on: installs what is missing, fetches the data, builds with warnings as errors, then
# the tests, the unit tests under AddressSanitizer and UBSan, and the checks of format, C++ lint and shell. Builds are kept between runs.
# The last line is "N passed, N failed"; the exit code is 1 if anything failed. Tests that cannot run here (Slurm's want root) are counted
# as neither, in a line of their own.
#
# Usage: tests/run.sh [--quick] [--all]      --quick: neither sanitizers nor clang-tidy; --all: what cannot run here counts as failed
# Environment: ESPALIER_DATA         data sets (default: data/ in the repository)
#              ESPALIER_TIDY_SECONDS time for clang-tidy (default 120); what is left comes in the next run
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
quick=false
all=false
for argument in "$@"; do
  case "$argument" in
    --quick) quick=true ;;
    --all) all=true ;;
    -h | --help)
      sed -n '2,10s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
      exit 0
      ;;
    *)
      echo "run.sh: unknown argument '$argument'" >&2
      exit 2
      ;;
  esac
done

export OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1
export OMPI_MCA_btl_vader_single_copy_mechanism=none OMPI_MCA_rmaps_base_oversubscribe=1
if [ "$(id -u)" -eq 0 ]; then
  export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
fi
jobs=$(env -u OMP_NUM_THREADS nproc)  # which obeys it
passed=0
failed=0
failures=()
not_run=()

step() { printf '\n[%dm%02ds] %s\n' $((SECONDS / 60)) $((SECONDS % 60)) "$*"; }

# Whatever ends this script, the count is its last line.
finish() {
  local code=$?
  if [ "$code" -ne 0 ]; then
    failed=$((failed + 1))
    failures+=("tests/run.sh itself (exit code $code)")
  fi
  printf '\n'
  [ "${#failures[@]}" -eq 0 ] || printf 'failed: %s\n' "${failures[@]}"
  [ "${#not_run[@]}" -eq 0 ] || printf 'not run: %s\n' "${not_run[@]}"
  printf 'Time: %dm%02ds\n%d passed, %d failed\n' $((SECONDS / 60)) $((SECONDS % 60)) "$passed" "$failed"
  [ "$failed" -eq 0 ] || exit 1
}
trap finish EXIT

# check NAME COMMAND...: one pass or failure.
check() {
  local name=$1
  shift
  if "$@"; then
    passed=$((passed + 1))
    echo "ok: $name"
  else
    failed=$((failed + 1))
    failures+=("$name")
    echo "FAILED: $name"
  fi
}

# build NAME COMMAND...: counts only as a failure; what depends on it is then left out.
build() {
  local name=$1
  shift
  if ! "$@"; then
    failed=$((failed + 1))
    failures+=("$name")
    return 1
  fi
}

# what_it_said TEST LOG: the last line of a test's output.
what_it_said() {
  awk -v test="$1" '/^[0-9]+\/[0-9]+ Testing: / { mine = $3 == test; text = 0 } /^<end of output>/ { mine = 0 }
    mine && text && NF { line = $0 } mine && /^-+$/ { text = 1 } END { print line }' "$2"
}

# run_ctest NAME BUILD_DIR OPTIONS...: adds ctest's own counts.
run_ctest() {
  local name=$1 folder=$2 log=$2/run-ctest.log summary test skipped=0
  shift 2
  ctest --test-dir "$folder" --output-on-failure "$@" 2>&1 | tee "$log" | grep -Ev '^ *[0-9]+/[0-9]+ Test .* Passed|^ +Start ' || true
  summary=$(sed -nE 's/^[0-9]+% tests passed, ([0-9]+) tests? failed out of ([0-9]+)$/\1 \2/p' "$log")
  if [ -z "$summary" ] || [ "${summary#* }" -eq 0 ]; then
    failed=$((failed + 1))
    failures+=("$name: ctest ran no test")
    return
  fi
  while read -r test; do
    skipped=$((skipped + 1))
    not_run+=("$test: $(what_it_said "$test" "$folder/Testing/Temporary/LastTest.log")")
  done < <(sed -nE 's/^[[:space:]]+[0-9]+ - (.*) \(Skipped\)$/\1/p' "$log" | sort -u)
  if $all && [ "$skipped" -gt 0 ]; then
    failed=$((failed + skipped))
    failures+=("$name: not run, and --all was asked for")
  fi
  passed=$((passed + ${summary#* } - ${summary% *} - skipped))
  failed=$((failed + ${summary% *}))
  [ "${summary% *}" -eq 0 ] || failures+=("$name: $(sed -nE '/\(Skipped\)$/d; s/^[[:space:]]+[0-9]+ - (.*) \(.*\).*$/\1/p' "$log" | sort -u | tr '\n' ' ')")
}

tracked() { git -c safe.directory="$root" -C "$root" ls-files -z -- "$@"; }
format_check() (cd "$root" && tracked '*.cpp' '*.hpp' | xargs -0 clang-format --dry-run -Werror)
shell_check() (cd "$root" && { tracked '*.sh' '*.sbatch' '*.pbs'; printf '.ci/run\0'; } | xargs -0 shellcheck)

# Large inputs for half a minute and more each with sanitizers, where tests of the same code on small ones stay.
slow_with_sanitizers='^(engine\.Limits\.OfNodesHold|branch\.Tighten\.ContainsSampled|train\.Train\.RealMnist|engine\.Compress\.ReferenceProblems|milp\.Cbc\.StoppedAnywhere|prune\.Compress\.TrainedNetworks|engine\.Native\.AgreesWithCbc)'

# The sanitizer build holds the unit test programs without MPI: Open MPI's own leaks and the ranks' time would drown the rest.
sanitizer_targets() {
  ninja -C "$root/build/asan-ubsan" -t targets all | sed -nE 's/^(test_[a-z0-9_]+): .*LINKER.*$/\1/p' | grep -Ev '^test_(wire|farm|app)(_|$)'
}
build_sanitizers() {
  local targets
  (cd "$root" && cmake --preset asan-ubsan > build/asan-ubsan-configure.log 2>&1) || { cat "$root/build/asan-ubsan-configure.log"; return 1; }
  mapfile -t targets < <(sanitizer_targets)
  ninja -C "$root/build/asan-ubsan" -j "$jobs" "${targets[@]}"
}

[ -f "$root/tests/reference/problems.h5" ] || { echo "run.sh: no tests/reference/problems.h5: this is no complete copy of the repository" >&2; exit 2; }
step "Packages"
"$root/cluster/install-debian.sh" --tests

step "Data"
"$root/cluster/fetch-data.sh"

# A command for each source: the builds compile those of a module together.
configure_tidy() {
  (cd "$root" && cmake --preset dev -B build/tidy -DESPALIER_JOIN_SOURCES=OFF -DESPALIER_BUILD_TESTS=OFF > build/tidy-configure.log 2>&1) &&
    ninja -C "$root/build/tidy" espalier_git_commit > /dev/null
}

step "Shell scripts and format"
check "shellcheck" shell_check
check "clang-format" format_check

step "Build, warnings as errors (build/dev)"
mkdir -p "$root/build"
(cd "$root" && cmake --preset dev > build/dev-configure.log 2>&1) || { cat "$root/build/dev-configure.log"; exit 1; }
if build "build" cmake --build "$root/build/dev" --parallel "$jobs"; then
  step "Tests"
  run_ctest "tests" "$root/build/dev" -j2 -LE long
fi

if ! $quick; then
  step "Unit tests with AddressSanitizer and UBSan (build/asan-ubsan)"
  if build "sanitizer build" build_sanitizers; then
    run_ctest "sanitizers" "$root/build/asan-ubsan" -j2 -L unit -LE '^(long|wire|farm|app)$' -E "$slow_with_sanitizers"
  fi
  step "clang-tidy"
  if build "database for clang-tidy" configure_tidy; then
    check "clang-tidy" "$root/tests/tidy.py" "$root" "$root/build/tidy" --seconds "${ESPALIER_TIDY_SECONDS:-120}"
  fi
fi
