// `fake_driver_guest LIBRARY MODE [ARGUMENTS]`: drives a guest driver whose host runs on the recording fake
// driver.
//   walk SEED COUNT     calls every command COUNT times with random arguments; a line a command
//   directed            what chance cannot call, and what its results must be; a line a command
//   offered             a line for each command and extension that an application is given
//   inject              gives every result that the registry lists for a command; a line for each
//   deferred            a posted creation fails: the submission that uses the object tells
//   lose-device NAME    the driver's NAME gives VK_ERROR_DEVICE_LOST: so does everything after it
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "tests/fake-driver/guest.hpp"

namespace viaduct::fake {

VkResult submit_fill(const Guest& guest, VkBuffer buffer) {
  const VkCommandBufferBeginInfo begin{VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO};
  require(guest.get<PFN_vkBeginCommandBuffer>("vkBeginCommandBuffer")(guest.commands, &begin),
          "vkBeginCommandBuffer");
  guest.get<PFN_vkCmdFillBuffer>("vkCmdFillBuffer")(guest.commands, buffer, 0, 64, 1);
  require(guest.get<PFN_vkEndCommandBuffer>("vkEndCommandBuffer")(guest.commands), "vkEndCommandBuffer");
  VkSubmitInfo info{VK_STRUCTURE_TYPE_SUBMIT_INFO};
  info.commandBufferCount = 1;
  info.pCommandBuffers = &guest.commands;
  const VkResult submitted =
      guest.get<PFN_vkQueueSubmit>("vkQueueSubmit")(guest.queue, 1, &info, VK_NULL_HANDLE);
  return submitted != VK_SUCCESS ? submitted : guest.get<PFN_vkQueueWaitIdle>("vkQueueWaitIdle")(guest.queue);
}

namespace {

VkBuffer kept_buffer(const Guest& guest) {
  return protocol::handle_from_bits<VkBuffer>(guest.pool(protocol::ObjectType::kBuffer).front());
}

}  // namespace

int deferred(Guest& guest) {
  std::printf("before %d\n", submit_fill(guest, kept_buffer(guest)));
  guest.instruct("fail vkCreateBuffer 0 -2");
  VkBufferCreateInfo info{VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO};
  info.size = 4096;
  info.usage = VK_BUFFER_USAGE_TRANSFER_DST_BIT;
  VkBuffer buffer = VK_NULL_HANDLE;
  std::printf("create %d\n",
              guest.get<PFN_vkCreateBuffer>("vkCreateBuffer")(guest.device, &info, nullptr, &buffer));
  std::printf("use %d\n", submit_fill(guest, buffer));
  return 0;
}

int lose_device(Guest& guest, const std::string& command) {
  std::printf("before %d\n", submit_fill(guest, kept_buffer(guest)));
  guest.instruct("fail " + command + " 0 -4");
  VkResult result = VK_SUCCESS;
  for (int i = 0; i < 3 && result == VK_SUCCESS; ++i) result = submit_fill(guest, kept_buffer(guest));
  std::printf("lost %d\n", result);
  std::printf("again %d\n", guest.get<PFN_vkDeviceWaitIdle>("vkDeviceWaitIdle")(guest.device));
  VkFenceCreateInfo info{VK_STRUCTURE_TYPE_FENCE_CREATE_INFO};
  VkFence fence = VK_NULL_HANDLE;
  guest.get<PFN_vkCreateFence>("vkCreateFence")(guest.device, &info, nullptr, &fence);
  // A fence that nothing will ever signal.
  std::printf("wait %d\n", guest.get<PFN_vkWaitForFences>("vkWaitForFences")(guest.device, 1, &fence, VK_TRUE,
                                                                             20'000'000'000ull));
  const VkSubmitInfo empty{VK_STRUCTURE_TYPE_SUBMIT_INFO};
  std::printf("submit %d\n", guest.get<PFN_vkQueueSubmit>("vkQueueSubmit")(guest.queue, 1, &empty, fence));
  return 0;
}

namespace {

int run(int argc, char** argv) {
  const std::string mode = argc > 2 ? argv[2] : "";
  const char* library = argc > 1 ? argv[1] : "";
  if (mode == "inject") return inject(library);
  Guest guest(library);
  const auto number = [&](int place, uint64_t otherwise) {
    return argc > place ? std::strtoull(argv[place], nullptr, 10) : otherwise;
  };
  if (mode == "walk") return walk(guest, number(3, 1), number(4, 1));
  if (mode == "directed") return directed(guest);
  if (mode == "offered") return offered(guest);
  if (mode == "deferred") return deferred(guest);
  if (mode == "lose-device") return lose_device(guest, argc > 3 ? argv[3] : "vkQueueSubmit");
  std::fprintf(stderr, "fake_driver_guest: unknown mode '%s'\n", mode.c_str());
  return 2;
}

}  // namespace
}  // namespace viaduct::fake

int main(int argc, char** argv) {
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  return viaduct::fake::run(argc, argv);
}
