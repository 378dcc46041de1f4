// Draws decoded by the worker: test_counts.py counts the instructions of Executor::execute().
//
// usage: hot_path_host decode_draw COUNT
#include <cstdlib>

#include "tests/unit/host/guest_end.hpp"

namespace {

void decode_draws(int count) {
  using namespace viaduct::host::testing;
  GuestEnd guest;
  guest.make_device();
  guest.settle();
  VkCommandBufferBeginInfo begin{};
  begin.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO;
  Records records;
  records.add(VIADUCT_TEST_CALL(vkBeginCommandBuffer, &begin));
  for (int i = 0; i < count; ++i) records.add(VIADUCT_TEST_CALL(vkCmdDraw, 3, 1, 0, 0));
  records.add(Command::vkEndCommandBuffer, [](auto&) {});
  guest.send(records, guest.command_buffer_id());
  guest.settle();
  if (FakeVulkan::get().draws != static_cast<std::uint64_t>(count)) std::abort();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  decode_draws(std::atoi(argv[2]));
  return 0;
}
