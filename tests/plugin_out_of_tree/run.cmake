# The steps of the test plugin_out_of_tree; each must succeed.
function(step what)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE result OUTPUT_VARIABLE output ERROR_VARIABLE output)
  if(NOT result EQUAL 0)
    message(FATAL_ERROR "${what} failed (${result}):\n${output}")
  endif()
  set(output "${output}" PARENT_SCOPE)
endfunction()

file(REMOVE_RECURSE ${WORK})
step("installing" ${CMAKE_COMMAND} --install ${TANDEM_BUILD} --prefix ${WORK}/prefix --component core)
step("configuring" ${CMAKE_COMMAND} -S ${PROJECT} -B ${WORK}/build -G ${GENERATOR}
  -DCMAKE_PREFIX_PATH=${WORK}/prefix -DCMAKE_CXX_COMPILER=${CXX} -DCMAKE_BUILD_TYPE=${BUILD_TYPE}
  -DCMAKE_CXX_COMPILER_LAUNCHER=${LAUNCHER})
step("building" ${CMAKE_COMMAND} --build ${WORK}/build)
step("running" ${CMAKE_COMMAND} -E env TANDEM_PLUGIN_PATH=${WORK}/build ${WORK}/build/run_nop echo:)
if(NOT output MATCHES "echo:edge executed seq 1 NOP")
  message(FATAL_ERROR "unexpected output of run_nop:\n${output}")
endif()
message(STATUS "${output}")

# A tool of one's own on the libraries under debug/, where their packages are complete.
if(DEBUG_LIBRARIES)
  foreach(component IN ITEMS runtime debug)
    step("installing" ${CMAKE_COMMAND} --install ${TANDEM_BUILD} --prefix ${WORK}/prefix --component ${component})
  endforeach()
  step("configuring" ${CMAKE_COMMAND} -S ${PROJECT} -B ${WORK}/build)
  step("building" ${CMAKE_COMMAND} --build ${WORK}/build)
  step("running" ${CMAKE_COMMAND} -E env TANDEM_PLUGIN_PATH=${TANDEM_BUILD}/lib/tandem/backends
    ${WORK}/build/case_of_trace ${WORK}/a.trace)
  if(NOT output MATCHES "packet 1 FILL: passed")
    message(FATAL_ERROR "unexpected output of case_of_trace:\n${output}")
  endif()
  message(STATUS "${output}")
endif()
