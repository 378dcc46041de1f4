// One part of the guest's hot path, done COUNT times: test_counts.py counts the instructions of
// viaduct_counted().
//
// usage: hot_path_guest encode_draw|empty_submit|signalled_wait COUNT. The host holds still, so that no count
// depends on what it does meanwhile.
#include <cstdlib>
#include <memory>
#include <string_view>

#include "generated/guest/entrypoints.hpp"
#include "guest-icd/objects/command_buffer.hpp"
#include "guest-icd/objects/fence.hpp"
#include "tests/unit/guest/device_fixture.hpp"

namespace {

struct Guest {
  viaduct::test::DeviceFixture fixture;
  viaduct::guest::CommandPool pool;
  std::unique_ptr<viaduct::guest::CommandBuffer> commands = std::make_unique<viaduct::guest::CommandBuffer>(
      fixture.device, pool, VK_COMMAND_BUFFER_LEVEL_PRIMARY, 77);
  VkFence fence = VK_NULL_HANDLE;

  Guest() {
    const VkFenceCreateInfo info{VK_STRUCTURE_TYPE_FENCE_CREATE_INFO, nullptr, 0};
    viaduct::guest::entry::vkCreateFence(fixture.device.handle(), &info, nullptr, &fence);
    viaduct::guest::Fence::from(fence)->assign(fixture.queue(), 1);
    fixture.host.complete(fixture.queue().slot, 1);
  }
  ~Guest() {
    fixture.host.hold(false);
    commands->writer().finish();
    commands.reset();
    viaduct::guest::entry::vkDestroyFence(fixture.device.handle(), fence, nullptr);
    fixture.host.channel().retire_memory(pool.leftover.memory, pool.leftover.sequence);
  }
};

}  // namespace

extern "C" [[gnu::noinline, gnu::visibility("default")]] void viaduct_counted(Guest& guest,
                                                                              std::string_view part,
                                                                              int count) {
  namespace entry = viaduct::guest::entry;
  const VkCommandBuffer commands = guest.commands->handle();
  const VkDevice device = guest.fixture.device.handle();
  const VkQueue queue = guest.fixture.queue().handle();
  const VkSubmitInfo nothing{
      VK_STRUCTURE_TYPE_SUBMIT_INFO, nullptr, 0, nullptr, nullptr, 0, nullptr, 0, nullptr};
  if (part == "encode_draw")
    for (int i = 0; i < count; ++i) entry::vkCmdDraw(commands, 3, 1, 0, 0);
  if (part == "empty_submit")
    for (int i = 0; i < count; ++i)
      if (entry::vkQueueSubmit(queue, 1, &nothing, VK_NULL_HANDLE) != VK_SUCCESS) std::abort();
  if (part == "signalled_wait")
    for (int i = 0; i < count; ++i)
      if (entry::vkWaitForFences(device, 1, &guest.fence, VK_TRUE, UINT64_MAX) != VK_SUCCESS) std::abort();
}

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  Guest guest;
  guest.fixture.host.hold(true);
  viaduct_counted(guest, argv[1], std::atoi(argv[2]));
  return 0;
}
