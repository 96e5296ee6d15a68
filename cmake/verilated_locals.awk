# SPDX-License-Identifier: Apache-2.0
# Writes a Verilator configuration that keeps the local variables of always blocks out of waveforms. Traced, they would
# become members of the model, and the C++ compiler could not turn loops over lanes into vector code.
# usage: awk -v out=locals.vlt -f verilated_locals.awk SOURCES
#
# Looks at declarations between `always_ff ... begin` (or always_comb) and the first statement. Memories stay out too: what
# goes in and comes out is in the waves, and each word of them would take its share of time and space.

BEGIN { print "`verilator_config" > out }

/^[ \t]*(logic|word_t|[a-z0-9_]+_t)[ \t].*[ \t](mem|[a-z0-9]+_mem|(even|odd)_(lo|hi)|table[01]|lanes|result)[ \t]*\[/ {
  printf "tracing_off -file \"%s\" -lines %d\n", FILENAME, FNR > out
}

FNR == 1 { declarations = 0; continued = 0 }

/^[ \t]*always_(ff|comb).*begin[ \t]*(:[ \t]*[a-zA-Z0-9_]+)?[ \t]*(\/\/.*)?$/ {
  declarations = 1
  continued = 0
  next
}

declarations && (/^[ \t]*$/ || /^[ \t]*\/\//) { next }

declarations {
  starts = /^[ \t]*(automatic[ \t]+)?(logic|bit|int|([a-z0-9_]+::)?[a-z0-9_]+_[te])[ \t]/
  if (!starts && !continued) {
    declarations = 0
    next
  }
  printf "tracing_off -file \"%s\" -lines %d\n", FILENAME, FNR > out
  code = $0
  sub(/\/\/.*/, "", code)
  continued = code !~ /;/
}
