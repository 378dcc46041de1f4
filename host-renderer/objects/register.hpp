// Registers what a driver call made under the names that the guest gave. Used by the generated dispatch.
#pragma once

#include "host-renderer/worker/command_context.hpp"

namespace viaduct::host {

// Whether the driver made this one of a call's objects. Pipelines that were made although another of the call
// failed are valid (10.1, "Multiple Pipeline Creation").
template <class Handle>
bool was_made(protocol::ObjectType type, Handle handle, VkResult result) {
  return driver_bits(handle) != 0 && (result >= 0 || type == protocol::ObjectType::kPipeline);
}

// `count` handles and names; null handles (a pipeline of several that failed) and everything after a failed
// call are marked as failed, so that later uses of the name are stale.
template <class Handle>
void register_objects(CommandContext& ctx, protocol::ObjectType type, Handle* handles,
                      const protocol::ObjectId* ids, std::size_t count, VkResult result) {
  for (std::size_t i = 0; handles != nullptr && ids != nullptr && i < count; ++i) {
    if (!was_made(type, handles[i], result)) {
      handles[i] = Handle{};
      ctx.objects().insert_failed(type, ids[i]);
    } else if (!ctx.objects().insert(type, ids[i], driver_bits(handles[i]))) {
      ctx.decoder.fail("too many objects of one type");
    }
  }
}

// The names of what another thread is about to make. False, with nothing pending: the decoder says why.
inline bool expect_objects(CommandContext& ctx, protocol::ObjectType type, const protocol::ObjectId* ids,
                           std::size_t count) {
  for (std::size_t i = 0; ids != nullptr && i < count; ++i) {
    // Whoever names an object that is still being made anew waits for that one.
    ctx.objects().find(type, ids[i]);
    if (ctx.objects().insert_pending(type, ids[i])) continue;
    while (i-- > 0) ctx.objects().settle(type, ids[i], 0);
    ctx.decoder.fail("too many objects of one type");
    return false;
  }
  return true;
}

// The same names when it has; any thread.
template <class Handle>
void settle_objects(CommandContext& ctx, protocol::ObjectType type, Handle* handles,
                    const protocol::ObjectId* ids, std::size_t count, VkResult result) {
  for (std::size_t i = 0; handles != nullptr && ids != nullptr && i < count; ++i) {
    if (!was_made(type, handles[i], result)) handles[i] = Handle{};
    ctx.objects().settle(type, ids[i], driver_bits(handles[i]));
  }
}

}  // namespace viaduct::host
