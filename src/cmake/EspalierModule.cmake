# espalier_module(<name> PRECOMPILED <set> [SEPARATE_TESTS] [DEPENDS <module>...] [LIBRARIES <target>...] [PUBLIC_LIBRARIES <target>...])
#
# One module: public headers in include/espalier/<name>, sources in src/<name> (and its subfolders), tests in tests/<name>/*_test.cpp.
# Third-party libraries are PRIVATE unless they are part of the module's public vocabulary.
add_library(espalier_options INTERFACE)
target_compile_options(espalier_options INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion
                                                  -Wnon-virtual-dtor -Woverloaded-virtual -Wno-missing-field-initializers)
# GCC 12's own AVX-512 headers set this one off in every use of Eigen (GCC bug 105593).
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  target_compile_options(espalier_options INTERFACE -Wno-maybe-uninitialized -Wno-uninitialized)
endif()
if(ESPALIER_WERROR)
  target_compile_options(espalier_options INTERFACE -Werror)
endif()
if(ESPALIER_ARCH)
  target_compile_options(espalier_options INTERFACE -march=${ESPALIER_ARCH})
endif()
if(ESPALIER_SANITIZE)
  # Without three of UBSan's checks: null pointers and objects that are too small are AddressSanitizer's to find, alignment is asserted by
  # Eigen. They cost 40 % of the time to compile a file of `branch`.
  target_compile_options(espalier_options INTERFACE -fsanitize=address,undefined -fno-sanitize=null,object-size,alignment
                                                    -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(espalier_options INTERFACE -fsanitize=address,undefined)
endif()
if(ESPALIER_FUZZ)
  target_compile_options(espalier_options INTERFACE -fsanitize=fuzzer-no-link)
endif()

# A test file's own code is run once: optimising it costs more than it saves. Overrides the build type's level.
# Tests of refusals discard results.
set(ESPALIER_TEST_OPTIONS $<IF:$<BOOL:${ESPALIER_SANITIZE}>,-O0,-O1> -Wno-unused-result)

# espalier_precompiled(<set> HEADERS <header>... [LIBRARIES <target>...])
#
# Headers that many files parse, parsed once for the modules of a set and once for their tests: Eigen costs a second per file, gmock 1.6 s.
# Every file still includes what it uses: clang-tidy and tests/structure read the files without this.
function(espalier_precompiled set)
  cmake_parse_arguments(P "" "" "HEADERS;LIBRARIES" ${ARGN})
  file(CONFIGURE OUTPUT ${PROJECT_BINARY_DIR}/generated/precompiled.cpp CONTENT "")
  add_library(precompiled_${set} OBJECT ${PROJECT_BINARY_DIR}/generated/precompiled.cpp)
  target_link_libraries(precompiled_${set} PRIVATE espalier_options ${P_LIBRARIES})
  target_precompile_headers(precompiled_${set} PRIVATE ${P_HEADERS})
  if(ESPALIER_BUILD_TESTS)
    add_library(precompiled_${set}_tests OBJECT ${PROJECT_BINARY_DIR}/generated/precompiled.cpp)
    target_link_libraries(precompiled_${set}_tests PRIVATE espalier_options ${P_LIBRARIES} GTest::gmock)
    target_compile_options(precompiled_${set}_tests PRIVATE ${ESPALIER_TEST_OPTIONS})
    target_precompile_headers(precompiled_${set}_tests PRIVATE ${P_HEADERS} <gmock/gmock.h>)
  endif()
endfunction()

# Several sources in one: half the time to compile them. Each file still includes what it uses, clang-tidy reads it alone. A struct with a member of a type from an unnamed namespace is sound in a source file, which GCC takes these for headers.
function(espalier_join_sources target)
  if(ESPALIER_JOIN_SOURCES)
    set_target_properties(${target} PROPERTIES UNITY_BUILD ON)
    target_compile_options(${target} PRIVATE -Wno-subobject-linkage)
  endif()
endfunction()

function(espalier_module name)
  cmake_parse_arguments(M "SEPARATE_TESTS" "PRECOMPILED" "DEPENDS;LIBRARIES;PUBLIC_LIBRARIES" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/${name}/*.cpp)
  list(FILTER sources EXCLUDE REGEX "/main\\.cpp$")
  list(TRANSFORM M_DEPENDS PREPEND espalier_)
  if(sources)
    add_library(espalier_${name} STATIC ${sources})
    target_include_directories(espalier_${name} PUBLIC $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include> PRIVATE ${PROJECT_SOURCE_DIR}/src)
    target_link_libraries(espalier_${name} PUBLIC ${M_DEPENDS} ${M_PUBLIC_LIBRARIES} PRIVATE ${M_LIBRARIES} $<BUILD_INTERFACE:espalier_options>)
    target_precompile_headers(espalier_${name} REUSE_FROM precompiled_${M_PRECOMPILED})
    espalier_join_sources(espalier_${name})
  else()
    add_library(espalier_${name} INTERFACE)
    target_include_directories(espalier_${name} INTERFACE $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>)
    target_link_libraries(espalier_${name} INTERFACE ${M_DEPENDS} ${M_PUBLIC_LIBRARIES})
  endif()

  if(ESPALIER_BUILD_TESTS)
    file(GLOB tests CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/tests/${name}/*_test.cpp)
    if(tests)
      add_executable(test_${name} ${tests})
      target_include_directories(test_${name} PRIVATE ${PROJECT_SOURCE_DIR}/src ${PROJECT_SOURCE_DIR}/tests)
      target_compile_definitions(test_${name} PRIVATE ESPALIER_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
      target_link_libraries(test_${name} PRIVATE espalier_${name} ${M_LIBRARIES} espalier_options GTest::gmock GTest::gtest_main)
      target_compile_options(test_${name} PRIVATE ${ESPALIER_TEST_OPTIONS})
      if(NOT M_SEPARATE_TESTS)  # equal names in their unnamed namespaces
        espalier_join_sources(test_${name})
      endif()
      target_precompile_headers(test_${name} REUSE_FROM precompiled_${M_PRECOMPILED}_tests)
      gtest_discover_tests(test_${name} TEST_PREFIX ${name}. DISCOVERY_MODE PRE_TEST DISCOVERY_TIMEOUT 60
                           PROPERTIES TIMEOUT 300 LABELS "unit;${name}")
    endif()
  endif()
endfunction()
