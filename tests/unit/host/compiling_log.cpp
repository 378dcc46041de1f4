#include "tests/unit/host/compiling_log.hpp"

#include <chrono>

#include "protocol/wire/object_id.hpp"

namespace viaduct::host::testing {

void CompilingLog::reset() {
  result = VK_SUCCESS;
  destroyed_in_use = 0;
  modules_destroyed = 0;
  made = 0;
  bound = 0;
  caches_in_turn = 0;
  let_go();
}

void CompilingLog::hold() {
  const std::lock_guard lock(mutex_);
  held_ = true;
}

void CompilingLog::let_go() {
  {
    const std::lock_guard lock(mutex_);
    held_ = false;
  }
  changed_.notify_all();
}

bool CompilingLog::wait_running(std::uint64_t count) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, std::chrono::seconds(30), [&] { return running_ >= count; });
}

VkPipeline CompilingLog::compile(VkShaderModule module) {
  std::unique_lock lock(mutex_);
  ++running_;
  const auto used = in_use_.insert(module);
  changed_.notify_all();
  changed_.wait(lock, [this] { return !held_; });
  in_use_.erase(used);
  --running_;
  if (result != VK_SUCCESS) return VK_NULL_HANDLE;
  return protocol::handle_from_bits<VkPipeline>(0x9000 + ++made);
}

void CompilingLog::destroy(VkShaderModule module) {
  const std::lock_guard lock(mutex_);
  ++modules_destroyed;
  if (in_use_.contains(module)) ++destroyed_in_use;
}

}  // namespace viaduct::host::testing
