#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Tests of the block inspector (python -m tandem.torch) with PyTorch and transformers in a virtual environment, build/torch-venv.
# The first run downloads about 3 GB from PyPI and takes some five minutes; later ones take half a minute. Needs no build of Tandem.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

mkdir -p build
exec python3 tests/python/run.py torch --source . --venv build/torch-venv
