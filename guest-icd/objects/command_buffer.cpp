// Entry points of VkCommandPool and VkCommandBuffer. Begin and End are records of the command buffer's own
// span; allocation, reset and free are posts. Recording fails nowhere: what goes wrong shows at submission.
#include "guest-icd/objects/command_buffer.hpp"

#include <new>

#include "generated/guest/calls.hpp"
#include "generated/guest/command_encoders.hpp"
#include "generated/guest/entrypoints.hpp"
#include "guest-icd/objects/device.hpp"
#include "guest-icd/objects/object_ids.hpp"
#include "guest-icd/objects/object_tables.hpp"
#include "guest-icd/session/session.hpp"

namespace viaduct::guest {

CommandBuffer::CommandBuffer(Device& owner, CommandPool& owner_pool, VkCommandBufferLevel its_level,
                             std::uint64_t object_id) noexcept
    : Dispatchable(*owner.session, *owner.channel, object_id),
      device(&owner),
      pool(&owner_pool),
      level(its_level),
      writer_(*owner.channel, owner_pool, object_id) {}

namespace {

using protocol::id_of;
using protocol::ObjectType;

CommandPool* pool_of(VkDevice device, VkCommandPool handle) noexcept {
  return Device::from(device)->session->objects().command_pools.find(id_of(handle));
}

void destroy(Channel& channel, CommandBuffer* commands) noexcept {
  if (commands->device->debug_names) commands->session->objects().named.remove(*commands);
  const std::uint64_t id = commands->header.id;
  delete commands;
  release_id(channel, ObjectType::kCommandBuffer, id);
}

void drop_leftover(Channel& channel, CommandPool& pool) noexcept {
  channel.retire_memory(pool.leftover.memory, pool.leftover.sequence);
  pool.leftover = {};
}

}  // namespace

namespace entry {

VKAPI_ATTR VkResult VKAPI_CALL vkCreateCommandPool(VkDevice device,
                                                   const VkCommandPoolCreateInfo* pCreateInfo,
                                                   const VkAllocationCallbacks* pAllocator,
                                                   VkCommandPool* pCommandPool) noexcept {
  Device* self = Device::from(device);
  Channel& channel = *self->channel;
  const std::uint64_t id = new_id(channel, ObjectType::kCommandPool);
  CommandPool* pool = id == 0 ? nullptr : self->session->objects().command_pools.make(id);
  if (pool == nullptr) return VK_ERROR_OUT_OF_HOST_MEMORY;
  pool->device = self;
  pool->buffers.clear();
  pool->leftover = {};
  *pCommandPool = handle_of<VkCommandPool>(id);
  post_vkCreateCommandPool(channel, device, pCreateInfo, pAllocator, pCommandPool);
  return VK_SUCCESS;
}

VKAPI_ATTR void VKAPI_CALL vkDestroyCommandPool(VkDevice device, VkCommandPool commandPool,
                                                const VkAllocationCallbacks* pAllocator) noexcept {
  if (commandPool == VK_NULL_HANDLE) return;
  Channel& channel = Channel::of(device);
  CommandPool* pool = pool_of(device, commandPool);
  post_vkDestroyCommandPool(channel, device, commandPool, pAllocator);
  for (CommandBuffer* commands : pool->buffers) destroy(channel, commands);
  pool->buffers.clear();
  drop_leftover(channel, *pool);
  release_id(channel, ObjectType::kCommandPool, id_of(commandPool));
}

VKAPI_ATTR VkResult VKAPI_CALL vkResetCommandPool(VkDevice device, VkCommandPool commandPool,
                                                  VkCommandPoolResetFlags flags) noexcept {
  CommandPool* pool = pool_of(device, commandPool);
  for (CommandBuffer* commands : pool->buffers) commands->writer().discard();
  post_vkResetCommandPool(Channel::of(device), device, commandPool, flags);
  return VK_SUCCESS;
}

VKAPI_ATTR VkResult VKAPI_CALL vkAllocateCommandBuffers(VkDevice device,
                                                        const VkCommandBufferAllocateInfo* pAllocateInfo,
                                                        VkCommandBuffer* pCommandBuffers) noexcept {
  Device* self = Device::from(device);
  Channel& channel = *self->channel;
  CommandPool* pool = pool_of(device, pAllocateInfo->commandPool);
  std::uint32_t made = 0;
  try {
    pool->buffers.reserve(pool->buffers.size() + pAllocateInfo->commandBufferCount);
    for (; made < pAllocateInfo->commandBufferCount; ++made) {
      const std::uint64_t id = new_id(channel, ObjectType::kCommandBuffer);
      if (id == 0) throw std::bad_alloc();
      auto* commands = new (std::nothrow) CommandBuffer(*self, *pool, pAllocateInfo->level, id);
      if (commands == nullptr) {
        release_id(channel, ObjectType::kCommandBuffer, id);
        throw std::bad_alloc();
      }
      pool->buffers.push_back(commands);
      pCommandBuffers[made] = commands->handle();
      if (self->debug_names) self->session->objects().named.add(*commands);
    }
  } catch (const std::bad_alloc&) {
    for (; made > 0; --made) {
      destroy(channel, pool->buffers.back());
      pool->buffers.pop_back();
    }
    for (std::uint32_t i = 0; i < pAllocateInfo->commandBufferCount; ++i) pCommandBuffers[i] = VK_NULL_HANDLE;
    return VK_ERROR_OUT_OF_HOST_MEMORY;
  }
  post_vkAllocateCommandBuffers(channel, device, pAllocateInfo, pCommandBuffers);
  return VK_SUCCESS;
}

VKAPI_ATTR void VKAPI_CALL vkFreeCommandBuffers(VkDevice device, VkCommandPool commandPool,
                                                uint32_t commandBufferCount,
                                                const VkCommandBuffer* pCommandBuffers) noexcept {
  Channel& channel = Channel::of(device);
  CommandPool* pool = pool_of(device, commandPool);
  post_vkFreeCommandBuffers(channel, device, commandPool, commandBufferCount, pCommandBuffers);
  for (std::uint32_t i = 0; i < commandBufferCount; ++i) {
    if (pCommandBuffers[i] == VK_NULL_HANDLE) continue;
    CommandBuffer* commands = &CommandBuffer::from(pCommandBuffers[i]);
    std::erase(pool->buffers, commands);
    destroy(channel, commands);
  }
}

VKAPI_ATTR VkResult VKAPI_CALL vkBeginCommandBuffer(VkCommandBuffer commandBuffer,
                                                    const VkCommandBufferBeginInfo* pBeginInfo) noexcept {
  CommandBuffer& commands = CommandBuffer::from(commandBuffer);
  // Beginning again resets; what was recorded but not published never reaches the host.
  commands.writer().discard();
  VkCommandBufferBeginInfo begin = *pBeginInfo;
  VkCommandBufferInheritanceInfo inheritance;
  if (commands.level == VK_COMMAND_BUFFER_LEVEL_PRIMARY) {
    begin.pInheritanceInfo = nullptr;
  } else if (begin.pInheritanceInfo != nullptr &&
             ((begin.flags & VK_COMMAND_BUFFER_USAGE_RENDER_PASS_CONTINUE_BIT) == 0 ||
              begin.pInheritanceInfo->renderPass == VK_NULL_HANDLE)) {
    // Ignored outside of a render pass and within dynamic rendering, and often left undefined.
    inheritance = *begin.pInheritanceInfo;
    inheritance.renderPass = VK_NULL_HANDLE;
    inheritance.subpass = 0;
    inheritance.framebuffer = VK_NULL_HANDLE;
    begin.pInheritanceInfo = &inheritance;
  }
  encode_vkBeginCommandBuffer(commands.writer(), &begin);
  return VK_SUCCESS;
}

VKAPI_ATTR VkResult VKAPI_CALL vkEndCommandBuffer(VkCommandBuffer commandBuffer) noexcept {
  CommandBuffer& commands = CommandBuffer::from(commandBuffer);
  encode_vkEndCommandBuffer(commands.writer());
  commands.writer().finish();
  return VK_SUCCESS;
}

VKAPI_ATTR VkResult VKAPI_CALL vkResetCommandBuffer(VkCommandBuffer commandBuffer,
                                                    VkCommandBufferResetFlags flags) noexcept {
  CommandBuffer& commands = CommandBuffer::from(commandBuffer);
  commands.writer().discard();
  encode_vkResetCommandBuffer(commands.writer(), flags);
  commands.writer().finish();
  return VK_SUCCESS;
}

}  // namespace entry
}  // namespace viaduct::guest
