// What the fake driver was told to record, and by whom at once. Any thread.
#pragma once

#include <vulkan/vulkan_core.h>

#include <atomic>
#include <cstdint>
#include <map>
#include <mutex>
#include <set>
#include <vector>

namespace viaduct::host::testing {

// What was recorded, and in what ways it must not have been (each a number that stays 0).
class RecordingLog {
 public:
  // How long a fill takes.
  std::atomic<std::uint32_t> fill_ns{0};
  std::atomic<std::uint64_t> two_threads_in_a_pool{0};
  std::atomic<std::uint64_t> fills_of_destroyed_buffers{0};
  std::atomic<std::uint64_t> unfinished_submissions{0};  // of a command buffer that had not ended
  std::atomic<std::uint64_t> unfinished_secondaries{0};  // executed before they had ended
  std::atomic<std::uint64_t> most_threads{0};            // that recorded at the same time
  // The data of the fills of each command buffer that was submitted, in the order of submission.
  std::vector<std::vector<std::uint32_t>> submitted();

  void reset();
  void allocated(VkCommandPool pool, VkCommandBuffer buffer);
  void begin(VkCommandBuffer buffer);
  void fill(VkCommandBuffer buffer, VkBuffer filled, std::uint32_t data);
  void end(VkCommandBuffer buffer);
  void execute(const VkCommandBuffer* secondaries, std::uint32_t count);
  void reset_pool(VkCommandPool pool);
  void submit(const VkCommandBuffer* buffers, std::uint32_t count);
  void destroy(VkBuffer buffer);

 private:
  struct Buffer {
    VkCommandPool pool = VK_NULL_HANDLE;
    bool ended = false;
    std::vector<std::uint32_t> fills;
  };
  std::mutex mutex_;
  std::map<VkCommandBuffer, Buffer> buffers_;
  std::map<VkCommandPool, int> inside_;
  std::set<VkBuffer> destroyed_;
  std::uint64_t threads_ = 0;
  std::vector<std::vector<std::uint32_t>> submitted_;
};

}  // namespace viaduct::host::testing
