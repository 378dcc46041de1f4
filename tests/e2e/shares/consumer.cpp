// A program that wants the GPU without end: `consumer MIB DEPTH [PAUSE_US]`. It submits fills of a buffer of
// so many MiB, with up to DEPTH of them unfinished, and waits so long after each. Says "done N" after each
// hundred.
#include <unistd.h>
#include <vulkan/vulkan.h>

#include <cstdio>
#include <cstdlib>
#include <vector>

#include "tests/e2e/bad_days/gpu.hpp"

namespace viaduct::bad_days {
namespace {

int consume(VkDeviceSize mebibytes, std::size_t depth, useconds_t pause) {
  const Gpu gpu;
  const MappedBuffer target(gpu, mebibytes << 20);
  struct Slot {
    VkCommandBuffer commands = VK_NULL_HANDLE;
    VkFence fence = VK_NULL_HANDLE;
    bool used = false;
  };
  std::vector<Slot> slots(depth);
  for (Slot& slot : slots) {
    slot.commands = allocate_commands(gpu, gpu.pool);
    slot.fence = make_fence(gpu);
    begin(slot.commands);
    record_fill(slot.commands, target, 7);
    end(slot.commands);
  }
  for (unsigned long count = 0;; ++count) {
    Slot& slot = slots[count % depth];
    if (slot.used) {
      require(vkWaitForFences(gpu.device, 1, &slot.fence, VK_TRUE, UINT64_MAX), "vkWaitForFences");
      require(vkResetFences(gpu.device, 1, &slot.fence), "vkResetFences");
    }
    slot.used = true;
    require(submit(gpu, slot.commands, slot.fence), "vkQueueSubmit");
    if (count % 100 == 99) {
      std::printf("done %lu\n", count + 1);
      std::fflush(stdout);
    }
    if (pause != 0) ::usleep(pause);
  }
}

}  // namespace
}  // namespace viaduct::bad_days

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fprintf(stderr, "usage: consumer MIB DEPTH [PAUSE_US]\n");
    return 2;
  }
  return viaduct::bad_days::consume(std::strtoul(argv[1], nullptr, 10), std::strtoul(argv[2], nullptr, 10),
                                    argc > 3 ? static_cast<useconds_t>(std::atol(argv[3])) : 0);
}
