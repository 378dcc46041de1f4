// The fake driver's objects: just enough state that a worker can be served (queues that execute at once,
// timeline semaphores and fences that are signalled, memory that can be mapped and filled), and handles for
// all the rest.
//
// Handles are never reused, so that a wrong one cannot look right. Objects are never freed: a driver that
// lives as long as a test may leak.
#pragma once

#include <vulkan/vk_icd.h>
#include <vulkan/vulkan.h>

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace viaduct::fake {

// What every dispatchable handle points to; the loader owns the first word.
struct Dispatchable {
  VK_LOADER_DATA loader;
  uint64_t number;
};

inline std::atomic<uint64_t> g_last_handle{0x1000};

inline uint64_t new_number() { return g_last_handle.fetch_add(0x10, std::memory_order_relaxed) + 0x10; }

template <class Handle>
Handle new_dispatchable() {
  auto* object = new Dispatchable{};
  object->loader.loaderMagic = ICD_LOADER_MAGIC;
  object->number = new_number();
  return reinterpret_cast<Handle>(object);
}

template <class Handle>
Handle new_handle() {
  return (Handle)new_number();  // NOLINT: a pointer or a number, depending on the target
}

// What a digest sees of a handle: the number for command buffers and all non-dispatchable handles; nothing
// for instances, devices and queues, of which there is one and which the loader may wrap.
inline uint64_t digest_of(VkInstance) { return 0; }
inline uint64_t digest_of(VkPhysicalDevice) { return 0; }
inline uint64_t digest_of(VkDevice) { return 0; }
inline uint64_t digest_of(VkQueue) { return 0; }
inline uint64_t digest_of(VkCommandBuffer handle) {
  return handle == nullptr ? 0 : reinterpret_cast<const Dispatchable*>(handle)->number;
}
template <class Handle>
uint64_t digest_of(Handle handle) {
  return (uint64_t)handle;  // NOLINT: as above
}

}  // namespace viaduct::fake
