# Writes the packages of rtl/num with every fault of faults.txt built in, chosen by npu_num_pkg::fault (0: none).
# usage: cmake -DFAULTS=faults.txt -DSOURCE=rtl/num -DOUT=folder -P faults.cmake
file(STRINGS ${FAULTS} lines)
foreach(package IN ITEMS npu_num_pkg npu_fma10_pkg npu_fp32_pkg npu_alu_pkg npu_convert_pkg)
  file(READ ${SOURCE}/${package}.sv ${package})
endforeach()

set(number 0)
foreach(line IN LISTS lines)
  if(line MATCHES "^#")
    continue()
  endif()
  math(EXPR number "${number} + 1")
  string(REPLACE " @ " "\n" line "${line}")
  if(NOT line MATCHES "^([a-z0-9_]+)\n([^\n]+)\n([^\n]+)\n([^\n]+)$")
    message(FATAL_ERROR "faults.txt: fault ${number}: expected 'package @ operations @ expression @ fault', found '${line}'")
  endif()
  set(package ${CMAKE_MATCH_1})
  set(expression "${CMAKE_MATCH_3}")
  set(fault "${CMAKE_MATCH_4}")
  string(FIND "${${package}}" "${expression}" first)
  string(FIND "${${package}}" "${expression}" last REVERSE)
  if(first EQUAL -1 OR NOT first EQUAL last)
    message(FATAL_ERROR "faults.txt: fault ${number}: expected '${expression}' once in ${SOURCE}/${package}.sv; "
                        "follow the change of the package")
  endif()
  string(REPLACE "${expression}" "((npu_num_pkg::fault == 32'd${number}) ? (${fault}) : (${expression}))"
         ${package} "${${package}}")
endforeach()

string(REPLACE "package npu_num_pkg;" "package npu_num_pkg;\n  logic [31:0] fault;" npu_num_pkg "${npu_num_pkg}")
foreach(package IN ITEMS npu_num_pkg npu_fma10_pkg npu_fp32_pkg npu_alu_pkg npu_convert_pkg)
  file(WRITE ${OUT}/${package}.sv "${${package}}")
endforeach()
