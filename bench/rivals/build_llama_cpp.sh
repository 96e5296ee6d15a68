#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Builds the rivals of `tandem bench model`: llama.cpp through PyPI's llama-cpp-python, once without and, where the
# CPU has them, once with AVX512-BF16 and AMX; then makes the bf16 model file. Takes about ten minutes a variant on two cores.
# Nothing of Tandem's build or tests needs it.
set -euo pipefail
cache="${XDG_CACHE_HOME:-$HOME/.cache}/tandem"
model="${1:-$cache/SmolLM2-135M-Instruct.Q4_1.gguf}"
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
version=0.3.36

flag() { grep -qw "$1" /proc/cpuinfo && echo ON || echo OFF; }
common="-DGGML_NATIVE=OFF -DGGML_OPENMP=OFF -DGGML_LLAMAFILE=ON -DGGML_AVX=ON -DGGML_AVX2=$(flag avx2) -DGGML_FMA=$(flag fma)"
common+=" -DGGML_F16C=$(flag f16c) -DGGML_BMI2=$(flag bmi2) -DGGML_AVX512=$(flag avx512f) -DGGML_AVX512_VNNI=$(flag avx512_vnni) -DGGML_AVX512_VBMI=$(flag avx512vbmi)"

build() {  # build NAME EXTRA_CMAKE_ARGS
  local venv="$cache/rivals/llama-cpp-$1"
  if [ -x "$venv/bin/python" ] && "$venv/bin/python" -c "import llama_cpp" 2>/dev/null; then
    echo "llama-cpp-$1: present"
    return
  fi
  python3 -m venv "$venv"
  "$venv/bin/pip" install --quiet numpy gguf
  CMAKE_ARGS="$common $2" "$venv/bin/pip" install --quiet --no-binary llama-cpp-python --no-cache-dir "llama-cpp-python==$version"
  echo "llama-cpp-$1: built"
}

build base "-DGGML_AVX512_BF16=OFF"
if [ "$(flag avx512_bf16)" = ON ] || [ "$(flag amx_bf16)" = ON ]; then
  build bf16 "-DGGML_AVX512_BF16=$(flag avx512_bf16) -DGGML_AMX_TILE=$(flag amx_tile) -DGGML_AMX_BF16=$(flag amx_bf16) -DGGML_AMX_INT8=$(flag amx_int8)"
fi

bf16="${model%.Q4_1.gguf}.BF16.gguf"
[ -f "$bf16" ] || "$cache/rivals/llama-cpp-base/bin/python" "$here/to_bf16_gguf.py" "$model" "$bf16"
echo "model: $bf16"
