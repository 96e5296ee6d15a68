#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Fails unless the objects of a Verilated model multiply lanes in vectors of this machine's full width.
# usage: check_vector_code.sh FOLDER MULTIPLIES SCALARS FUNCTIONS
#   FOLDER      with objects fast_*.o
#   MULTIPLIES  at least so many 32-bit multiplies of 16 lanes
#   SCALARS     at most so many multiplies of one lane
#   FUNCTIONS   regular expression on the symbols that count
set -euo pipefail

folder=$1 multiplies=$2 scalars=$3 functions=$4

if ! command -v objdump > /dev/null; then
  echo "skipped: no objdump (Debian: apt-get install binutils)"
  exit 0
fi
# Widest registers, and how many of them hold 16 lanes.
if grep -qw avx512bw /proc/cpuinfo; then
  register=zmm parts=1
elif grep -qw avx2 /proc/cpuinfo; then
  register=ymm parts=2
else
  echo "skipped: this processor has neither AVX-512 nor AVX2"
  exit 0
fi
objects=("$folder"/fast_*.o)
[ -e "${objects[0]}" ] || { echo "check_vector_code: no object fast_*.o in $folder; build the model first" >&2; exit 1; }

# vpmaddwd is what compilers make of a multiply of 11-bit significands. A multiply by a constant is address arithmetic.
objdump -d --no-show-raw-insn "${objects[@]}" | awk -v register="$register" -v parts="$parts" -v least="$multiplies" \
    -v most="$scalars" -v functions="$functions" '
  /^[0-9a-f]+ <.*>:$/ { counted = $2 ~ functions; next }
  !counted { next }
  $2 ~ /^vpm(addwd|ulld)$/ { if ($NF ~ "%" register "[0-9]+({.*)?$") full++; else narrow++; next }
  $2 ~ /^imull?$/ && $3 !~ /^\$/ { scalar++ }
  END {
    printf "%d full-width multiplies (%s, %d for 16 lanes; at least %d expected), %d narrower, %d of one lane (at most %d)\n", \
      full, register, parts, least * parts, narrow, scalar, most
    exit !(full >= least * parts && narrow == 0 && scalar <= most)
  }' || {
  echo "check_vector_code: loops over lanes are not vector code in $folder; see docs/design/rtl.md on how to write them" >&2
  exit 1
}
