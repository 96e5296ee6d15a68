# tandem_vector_code_test(NAME MODEL target MULTIPLIES n [SCALARS n] [FUNCTIONS regex] [LABELS ...])
# A test that the loops over lanes of a Verilated model (a target of tandem_verilate) became vector code: its objects hold at
# least `n` full-width integer multiplies of 16 lanes, and at most SCALARS (default 0) multiplies of one lane. Multiplies are
# what is counted because every lane of the arrays has exactly one. FUNCTIONS limits the count to symbols that match.
function(tandem_vector_code_test name)
  cmake_parse_arguments(ARG "" "MODEL;MULTIPLIES;SCALARS;FUNCTIONS" "LABELS" ${ARGN})
  if(ARG_UNPARSED_ARGUMENTS OR NOT ARG_MODEL OR NOT ARG_MULTIPLIES)
    message(FATAL_ERROR "tandem_vector_code_test(${name}): needs MODEL and MULTIPLIES; known are SCALARS, FUNCTIONS, "
                        "LABELS; unknown: '${ARG_UNPARSED_ARGUMENTS}'")
  endif()
  if(NOT ARG_SCALARS)
    set(ARG_SCALARS 0)
  endif()
  if(NOT ARG_FUNCTIONS)
    set(ARG_FUNCTIONS .)
  endif()
  if(NOT ARG_LABELS)
    set(ARG_LABELS fast rtl)
  endif()
  add_test(NAME ${name}
           COMMAND bash ${PROJECT_SOURCE_DIR}/cmake/check_vector_code.sh
                   $<TARGET_PROPERTY:${ARG_MODEL},BINARY_DIR>/${ARG_MODEL}.verilated
                   ${ARG_MULTIPLIES} ${ARG_SCALARS} ${ARG_FUNCTIONS})
  set_tests_properties(${name} PROPERTIES LABELS "${ARG_LABELS}" SKIP_REGULAR_EXPRESSION "^skipped:")
endfunction()
