// conformance: small programs, one an area of the specification.
//
//   conformance --list
//   conformance AREA        exit status 0 fine, 1 something is WRONG, 77 the driver lacks what the area needs
#include <cstdarg>
#include <cstdio>
#include <cstring>

#include "area.hpp"

namespace conformance {
namespace {

bool wrong = false;

}  // namespace

std::vector<Area>& areas() {
  static std::vector<Area> all;
  return all;
}

void say(const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  std::vprintf(format, arguments);
  va_end(arguments);
  std::putchar('\n');
  std::fflush(stdout);
}

void must(bool holds, const char* format, ...) {
  if (holds) return;
  wrong = true;
  std::fputs("WRONG ", stdout);
  va_list arguments;
  va_start(arguments, format);
  std::vprintf(format, arguments);
  va_end(arguments);
  std::putchar('\n');
  std::fflush(stdout);
}

const char* name(VkResult result) {
  switch (result) {
#define CONFORMANCE_RESULT(value) \
  case value:                     \
    return #value;
    CONFORMANCE_RESULT(VK_SUCCESS)
    CONFORMANCE_RESULT(VK_NOT_READY)
    CONFORMANCE_RESULT(VK_TIMEOUT)
    CONFORMANCE_RESULT(VK_EVENT_SET)
    CONFORMANCE_RESULT(VK_EVENT_RESET)
    CONFORMANCE_RESULT(VK_INCOMPLETE)
    CONFORMANCE_RESULT(VK_PIPELINE_COMPILE_REQUIRED)
    CONFORMANCE_RESULT(VK_SUBOPTIMAL_KHR)
    CONFORMANCE_RESULT(VK_ERROR_OUT_OF_HOST_MEMORY)
    CONFORMANCE_RESULT(VK_ERROR_OUT_OF_DEVICE_MEMORY)
    CONFORMANCE_RESULT(VK_ERROR_INITIALIZATION_FAILED)
    CONFORMANCE_RESULT(VK_ERROR_DEVICE_LOST)
    CONFORMANCE_RESULT(VK_ERROR_MEMORY_MAP_FAILED)
    CONFORMANCE_RESULT(VK_ERROR_LAYER_NOT_PRESENT)
    CONFORMANCE_RESULT(VK_ERROR_EXTENSION_NOT_PRESENT)
    CONFORMANCE_RESULT(VK_ERROR_FEATURE_NOT_PRESENT)
    CONFORMANCE_RESULT(VK_ERROR_INCOMPATIBLE_DRIVER)
    CONFORMANCE_RESULT(VK_ERROR_TOO_MANY_OBJECTS)
    CONFORMANCE_RESULT(VK_ERROR_FORMAT_NOT_SUPPORTED)
    CONFORMANCE_RESULT(VK_ERROR_FRAGMENTED_POOL)
    CONFORMANCE_RESULT(VK_ERROR_OUT_OF_POOL_MEMORY)
    CONFORMANCE_RESULT(VK_ERROR_OUT_OF_DATE_KHR)
    CONFORMANCE_RESULT(VK_ERROR_SURFACE_LOST_KHR)
    CONFORMANCE_RESULT(VK_ERROR_NATIVE_WINDOW_IN_USE_KHR)
    CONFORMANCE_RESULT(VK_ERROR_UNKNOWN)
#undef CONFORMANCE_RESULT
    default:
      return "another result";
  }
}

void say_result(const char* what, VkResult result) { say("%s: %s", what, name(result)); }

}  // namespace conformance

int main(int argc, char** argv) {
  constexpr int kSkipped = 77;
  if (argc != 2) {
    std::fprintf(stderr, "usage: conformance --list | AREA\n");
    return 2;
  }
  for (const conformance::Area& area : conformance::areas()) {
    if (std::strcmp(argv[1], "--list") == 0) std::puts(area.name);
    if (std::strcmp(argv[1], area.name) != 0) continue;
    try {
      area.run();
      conformance::say("end of %s", area.name);
      return conformance::wrong ? 1 : 0;
    } catch (const pixels::Skip& skip) {
      conformance::say("SKIP %s", skip.what());
      return kSkipped;
    } catch (const std::exception& failure) {
      conformance::say("FAIL %s", failure.what());
      return 1;
    }
  }
  return std::strcmp(argv[1], "--list") == 0 ? 0 : 2;
}
