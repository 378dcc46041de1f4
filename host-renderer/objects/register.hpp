// Registers what a driver call made under the names that the guest gave. Used by the generated dispatch.
#pragma once

#include "host-renderer/worker/command_context.hpp"

namespace viaduct::host {

// `count` handles and names; null handles (a pipeline of several that failed) and everything after a failed
// call are marked as failed, so that later uses of the name are stale.
template <class Handle>
void register_objects(CommandContext& ctx, protocol::ObjectType type, Handle* handles,
                      const protocol::ObjectId* ids, std::size_t count, VkResult result) {
  for (std::size_t i = 0; handles != nullptr && ids != nullptr && i < count; ++i) {
    // Pipelines that were made although another of the call failed are valid (10.1, "Multiple Pipeline
    // Creation").
    const bool made =
        driver_bits(handles[i]) != 0 && (result >= 0 || type == protocol::ObjectType::kPipeline);
    if (!made) {
      handles[i] = Handle{};
      ctx.objects().insert_failed(type, ids[i]);
    } else if (!ctx.objects().insert(type, ids[i], driver_bits(handles[i]))) {
      ctx.decoder.fail("too many objects of one type");
    }
  }
}

}  // namespace viaduct::host
