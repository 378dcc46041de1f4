// A Vulkan driver of a few functions for the worker's unit tests: it makes numbers of handles, never follows
// a handle, and executes submissions at once, except that timeline semaphores count truly. Any thread.
#pragma once

#include <vulkan/vulkan_core.h>

#include <atomic>
#include <cstdint>

#include "tests/unit/host/compiling_log.hpp"
#include "tests/unit/host/recording_log.hpp"

namespace viaduct::host::testing {

// What tests set and look at; one a process, reset() before each test.
struct FakeVulkan {
  std::atomic<VkResult> submit_result{VK_SUCCESS};
  std::atomic<VkResult> fence_result{VK_SUCCESS};  // for who asks; who waits gets VK_SUCCESS
  std::atomic<std::uint64_t> fence_looks{0};
  std::atomic<VkResult> buffer_result{VK_SUCCESS};
  std::atomic<VkResult> descriptor_result{VK_SUCCESS};
  std::atomic<std::uint64_t> submits{0};
  std::atomic<std::uint64_t> fills{0};
  std::atomic<std::uint64_t> draws{0};
  std::atomic<std::uint64_t> live_devices{0};
  std::atomic<std::size_t> cache_size{64};
  std::atomic<std::uint64_t> descriptor_pools{0};  // that were made
  std::atomic<std::uint64_t> mutable_types{0};     // in the lists that they were made with
  std::atomic<std::uint64_t> imports{0};           // allocations of pages of the region, or of a payload
  // Buffers of other usages are reported as not importable.
  std::atomic<VkBufferUsageFlags> importable_usage{~0u};
  // VK_API_VERSION_1_0: has no newer function, and refuses what only newer drivers know.
  std::atomic<std::uint32_t> api_version{VK_API_VERSION_1_3};
  std::atomic<std::uint64_t> names{0};           // objects that were named
  std::atomic<std::uint64_t> last_name_size{0};  // bytes of the last name
  std::atomic<std::uint64_t> tags{0};
  std::atomic<int> open_labels{0};  // of all queues
  std::atomic<int> most_open_labels{0};

  RecordingLog recording;
  CompilingLog compiling;

  std::atomic<int> messengers{0};  // that are alive
  // What the last vkCreateDebugUtilsMessengerEXT was given; set and called by one thread at a time.
  VkDebugUtilsMessengerCreateInfoEXT messenger{};

  // As a driver that says something, on this thread.
  void say(VkDebugUtilsMessageSeverityFlagBitsEXT severity, const char* id_name, const char* text,
           VkObjectType type = VK_OBJECT_TYPE_UNKNOWN, std::uint64_t handle = 0) const;

  static FakeVulkan& get();
  static void reset();
};

PFN_vkVoidFunction fake_get_instance_proc_addr(VkInstance instance, const char* name);

}  // namespace viaduct::host::testing
