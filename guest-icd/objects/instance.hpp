// VkInstance and VkPhysicalDevice in the guest. An Instance holds one reference to the process's Session; its
// physical devices live as long as it does. Extension sets are fixed at creation and read without locks.
#pragma once

#include <vulkan/vulkan.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "guest-icd/objects/debug_messenger.hpp"
#include "guest-icd/objects/device_facts.hpp"
#include "guest-icd/objects/dispatchable.hpp"

namespace viaduct::guest {

/// Names of enabled extensions; small, built once.
using ExtensionSet = std::unordered_set<std::string>;

/// Whether this application is to find a CPU whatever the device is: Mesa's Zink, if VIADUCT_ZINK_DEVICE=cpu.
/// Without a DRM device of its own Mesa shows Zink's pictures on Wayland if that is so, and black otherwise
/// (docs/opengl.md). Other applications avoid CPUs, so nobody else is told so.
[[nodiscard]] bool wants_cpu(const VkApplicationInfo* application) noexcept;

struct Instance;

struct PhysicalDevice : Dispatchable {
  PhysicalDevice(Instance& owner, std::uint64_t object_id) noexcept;
  static PhysicalDevice* from(VkPhysicalDevice handle) noexcept {
    return reinterpret_cast<PhysicalDevice*>(handle);
  }
  VkPhysicalDevice handle() noexcept { return reinterpret_cast<VkPhysicalDevice>(this); }
  /// The version whose structs and formats the host's driver may be asked about: an instance of an older one
  /// must not name newer structs (VkPhysicalDeviceProperties2's pNext), so those are asked for singly.
  std::uint32_t usable_version() const noexcept;

  Instance* instance;
  std::uint32_t api_version = VK_API_VERSION_1_0;
  VkPhysicalDeviceMemoryProperties
      memory{};                          ///< the guest's view (memory types as the host re-described them)
  std::uint32_t arena_type_bits = 0;     ///< memory types that live in the region's arena
  std::uint32_t shadowed_type_bits = 0;  ///< those of them whose mappings the host must be told of
  std::uint64_t arena_alignment = 4096;
  std::vector<VkExtensionProperties> extensions;  ///< what the device offers: host's and guest's own
  DeviceFacts facts;
};

/// Which of the host's messages are wanted, and how far they are heard (host_messages.hpp).
struct HostListening {
  std::atomic<bool> any{false};
  std::atomic<std::uint32_t> seen{0};  ///< HostWords.messages when they were last fetched

  std::mutex mutex;  ///< guards what follows
  DebugInterest told;
  bool ever = false;  ///< the host may keep something for this instance
};

struct Instance : Dispatchable {
  Instance(std::shared_ptr<Session> its_session, std::uint64_t object_id) noexcept;
  static Instance* from(VkInstance handle) noexcept { return reinterpret_cast<Instance*>(handle); }
  VkInstance handle() noexcept { return reinterpret_cast<VkInstance>(this); }
  bool enabled(std::string_view extension) const { return extensions.contains(std::string(extension)); }

  std::shared_ptr<Session> session_reference;
  std::uint32_t api_version = VK_API_VERSION_1_0;  ///< VkApplicationInfo::apiVersion, 1.0 when it gave none
  ExtensionSet extensions;
  DebugMessengers messengers;
  DebugMessengers creation_messengers;  ///< of the create info's chain: for the creation and the end
  HostListening listening;
  bool as_cpu = false;       ///< its devices say that they are CPUs
  bool debug_names = false;  ///< the host takes names, tags and labels, and has messages

  std::mutex enumeration_mutex;  ///< guards the two below until `enumerated`
  bool enumerated = false;
  std::vector<std::unique_ptr<PhysicalDevice>> physical_devices;
};

}  // namespace viaduct::guest
