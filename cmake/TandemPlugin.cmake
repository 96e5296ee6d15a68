# tandem_backend_plugin(NAME SOURCES files... [LIBS targets...] [DESTINATION directory]): a backend plug-in, target
# `tandem_backend_NAME`, file libtandem_backend_NAME.so. It goes to DESTINATION if one is given; else in Tandem's own
# build to lib/tandem/backends, and is installed, in other projects to the current build directory.
function(tandem_backend_plugin name)
  cmake_parse_arguments(ARG "" "DESTINATION" "SOURCES;LIBS" ${ARGN})
  if(ARG_UNPARSED_ARGUMENTS OR NOT ARG_SOURCES)
    message(FATAL_ERROR "tandem_backend_plugin(${name}): needs SOURCES; known are SOURCES, LIBS, "
                        "DESTINATION; found ${ARGN}")
  endif()
  if(NOT name MATCHES "^[a-z0-9_-]+$")
    message(FATAL_ERROR "tandem_backend_plugin(${name}): a name holds a-z, 0-9, '_' and '-'")
  endif()
  set(target tandem_backend_${name})
  add_library(${target} MODULE ${ARG_SOURCES})
  target_link_libraries(${target} PRIVATE ${ARG_LIBS} Tandem::driver)
  target_compile_features(${target} PRIVATE cxx_std_20)
  # Only tandem_backend_plugin is to be seen: two plug-ins carry two copies of the same libraries.
  set_target_properties(${target} PROPERTIES CXX_VISIBILITY_PRESET hidden
                        VISIBILITY_INLINES_HIDDEN ON)
  target_link_options(${target} PRIVATE -Wl,--exclude-libs,ALL)
  if(NOT TANDEM_SANITIZE)  # sanitizers leave symbols to the program
    target_link_options(${target} PRIVATE -Wl,-z,defs)
  endif()
  if(ARG_DESTINATION)
    set_target_properties(${target} PROPERTIES LIBRARY_OUTPUT_DIRECTORY ${ARG_DESTINATION})
  elseif(PROJECT_NAME STREQUAL "Tandem")
    set_target_properties(${target} PROPERTIES
      LIBRARY_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/lib/${TANDEM_PLUGIN_SUBDIR})
    install(TARGETS ${target} LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}/${TANDEM_PLUGIN_SUBDIR})
  endif()
  if(COMMAND tandem_warnings)
    tandem_warnings(${target})
  endif()
endfunction()
