# Install rules and the exported package: find_package(Tandem) gives Tandem::base, abi, asm, numerics, driver and
# tandem_backend_plugin; where the other layers' packages are installed too, also Tandem::runtime, ops, models,
# model_files, model_text, cmodel, the C library Tandem::tandem, and Tandem::debug (diff, cases, waves, bisect).
# Component `core` is what a plug-in needs, `debug` the libraries under debug/, everything else is component `runtime`.
include(CMakePackageConfigHelpers)

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/Tandem)
set(core_targets tandem_base tandem_abi tandem_elements tandem_asm tandem_numerics tandem_driver)
set(runtime_targets tandem_cmodel tandem_runtime tandem_ops tandem_models tandem_model_files
                    tandem_model_text tandem_shared)
get_target_property(debug_targets tandem_debug INTERFACE_LINK_LIBRARIES)
list(APPEND debug_targets tandem_debug)
if(TARGET tandem_debug_wave)
  set(debug_needs_zlib TRUE)
endif()

# Who uses the numerics outside this tree needs the flags too.
target_compile_features(tandem_numerics INTERFACE cxx_std_20)
target_compile_options(tandem_numerics INTERFACE
  $<INSTALL_INTERFACE:$<$<COMPILE_LANGUAGE:CXX>:-ffp-contract=off>>)
target_compile_features(tandem_base PUBLIC cxx_std_20)

foreach(set IN ITEMS core runtime debug)
  foreach(target IN LISTS ${set}_targets)
    if(TARGET ${target})
      install(TARGETS ${target} EXPORT Tandem_${set}
              ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT ${set}
              LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT ${set})
    endif()
  endforeach()
  install(EXPORT Tandem_${set} FILE Tandem_${set}.cmake NAMESPACE Tandem::
          DESTINATION ${package_dir} COMPONENT ${set})
endforeach()

foreach(layer IN ITEMS numerics driver)
  install(DIRECTORY ${PROJECT_SOURCE_DIR}/${layer}/include/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
          COMPONENT core FILES_MATCHING PATTERN "*.hpp" PATTERN "*.h")
endforeach()
foreach(layer IN ITEMS cmodel runtime ops models)
  if(EXISTS ${PROJECT_SOURCE_DIR}/${layer}/include)
    install(DIRECTORY ${PROJECT_SOURCE_DIR}/${layer}/include/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
            COMPONENT runtime FILES_MATCHING PATTERN "*.hpp" PATTERN "*.h")
  endif()
endforeach()
install(DIRECTORY ${PROJECT_SOURCE_DIR}/debug/include/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
        COMPONENT debug FILES_MATCHING PATTERN "*.hpp")

configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/TandemConfig.cmake.in
  ${PROJECT_BINARY_DIR}/TandemConfig.cmake INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/TandemConfigVersion.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/TandemConfig.cmake
              ${PROJECT_BINARY_DIR}/TandemConfigVersion.cmake
              ${CMAKE_CURRENT_LIST_DIR}/TandemPlugin.cmake
        DESTINATION ${package_dir} COMPONENT core)
