// Instances, physical devices and devices.
#include <algorithm>
#include <cstring>

#include "generated/protocol/args.hpp"
#include "protocol/wire/object_id.hpp"
#include "tests/fake-driver/driver_constants.hpp"
#include "tests/fake-driver/guest_directed.hpp"

namespace viaduct::fake {
namespace {

VkInstance make_instance(const Guest& guest) {
  const VkInstanceCreateInfo info{VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO};
  VkInstance instance = VK_NULL_HANDLE;
  require(guest.get<PFN_vkCreateInstance>("vkCreateInstance")(&info, nullptr, &instance), "vkCreateInstance");
  return instance;
}

void enumerate_globals(Guest& guest, Check& check) {
  uint32_t version = 0;
  const auto tell = guest.get<PFN_vkEnumerateInstanceVersion>("vkEnumerateInstanceVersion");
  check.that(tell(&version) == VK_SUCCESS && version == VK_HEADER_VERSION_COMPLETE, "the instance's version");
  const auto list =
      guest.get<PFN_vkEnumerateInstanceExtensionProperties>("vkEnumerateInstanceExtensionProperties");
  uint32_t count = 0;
  check.that(list("a layer", &count, nullptr) == VK_ERROR_LAYER_NOT_PRESENT, "extensions of a layer");
  check.that(list(nullptr, &count, nullptr) == VK_SUCCESS && count == guest.instance_extensions.size(),
             "the number of instance extensions");
  std::vector<VkExtensionProperties> extensions(count);
  count = 1;
  check.that(list(nullptr, &count, extensions.data()) == VK_INCOMPLETE && count == 1,
             "a short list of extensions");
  check.nothing_logged("a question that needs no instance");
}

void layers(Guest& guest, Check& check) {
  uint32_t count = 7;
  const auto of_instance =
      guest.get<PFN_vkEnumerateInstanceLayerProperties>("vkEnumerateInstanceLayerProperties");
  check.that(of_instance(&count, nullptr) == VK_SUCCESS && count == 0, "layers of the instance");
  count = 7;
  const auto of_device = guest.get<PFN_vkEnumerateDeviceLayerProperties>("vkEnumerateDeviceLayerProperties");
  check.that(of_device(guest.physical, &count, nullptr) == VK_SUCCESS && count == 0, "layers of the device");
  check.nothing_logged("a question about layers");
}

void procedures(Guest& guest, Check& check) {
  const auto of_instance = guest.get<PFN_vkGetInstanceProcAddr>("vkGetInstanceProcAddr");
  const auto of_device = guest.get<PFN_vkGetDeviceProcAddr>("vkGetDeviceProcAddr");
  check.that(of_instance(nullptr, "vkCreateInstance") != nullptr, "vkCreateInstance without an instance");
  check.that(of_instance(nullptr, "vkCmdDraw") == nullptr, "vkCmdDraw without an instance");
  check.that(of_device(guest.device, "vkCmdDraw") != nullptr, "vkCmdDraw of a device");
  check.that(of_device(guest.device, "vkCreateInstance") == nullptr, "vkCreateInstance of a device");
  check.that(of_device(guest.device, "vkNoSuchCommand") == nullptr, "a command that does not exist");
  check.nothing_logged("a question about procedures");
}

void physical_devices(Guest& guest, Check& check) {
  const auto list = guest.get<PFN_vkEnumeratePhysicalDevices>("vkEnumeratePhysicalDevices");
  const auto groups = guest.get<PFN_vkEnumeratePhysicalDeviceGroups>("vkEnumeratePhysicalDeviceGroups");
  VkInstance instance = make_instance(guest);
  const std::vector<LoggedCall> made = check.log();
  check.that(find_last(made, "vkCreateInstance") != nullptr, "the instance did not reach the driver");
  check.that(find_last(made, "vkEnumeratePhysicalDevices") != nullptr, "nobody asked the driver for devices");
  uint32_t count = 0;
  check.that(list(instance, &count, nullptr) == VK_SUCCESS && count == 1, "the number of devices");
  VkPhysicalDevice physical = VK_NULL_HANDLE;
  check.that(list(instance, &count, &physical) == VK_SUCCESS && physical != VK_NULL_HANDLE, "the device");
  check.that(physical != guest.physical, "two instances share a device's handle");
  count = 0;
  check.that(list(instance, &count, &physical) == VK_INCOMPLETE && count == 0, "a short list of devices");
  count = 1;
  VkPhysicalDeviceGroupProperties group{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_GROUP_PROPERTIES};
  check.that(groups(instance, &count, &group) == VK_SUCCESS && count == 1 && group.physicalDeviceCount == 1 &&
                 group.physicalDevices[0] == physical && group.subsetAllocation == VK_FALSE,
             "the group of one");
  check.log();
  guest.get<PFN_vkDestroyInstance>("vkDestroyInstance")(instance, nullptr);
  check.that(find_last(check.log(), "vkDestroyInstance") != nullptr, "the instance's end did not arrive");
}

void device_extensions(Guest& guest, Check& check) {
  const auto list =
      guest.get<PFN_vkEnumerateDeviceExtensionProperties>("vkEnumerateDeviceExtensionProperties");
  uint32_t count = 0;
  check.that(list(guest.physical, "a layer", &count, nullptr) == VK_ERROR_LAYER_NOT_PRESENT,
             "device extensions of a layer");
  check.that(
      list(guest.physical, nullptr, &count, nullptr) == VK_SUCCESS && count == guest.device_extensions.size(),
      "the number of device extensions");
  std::vector<VkExtensionProperties> extensions(count);
  count = 2;
  check.that(list(guest.physical, nullptr, &count, extensions.data()) == VK_INCOMPLETE && count == 2,
             "a short list of device extensions");
  check.nothing_logged("what was fetched at enumeration");
}

// One queue of a device of its own, found under the flags it was made with.
void one_queue(Guest& guest, Check& check, VkDeviceQueueCreateFlags flags) {
  const float priorities[] = {0.25F, 1.0F};
  VkDeviceQueueCreateInfo queues{VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO};
  queues.flags = flags;
  queues.queueCount = 2;
  queues.pQueuePriorities = priorities;
  VkDeviceCreateInfo info{VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO};
  info.queueCreateInfoCount = 1;
  info.pQueueCreateInfos = &queues;
  VkDevice device = VK_NULL_HANDLE;
  require(guest.get<PFN_vkCreateDevice>("vkCreateDevice")(guest.physical, &info, nullptr, &device),
          "vkCreateDevice");
  const std::vector<LoggedCall> calls = check.log();
  const char* asked = flags == 0 ? "vkGetDeviceQueue" : "vkGetDeviceQueue2";
  check.that(count_calls(calls, asked) == 2, "two queues were not asked for");
  if (flags == 0) {
    Args args(guest, subject_of(asked), 1);
    args.both<protocol::vkGetDeviceQueue_args>([](auto& a) { a.queueFamilyIndex = 0, a.queueIndex = 1; });
    check.same(args, find_last(calls, asked));
  } else {
    const VkDeviceQueueInfo2 wanted{VK_STRUCTURE_TYPE_DEVICE_QUEUE_INFO_2, nullptr, flags, 0, 1};
    Args args(guest, subject_of(asked), 1);
    args.both<protocol::vkGetDeviceQueue2_args>([&](auto& a) { a.pQueueInfo = &wanted; });
    check.same(args, find_last(calls, asked));
  }
  const auto plain = guest.get<PFN_vkGetDeviceQueue>("vkGetDeviceQueue");
  const auto flagged = guest.get<PFN_vkGetDeviceQueue2>("vkGetDeviceQueue2");
  const VkDeviceQueueInfo2 second{VK_STRUCTURE_TYPE_DEVICE_QUEUE_INFO_2, nullptr, flags, 0, 1};
  VkQueue first = VK_NULL_HANDLE;
  VkQueue other = VK_NULL_HANDLE;
  plain(device, 0, 1, &first);
  flagged(device, &second, &other);
  check.that(other != VK_NULL_HANDLE && (flags == 0 ? first == other : first == VK_NULL_HANDLE),
             "the same queue by both ways");
  plain(device, 0, 2, &first);
  check.that(first == VK_NULL_HANDLE, "a queue that was not made");
  check.nothing_logged("looking a queue up");
  guest.get<PFN_vkDestroyDevice>("vkDestroyDevice")(device, nullptr);
  check.that(find_last(check.log(), "vkDestroyDevice") != nullptr, "the device's end did not arrive");
}

void device_and_queues(Guest& guest, Check& check) {
  one_queue(guest, check, 0);
  one_queue(guest, check, VK_DEVICE_QUEUE_CREATE_PROTECTED_BIT);
}

// The walk compares the second versions with the driver's answers.
void properties(Guest& guest, Check& check) {
  VkPhysicalDeviceProperties first{};
  VkPhysicalDeviceProperties2 second{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2};
  guest.get<PFN_vkGetPhysicalDeviceProperties>("vkGetPhysicalDeviceProperties")(guest.physical, &first);
  guest.get<PFN_vkGetPhysicalDeviceProperties2>("vkGetPhysicalDeviceProperties2")(guest.physical, &second);
  check.that(std::memcmp(&first, &second.properties, sizeof(first)) == 0, "both versions of properties");
  VkPhysicalDeviceMemoryProperties memory{};
  VkPhysicalDeviceMemoryProperties2 memory2{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MEMORY_PROPERTIES_2};
  guest.get<PFN_vkGetPhysicalDeviceMemoryProperties>("vkGetPhysicalDeviceMemoryProperties")(guest.physical,
                                                                                            &memory);
  guest.get<PFN_vkGetPhysicalDeviceMemoryProperties2>("vkGetPhysicalDeviceMemoryProperties2")(guest.physical,
                                                                                              &memory2);
  check.that(std::memcmp(&memory, &memory2.memoryProperties, sizeof(memory)) == 0,
             "both versions of memory properties");
}

void tools(Guest& guest, Check& check) {
  uint32_t count = 7;
  const auto ask = guest.get<PFN_vkGetPhysicalDeviceToolProperties>("vkGetPhysicalDeviceToolProperties");
  check.that(ask(guest.physical, &count, nullptr) == VK_SUCCESS && count == 0, "tools of the host");
  check.nothing_logged("a question about tools");
}

void time_domains(Guest& guest, Check& check) {
  const auto ask = guest.get<PFN_vkGetPhysicalDeviceCalibrateableTimeDomainsEXT>(
      "vkGetPhysicalDeviceCalibrateableTimeDomainsEXT");
  uint32_t count = 0;
  check.that(ask(guest.physical, &count, nullptr) == VK_SUCCESS && count == 3, "the number of time domains");
  std::vector<VkTimeDomainEXT> domains(count);
  check.that(ask(guest.physical, &count, domains.data()) == VK_SUCCESS &&
                 domains == std::vector{VK_TIME_DOMAIN_DEVICE_EXT, VK_TIME_DOMAIN_CLOCK_MONOTONIC_EXT,
                                        VK_TIME_DOMAIN_CLOCK_MONOTONIC_RAW_EXT},
             "the device's time domain and the guest's own two");
  count = 2;
  check.that(ask(guest.physical, &count, domains.data()) == VK_INCOMPLETE && count == 2,
             "a short list of time domains");
  // The walk has the device's own clock.
  const VkCalibratedTimestampInfoEXT own{VK_STRUCTURE_TYPE_CALIBRATED_TIMESTAMP_INFO_EXT, nullptr,
                                         VK_TIME_DOMAIN_CLOCK_MONOTONIC_EXT};
  const auto read = guest.get<PFN_vkGetCalibratedTimestampsEXT>("vkGetCalibratedTimestampsEXT");
  uint64_t first = 0;
  uint64_t second = 0;
  uint64_t deviation = kMaxDeviation;
  check.that(read(guest.device, 1, &own, &first, &deviation) == VK_SUCCESS &&
                 read(guest.device, 1, &own, &second, &deviation) == VK_SUCCESS && first != 0 &&
                 second >= first && deviation < kMaxDeviation,
             "the guest's own clock");
  check.nothing_logged("a question about time domains, or the guest's own clock");
}

// No handle type but OPAQUE_FD is importable or exportable, whatever the driver says.
void external(Guest& guest, Check& check) {
  const VkPhysicalDeviceExternalBufferInfo buffer{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_EXTERNAL_BUFFER_INFO};
  VkExternalBufferProperties buffers{VK_STRUCTURE_TYPE_EXTERNAL_BUFFER_PROPERTIES};
  buffers.externalMemoryProperties = {1, 2, 3};
  guest.get<PFN_vkGetPhysicalDeviceExternalBufferProperties>("vkGetPhysicalDeviceExternalBufferProperties")(
      guest.physical, &buffer, &buffers);
  check.that(buffers.externalMemoryProperties.externalMemoryFeatures == 0 &&
                 buffers.externalMemoryProperties.compatibleHandleTypes == 0,
             "external buffers");
  const VkPhysicalDeviceExternalFenceInfo fence{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_EXTERNAL_FENCE_INFO};
  VkExternalFenceProperties fences{VK_STRUCTURE_TYPE_EXTERNAL_FENCE_PROPERTIES, nullptr, 1, 2, 3};
  guest.get<PFN_vkGetPhysicalDeviceExternalFenceProperties>("vkGetPhysicalDeviceExternalFenceProperties")(
      guest.physical, &fence, &fences);
  check.that(fences.externalFenceFeatures == 0 && fences.compatibleHandleTypes == 0, "external fences");
  const VkPhysicalDeviceExternalSemaphoreInfo semaphore{
      VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_EXTERNAL_SEMAPHORE_INFO};
  VkExternalSemaphoreProperties semaphores{VK_STRUCTURE_TYPE_EXTERNAL_SEMAPHORE_PROPERTIES, nullptr, 1, 2, 3};
  guest.get<PFN_vkGetPhysicalDeviceExternalSemaphoreProperties>(
      "vkGetPhysicalDeviceExternalSemaphoreProperties")(guest.physical, &semaphore, &semaphores);
  check.that(semaphores.externalSemaphoreFeatures == 0 && semaphores.compatibleHandleTypes == 0,
             "external semaphores");
  check.nothing_logged("a question about external handles");
}

}  // namespace

std::vector<Case> device_cases() {
  return {
      {{"vkEnumerateInstanceVersion", "vkEnumerateInstanceExtensionProperties"}, enumerate_globals},
      {{"vkEnumerateInstanceLayerProperties", "vkEnumerateDeviceLayerProperties"}, layers},
      {{"vkGetInstanceProcAddr", "vkGetDeviceProcAddr"}, procedures},
      {{"vkEnumeratePhysicalDevices", "vkEnumeratePhysicalDeviceGroups", "vkDestroyInstance"},
       physical_devices},
      {{"vkEnumerateDeviceExtensionProperties"}, device_extensions},
      {{"vkGetDeviceQueue", "vkGetDeviceQueue2", "vkDestroyDevice"}, device_and_queues},
      {{"vkGetPhysicalDeviceProperties", "vkGetPhysicalDeviceMemoryProperties"}, properties},
      {{"vkGetPhysicalDeviceToolProperties"}, tools},
      {{"vkGetPhysicalDeviceCalibrateableTimeDomainsEXT"}, time_domains},
      {{"vkGetPhysicalDeviceExternalBufferProperties", "vkGetPhysicalDeviceExternalFenceProperties",
        "vkGetPhysicalDeviceExternalSemaphoreProperties"},
       external},
  };
}

}  // namespace viaduct::fake
