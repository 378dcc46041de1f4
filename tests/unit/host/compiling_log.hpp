// What the fake driver was told to compile, and what was going on meanwhile. Any thread.
#pragma once

#include <vulkan/vulkan_core.h>

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <set>

namespace viaduct::host::testing {

class CompilingLog {
 public:
  std::atomic<VkResult> result{VK_SUCCESS};
  std::atomic<std::uint64_t> destroyed_in_use{0};  // shader modules, while a creation ran; stays 0
  std::atomic<std::uint64_t> modules_destroyed{0};
  std::atomic<std::uint64_t> made{0};
  std::atomic<std::uint64_t> bound{0};           // the handle that was bound last
  std::atomic<std::uint64_t> caches_in_turn{0};  // made with the flag that the driver need not lock them

  void reset();
  // Creations wait until they are let go.
  void hold();
  void let_go();
  // Until so many run at the same time; false if that does not come.
  bool wait_running(std::uint64_t count);

  // Of a pipeline that uses this module; gives its handle, null on failure.
  VkPipeline compile(VkShaderModule module);
  void destroy(VkShaderModule module);

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool held_ = false;
  std::uint64_t running_ = 0;
  std::multiset<VkShaderModule> in_use_;
};

}  // namespace viaduct::host::testing
