# A module is a folder is a target.
#
#   zvec_add_module(zvec_query
#     SOURCES filter_parser.cc ...
#     PUBLIC  cocozvec_base            targets whose headers our headers include
#     PRIVATE PkgConfig::re2           everything else
#     TESTS   filter_parser_test.cc ...)      one test program, <module>_test, run by ctest
function(zvec_add_module name)
  cmake_parse_arguments(ARG "" "" "SOURCES;PUBLIC;PRIVATE;TESTS;TEST_LIBS;TEST_LABELS" ${ARGN})
  add_library(${name} STATIC ${ARG_SOURCES})
  target_include_directories(${name} PUBLIC $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>
                                            $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/src>
                                            $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
  target_compile_features(${name} PUBLIC cxx_std_20)
  set(private "")
  foreach(link IN LISTS ARG_PRIVATE)
    if(link MATCHES "^(nlohmann_json|CLI11)::")  # headers only: whoever links the archive does not need the package
      set(link $<BUILD_INTERFACE:${link}>)
    endif()
    list(APPEND private ${link})
  endforeach()
  target_link_libraries(${name} PUBLIC ${ARG_PUBLIC} PRIVATE ${private} $<BUILD_INTERFACE:cocozvec_build_flags>)
  if(ZVEC_TEST_HOOKS)
    target_compile_definitions(${name} PUBLIC $<BUILD_INTERFACE:ZVEC_TEST_HOOKS=1>)
  endif()
  if(name MATCHES "_testing$")  # helpers of tests: built when linked, never installed
    set_target_properties(${name} PROPERTIES EXCLUDE_FROM_ALL ON)
  else()
    set_property(GLOBAL APPEND PROPERTY COCOZVEC_MODULES ${name})
  endif()
  if(ZVEC_BUILD_TESTS AND ARG_TESTS)
    zvec_add_test(${name}_test SOURCES ${ARG_TESTS} LIBS ${name} ${ARG_PRIVATE} ${ARG_TEST_LIBS} LABELS ${ARG_TEST_LABELS})
  endif()
endfunction()

# A GoogleTest program that ctest runs as one test.
function(zvec_add_test name)
  cmake_parse_arguments(ARG "" "TIMEOUT" "SOURCES;LIBS;LABELS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  if(ZVEC_SANITIZE STREQUAL "thread")
    target_sources(${name} PRIVATE ${PROJECT_SOURCE_DIR}/cmake/tsan_suppressions.cc)
  endif()
  target_link_libraries(${name} PRIVATE ${ARG_LIBS} cocozvec_build_flags GTest::gmock GTest::gtest GTest::gtest_main)
  add_test(NAME ${name} COMMAND ${name})
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 600)
  endif()
  set_tests_properties(${name} PROPERTIES LABELS "unit;${ARG_LABELS}" TIMEOUT ${ARG_TIMEOUT})
endfunction()
