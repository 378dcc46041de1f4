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
