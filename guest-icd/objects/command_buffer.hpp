// VkCommandBuffer and VkCommandPool in the guest. A command buffer is a writer; the pool owns its command
// buffers and keeps the unused tails of chunks, so that many small command buffers share one.
#pragma once

#include <vulkan/vulkan.h>

#include <cstdint>
#include <vector>

#include "guest-icd/objects/command_writer.hpp"
#include "guest-icd/objects/dispatchable.hpp"

namespace viaduct::guest {

struct Device;
class CommandBuffer;

struct CommandPool {
  Device* device = nullptr;
  std::vector<CommandBuffer*> buffers;
  WriteMemory leftover;  ///< the rest of a chunk; data == nullptr: none
};

class CommandBuffer : public Dispatchable {
 public:
  CommandBuffer(Device& owner, CommandPool& owner_pool, VkCommandBufferLevel its_level,
                std::uint64_t object_id) noexcept;
  static CommandBuffer& from(VkCommandBuffer handle) noexcept {
    return *reinterpret_cast<CommandBuffer*>(handle);
  }
  VkCommandBuffer handle() noexcept { return reinterpret_cast<VkCommandBuffer>(this); }
  CommandWriter& writer() noexcept { return writer_; }

  Device* device;
  CommandPool* pool;
  VkCommandBufferLevel level;

 private:
  CommandWriter writer_;
};

}  // namespace viaduct::guest
