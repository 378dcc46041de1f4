// Asks a device for its name, as an application whose own name carries a message for the driver: `prober
// NAME`. Prints "name DEVICE", or with a hostile driver's report one line an attempt: "refused WHAT" or
// "SUCCEEDED WHAT".
#include <unistd.h>
#include <vulkan/vulkan.h>

#include <cstdio>
#include <cstring>
#include <string>

#include "tests/e2e/sandbox/attempts.hpp"

using viaduct::sandbox_test::attempts;

namespace {

const char* outcome(char mark) {
  if (mark == viaduct::sandbox_test::kRefused) return "refused";
  return mark == viaduct::sandbox_test::kNotTried ? "untried" : "SUCCEEDED";
}

}  // namespace

int main(int argc, char** argv) {
  VkApplicationInfo application{VK_STRUCTURE_TYPE_APPLICATION_INFO};
  application.pApplicationName = argc > 1 ? argv[1] : "";
  application.apiVersion = VK_API_VERSION_1_1;
  VkInstanceCreateInfo info{VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO};
  info.pApplicationInfo = &application;
  VkInstance instance = VK_NULL_HANDLE;
  if (const VkResult result = vkCreateInstance(&info, nullptr, &instance); result != VK_SUCCESS) {
    std::printf("instance %d\n", static_cast<int>(result));
    return 1;
  }
  uint32_t count = 1;
  VkPhysicalDevice device = VK_NULL_HANDLE;
  const VkResult enumerated = vkEnumeratePhysicalDevices(instance, &count, &device);
  if (enumerated < 0 || count == 0) {
    std::printf("devices %d\n", static_cast<int>(enumerated));
    return 1;
  }
  VkPhysicalDeviceProperties properties;
  vkGetPhysicalDeviceProperties(device, &properties);
  std::printf("name %s\n", properties.deviceName);
  const char* report = std::strstr(properties.deviceName, viaduct::sandbox_test::kDeviceNamePrefix);
  std::size_t place = std::strlen(viaduct::sandbox_test::kDeviceNamePrefix);
  for (const auto& attempt : attempts()) {
    if (report == nullptr || report[place] == '\0') break;
    std::printf("%s %s\n", outcome(report[place]), attempt.name);
    ++place;
  }
  std::fflush(stdout);
  if (argc > 2 && std::strcmp(argv[2], "--stay") == 0) pause();
  vkDestroyInstance(instance, nullptr);
  return 0;
}
