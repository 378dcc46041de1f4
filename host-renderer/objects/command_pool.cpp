#include "host-renderer/objects/command_pool.hpp"

#include "generated/host/overrides.hpp"
#include "host-renderer/worker/command_context.hpp"
#include "host-renderer/worker/session.hpp"

#include <vector>

namespace viaduct::host {

using protocol::ObjectId;
using protocol::ObjectType;

namespace {

void forget(Session& session, CommandBuffer& buffer) noexcept {
  session.invalid_command_buffers().erase(buffer.handle);
  session.objects().erase(ObjectType::kCommandBuffer, buffer.id);
}

// The last buffer takes the freed one's place.
void take_out(CommandPool& pool, CommandBuffer& buffer) noexcept {
  const std::size_t position = buffer.position;
  pool.buffers.back()->position = position;
  std::swap(pool.buffers[position], pool.buffers.back());
  pool.buffers.pop_back();
}

void fail_all(CommandContext& ctx, const ObjectId* ids, std::uint32_t count) {
  for (std::uint32_t i = 0; i < count; ++i) {
    ctx.objects().insert_failed(ObjectType::kCommandBuffer, ids[i]);
  }
}

}  // namespace

void drop_command_pool(Session& session, CommandPool& pool) noexcept {
  Device& device = *pool.device;
  for (const auto& buffer : pool.buffers) {
    forget(session, *buffer);
  }
  session.objects().erase(ObjectType::kCommandPool, pool.id);
  device.table.vkDestroyCommandPool(device.handle, pool.handle, nullptr);
  std::erase_if(device.command_pools, [&](const auto& owned) { return owned.get() == &pool; });
}

void on_vkCreateCommandPool(CommandContext& ctx, protocol::vkCreateCommandPool_args& a) {
  const ObjectId id = *a.pCommandPool_ids;
  auto pool = std::make_unique<CommandPool>();
  pool->device = ctx.device;
  pool->id = id;
  a.result = ctx.device->table.vkCreateCommandPool(a.device, a.pCreateInfo, nullptr, &pool->handle);
  if (a.result != VK_SUCCESS) {
    ctx.objects().insert_failed(ObjectType::kCommandPool, id);
    return;
  }
  if (!ctx.objects().insert(ObjectType::kCommandPool, id, driver_bits(pool->handle), pool.get())) {
    ctx.device->table.vkDestroyCommandPool(a.device, pool->handle, nullptr);
    a.result = VK_ERROR_OUT_OF_HOST_MEMORY;
    return;
  }
  *a.pCommandPool = pool->handle;
  ctx.device->command_pools.push_back(std::move(pool));
}

void on_vkDestroyCommandPool(CommandContext& ctx, protocol::vkDestroyCommandPool_args& a) {
  CommandPool* pool = ctx.objects().object<CommandPool>(ObjectType::kCommandPool, a.commandPool_id);
  if (pool != nullptr && pool->device == ctx.device) {
    drop_command_pool(ctx.session, *pool);
  } else {
    ctx.objects().erase(ObjectType::kCommandPool, a.commandPool_id);
  }
}

void on_vkResetCommandPool(CommandContext& ctx, protocol::vkResetCommandPool_args& a) {
  CommandPool* pool = ctx.objects().object<CommandPool>(ObjectType::kCommandPool, a.commandPool_id);
  if (pool == nullptr || pool->device != ctx.device) {
    return ctx.decoder.fail("a command pool of another device");
  }
  ctx.finish_recording(*pool);
  a.result = ctx.device->table.vkResetCommandPool(a.device, a.commandPool, a.flags);
}

void on_vkAllocateCommandBuffers(CommandContext& ctx, protocol::vkAllocateCommandBuffers_args& a) {
  const std::uint32_t count = a.pAllocateInfo->commandBufferCount;
  CommandPool* pool =
      ctx.objects().object<CommandPool>(ObjectType::kCommandPool, a.pAllocateInfo_commandPool_id);
  std::vector<VkCommandBuffer> handles(count);
  if (pool == nullptr || pool->device != ctx.device) {
    a.result = VK_ERROR_OUT_OF_HOST_MEMORY;
    return fail_all(ctx, a.pCommandBuffers_ids, count);
  }
  if (a.pAllocateInfo->level == VK_COMMAND_BUFFER_LEVEL_SECONDARY) ctx.session.note_secondaries();
  ctx.finish_recording(*pool);
  a.result = ctx.device->table.vkAllocateCommandBuffers(a.device, a.pAllocateInfo, handles.data());
  if (a.result != VK_SUCCESS) {
    return fail_all(ctx, a.pCommandBuffers_ids, count);
  }
  for (std::uint32_t i = 0; i < count; ++i) {
    auto buffer = std::make_unique<CommandBuffer>();
    buffer->device = ctx.device;
    buffer->handle = handles[i];
    buffer->id = a.pCommandBuffers_ids[i];
    buffer->pool = pool;
    buffer->position = pool->buffers.size();
    // A name in use, which no honest guest gives, would leave the older buffer with a dangling one.
    const bool taken = ctx.command_buffer_of(buffer->id) != nullptr;
    if (taken || !ctx.objects().insert(ObjectType::kCommandBuffer, buffer->id, driver_bits(buffer->handle),
                                       buffer.get())) {
      ctx.device->table.vkFreeCommandBuffers(a.device, pool->handle, 1, &buffer->handle);
      a.result = VK_ERROR_OUT_OF_HOST_MEMORY;
      continue;
    }
    pool->buffers.push_back(std::move(buffer));
  }
}

void on_vkFreeCommandBuffers(CommandContext& ctx, protocol::vkFreeCommandBuffers_args& a) {
  CommandPool* pool = ctx.objects().object<CommandPool>(ObjectType::kCommandPool, a.commandPool_id);
  // The array may be null whatever the count says: the registry leaves its validity to the text.
  const std::uint32_t count = a.pCommandBuffers_ids != nullptr ? a.commandBufferCount : 0;
  for (std::uint32_t i = 0; i < count; ++i) {
    CommandBuffer* buffer = ctx.command_buffer_of(a.pCommandBuffers_ids[i]);
    if (buffer == nullptr) {
      ctx.objects().erase(ObjectType::kCommandBuffer, a.pCommandBuffers_ids[i]);
    } else if (buffer->pool == pool) {
      pool->device->table.vkFreeCommandBuffers(pool->device->handle, pool->handle, 1, &buffer->handle);
      forget(ctx.session, *buffer);
      take_out(*pool, *buffer);
    }
  }
}

void on_vkBeginCommandBuffer(CommandContext& ctx, protocol::vkBeginCommandBuffer_args& a) {
  CommandBuffer& buffer = *ctx.command_buffer;
  ctx.session.invalid_command_buffers().erase(buffer.handle);
  a.result = buffer.device->table.vkBeginCommandBuffer(buffer.handle, a.pBeginInfo);
  if (a.result != VK_SUCCESS) {
    ctx.session.invalid_command_buffers().insert(buffer.handle);
  }
}

void on_vkEndCommandBuffer(CommandContext& ctx, protocol::vkEndCommandBuffer_args& a) {
  CommandBuffer& buffer = *ctx.command_buffer;
  a.result = buffer.device->table.vkEndCommandBuffer(buffer.handle);
  if (a.result != VK_SUCCESS) {
    ctx.session.invalid_command_buffers().insert(buffer.handle);
  }
}

void on_vkResetCommandBuffer(CommandContext& ctx, protocol::vkResetCommandBuffer_args& a) {
  CommandBuffer* buffer = ctx.command_buffer_of(a.commandBuffer_id);
  ctx.session.invalid_command_buffers().erase(buffer->handle);
  a.result = buffer->device->table.vkResetCommandBuffer(buffer->handle, a.flags);
}

// A secondary that could not be recorded spoils the primary: both would be lost at the submission.
void on_vkCmdExecuteCommands(CommandContext& ctx, protocol::vkCmdExecuteCommands_args& a) {
  CommandBuffer& primary = *ctx.command_buffer;
  auto& invalid = ctx.session.invalid_command_buffers();
  for (std::uint32_t i = 0; i < a.commandBufferCount; ++i) {
    if (invalid.contains(a.pCommandBuffers[i])) {
      invalid.insert(primary.handle);
      return;
    }
  }
  primary.device->table.vkCmdExecuteCommands(primary.handle, a.commandBufferCount, a.pCommandBuffers);
}

}  // namespace viaduct::host
