// The host's side of the objects that need more than a driver handle. All of them belong to the decode
// thread; Queue has a completion thread of its own (queue/completion.hpp says what the two share), and
// recorders read what belongs to a command buffer (worker/recorders.hpp).
#pragma once

#include "generated/host/driver_tables.hpp"
#include "host-renderer/memory/device_memory.hpp"
#include "host-renderer/memory/memory_types.hpp"
#include "protocol/wire/object_id.hpp"

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace viaduct::host {

class CompletionThread;
class DeviceWaits;
class Shadow;

// A driver's handle as the tables keep it.
template <class Handle>
std::uint64_t driver_bits(Handle handle) noexcept {
  return (std::uint64_t)handle;  // NOLINT: a pointer or an integer, as the platform has it
}
struct Device;
struct Instance;
struct Mailbox;

struct PhysicalDevice {
  Instance* instance = nullptr;
  VkPhysicalDevice handle = VK_NULL_HANDLE;
  protocol::ObjectId id{};
  std::uint32_t api_version = VK_API_VERSION_1_0;
  SharingMode mode = SharingMode::kShadow;
  std::uint64_t import_alignment = 4096;
  bool import_report_is_wrong = false;  // memory/probe.hpp
  MemoryView memory;
};

struct Instance {
  VkInstance handle = VK_NULL_HANDLE;
  protocol::ObjectId id{};
  std::uint32_t api_version = VK_API_VERSION_1_0;
  InstanceTable table{};
  bool debug_utils = false;                                // VK_EXT_debug_utils is enabled on the host
  VkDebugUtilsMessengerEXT messenger = VK_NULL_HANDLE;     // only where viaductd --validate asks for one
  std::shared_ptr<Mailbox> mailbox;                        // null: the guest never wanted to hear of it
  std::vector<VkDebugUtilsMessengerEXT> guest_messengers;  // that fill the mailbox
  VkFlags heard_severities = 0;                            // by them
  std::vector<std::unique_ptr<PhysicalDevice>> physical_devices;
  std::vector<std::unique_ptr<Device>> devices;
};

// Of the devices that the driver lists, the same in each instance.
inline std::size_t position_of(const PhysicalDevice& physical) noexcept {
  const auto& all = physical.instance->physical_devices;
  std::size_t at = 0;
  while (at < all.size() && all[at].get() != &physical) ++at;
  return at;
}

struct Queue {
  Device* device = nullptr;
  VkQueue handle = VK_NULL_HANDLE;
  protocol::ObjectId id{};
  std::unique_ptr<CompletionThread> completion;
  std::uint32_t open_labels = 0;
};

struct CommandPool;

struct CommandBuffer {
  Device* device = nullptr;
  VkCommandBuffer handle = VK_NULL_HANDLE;
  protocol::ObjectId id{};
  CommandPool* pool = nullptr;
  std::size_t position = 0;  // in the pool's list
};

struct CommandPool {
  Device* device = nullptr;
  VkCommandPool handle = VK_NULL_HANDLE;
  protocol::ObjectId id{};
  std::vector<std::unique_ptr<CommandBuffer>> buffers;
  std::atomic<std::uint32_t> pending{0};  // spans of its buffers that were handed to a recorder
  unsigned recorder = 0;                  // which one, while there are any
};

struct DescriptorPool;

struct Device {
  Device();
  ~Device();

  PhysicalDevice* physical = nullptr;
  VkDevice handle = VK_NULL_HANDLE;
  protocol::ObjectId id{};
  DeviceTable table{};
  bool external_memory_fd = false;  // the guest enabled VK_KHR_external_memory_fd, and the driver has it
  std::atomic<bool> lost{false};    // latched; written by the decode and completion threads
  std::vector<std::unique_ptr<Queue>> queues;
  std::vector<std::unique_ptr<CommandPool>> command_pools;
  std::vector<std::unique_ptr<DescriptorPool>> descriptor_pools;
  DeviceMemoryList memories;
  std::unique_ptr<DeviceWaits> waits;
  std::unique_ptr<Shadow> shadow;  // of its shadowed memory; always there
};

}  // namespace viaduct::host
