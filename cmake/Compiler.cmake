# One place for compiler settings: standard, warnings, visibility, linker, sanitizers.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_CXX_VISIBILITY_PRESET hidden)
set(CMAKE_VISIBILITY_INLINES_HIDDEN ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/bin)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_SKIP_INSTALL_RPATH ON)

set(ZVEC_SANITIZE "" CACHE STRING "address (with undefined), thread, fuzzer, or empty")

add_library(cocozvec_build_flags INTERFACE)  # for our own targets only, never exported
target_compile_options(cocozvec_build_flags INTERFACE -Wall -Wextra)
if(ZVEC_WERROR)
  target_compile_options(cocozvec_build_flags INTERFACE -Werror)
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # Two loaded libraries with a zvec:: of their own must not share statics.
  target_compile_options(cocozvec_build_flags INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-fno-gnu-unique>)
  if(CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
    # False reports for "a" + std::to_string(i) and for std::optional at -O2 and above.
    target_compile_options(cocozvec_build_flags INTERFACE -Wno-restrict -Wno-maybe-uninitialized)
  endif()
elseif(CMAKE_CXX_COMPILER_ID MATCHES "Clang")
  # libstdc++ 12's std::stable_sort uses a function that it marks as deprecated itself.
  target_compile_options(cocozvec_build_flags INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-Wthread-safety>
                                                        $<$<COMPILE_LANGUAGE:CXX>:-Wno-deprecated-declarations>)
endif()

if(ZVEC_SANITIZE STREQUAL "address")
  # vptr, null, alignment ... triple the compile time of g++ and find nothing that the others do not.
  add_compile_options(-fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
                      -fno-sanitize=vptr,null,object-size,nonnull-attribute,returns-nonnull-attribute)
  add_link_options(-fsanitize=address,undefined)
elseif(ZVEC_SANITIZE STREQUAL "thread")
  add_compile_options(-fsanitize=thread -fno-omit-frame-pointer)
  add_link_options(-fsanitize=thread)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    add_compile_options(-Wno-tsan)
  endif()
elseif(ZVEC_SANITIZE STREQUAL "fuzzer")  # clang; what is fuzzed is linked with -fsanitize=fuzzer in fuzz/
  add_compile_options(-fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all -fno-sanitize=vptr)
  add_link_options(-fsanitize=address,undefined)
elseif(ZVEC_SANITIZE)
  message(FATAL_ERROR "ZVEC_SANITIZE is '${ZVEC_SANITIZE}'; known: address, thread, fuzzer")
endif()

find_program(COCOZVEC_CCACHE ccache)
if(COCOZVEC_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_C_COMPILER_LAUNCHER ${COCOZVEC_CCACHE})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${COCOZVEC_CCACHE})
endif()
# For tests only: Debian's mold 1.10 starts the read-only part of some programs on a page that is not mapped (thread-local
# data that is all zero, at the end of a page), and they do not start.
find_program(COCOZVEC_MOLD mold)
if(COCOZVEC_MOLD AND ZVEC_BUILD_TESTS)
  add_link_options(-fuse-ld=mold -Wl,-z,norelro)
endif()
