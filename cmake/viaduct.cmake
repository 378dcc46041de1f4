# Build settings shared by every folder: sanitizers, warnings, the compiler cache, and how a test is declared.

set(VIADUCT_SANITIZE "" CACHE STRING "Sanitizers to build with: address, thread or empty")
if(VIADUCT_SANITIZE STREQUAL "address")
  add_compile_options(-fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer)
  add_link_options(-fsanitize=address,undefined)
elseif(VIADUCT_SANITIZE STREQUAL "thread")
  # Boost.Asio's own fences, which ThreadSanitizer does not model; ours go through transport/wait/atomics.hpp.
  add_compile_options(-fsanitize=thread -Wno-tsan)
  add_link_options(-fsanitize=thread)
endif()

find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE_PROGRAM})
  set(CMAKE_C_COMPILER_LAUNCHER ${CCACHE_PROGRAM})
endif()

# Headers are compiled ahead where nothing else saves compilers their work. ccache finds less in trees at other paths with
# them; that builds without pass there shows that no file lives off another's includes.
if(CCACHE_PROGRAM OR CMAKE_CXX_COMPILER_LAUNCHER MATCHES "ccache")
  set(precompile OFF)
else()
  set(precompile ON)
endif()
option(VIADUCT_PRECOMPILE "Compile headers that many files include ahead" ${precompile})
# viaduct_precompile(target header...): for targets of many files.
function(viaduct_precompile target)
  if(VIADUCT_PRECOMPILE)
    list(TRANSFORM ARGN REPLACE "(.+)" "$<$<COMPILE_LANGUAGE:CXX>:\\1>")
    target_precompile_headers(${target} PRIVATE ${ARGN})
  endif()
endfunction()

# The system's Python: the generator needs nothing beyond its standard library.
find_program(VIADUCT_PYTHON NAMES python3 PATHS /usr/bin NO_DEFAULT_PATH REQUIRED)

# Another registry than the system's: its headers lie beside it, as Debian's package has them.
set(VIADUCT_REGISTRY /usr/share/vulkan/registry CACHE PATH "Where vk.xml and video.xml are")
get_filename_component(vulkan_include ${VIADUCT_REGISTRY}/../../../include REALPATH)
if(NOT vulkan_include STREQUAL "/usr/include" AND EXISTS ${vulkan_include}/vulkan/vulkan.h)
  include_directories(BEFORE ${vulkan_include})
endif()

set(VIADUCT_GENERATED_DIR ${CMAKE_BINARY_DIR}/generated)

# Warnings for handwritten code (generated code is built without -Wshadow and friends).
set(VIADUCT_WARNINGS -Wall -Wextra -Wshadow -Werror)
if(VIADUCT_PRECOMPILE)
  # What GCC 12 guesses from data flow is wrong more often there: std::string's inlined parts are "out of bounds".
  foreach(guess array-bounds free-nonheap-object maybe-uninitialized restrict stringop-overflow stringop-overread)
    list(APPEND VIADUCT_WARNINGS -Wno-error=${guess})
  endforeach()
endif()

# viaduct_library(name SOURCES ... LIBS ...): a static library of handwritten code.
function(viaduct_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LIBS" ${ARGN})
  add_library(${name} STATIC ${ARG_SOURCES})
  target_include_directories(${name} PUBLIC ${CMAKE_SOURCE_DIR} ${CMAKE_BINARY_DIR})
  target_compile_options(${name} PRIVATE ${VIADUCT_WARNINGS})
  target_link_libraries(${name} PUBLIC ${ARG_LIBS})
endfunction()

# The programs of all tests labelled "unit": what the sanitizer trees build.
add_custom_target(viaduct_unit_tests)

# viaduct_add_test(name SOURCES ... LIBS ... [LABELS ...] [TIMEOUT s]): a GoogleTest program and its ctest entry.
function(viaduct_add_test name)
  cmake_parse_arguments(ARG "" "TIMEOUT" "SOURCES;LIBS;LABELS" ${ARGN})
  find_package(GTest REQUIRED)
  add_executable(${name} ${ARG_SOURCES})
  target_include_directories(${name} PRIVATE ${CMAKE_SOURCE_DIR} ${CMAKE_BINARY_DIR})
  target_compile_options(${name} PRIVATE ${VIADUCT_WARNINGS})
  target_link_libraries(${name} PRIVATE ${ARG_LIBS} GTest::gtest GTest::gtest_main Threads::Threads)
  # Much code, run once: compiling it fast matters more.
  target_compile_options(${name} PRIVATE $<$<CONFIG:Release>:-O0>)
  if(VIADUCT_PRECOMPILE)
    if(NOT TARGET viaduct_test_headers)
      # A program, so that it is compiled as the tests are.
      file(WRITE ${CMAKE_BINARY_DIR}/test_headers.cpp "int main() {}\n")
      add_executable(viaduct_test_headers EXCLUDE_FROM_ALL ${CMAKE_BINARY_DIR}/test_headers.cpp)
      target_link_libraries(viaduct_test_headers PRIVATE GTest::gtest)
      target_compile_options(viaduct_test_headers PRIVATE ${VIADUCT_WARNINGS} $<$<CONFIG:Release>:-O0>)
      viaduct_precompile(viaduct_test_headers <gtest/gtest.h> <algorithm> <array> <atomic> <chrono> <fstream> <functional>
        <map> <memory> <mutex> <optional> <random> <span> <string> <thread> <vector>)
    endif()
    target_precompile_headers(${name} REUSE_FROM viaduct_test_headers)
  endif()
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
  add_test(NAME ${name} COMMAND ${name})
  if(NOT ARG_LABELS)
    set(ARG_LABELS unit)
  endif()
  if("unit" IN_LIST ARG_LABELS)
    add_dependencies(viaduct_unit_tests ${name})
  endif()
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 120)
  endif()
  set_tests_properties(${name} PROPERTIES LABELS "${ARG_LABELS}" TIMEOUT ${ARG_TIMEOUT})
endfunction()
