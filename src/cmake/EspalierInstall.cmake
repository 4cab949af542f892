# cmake --install: the program; headers and libraries of the modules that another program may call, and find_package(espalier) for them. The
# prefix may be moved. The farm is the program's own.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(installed_modules base h5 task record nn data milp problem train prune reduce bounds certify embed attack branch engine)
set(package_folder ${CMAKE_INSTALL_LIBDIR}/cmake/espalier)

set_target_properties(espalier_hdf5 PROPERTIES EXPORT_NAME hdf5)
set_target_properties(espalier_onnx PROPERTIES EXPORT_NAME onnx)
install(TARGETS espalier_hdf5 espalier_onnx EXPORT espalier)
foreach(module IN LISTS installed_modules)
  set_target_properties(espalier_${module} PROPERTIES EXPORT_NAME ${module})
  install(TARGETS espalier_${module} EXPORT espalier ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR}/espalier INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
  install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/espalier/${module} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/espalier)
endforeach()
# How Eigen aligns what it allocates depends on -march, and one side frees what the other has made.
if(ESPALIER_ARCH)
  target_compile_options(espalier_nn INTERFACE $<INSTALL_INTERFACE:-march=${ESPALIER_ARCH}>)
endif()

install(EXPORT espalier NAMESPACE espalier:: FILE espalier-targets.cmake DESTINATION ${package_folder})
configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/espalier-config.cmake.in ${PROJECT_BINARY_DIR}/generated/espalier-config.cmake
                              INSTALL_DESTINATION ${package_folder})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/generated/espalier-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/generated/espalier-config.cmake ${PROJECT_BINARY_DIR}/generated/espalier-config-version.cmake
        DESTINATION ${package_folder})
if(TARGET espalier)
  install(TARGETS espalier RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endif()
