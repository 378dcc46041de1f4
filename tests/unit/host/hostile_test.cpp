// What a lying guest can send: the session ends with a reason, a command and an offset, and nothing else
// happens.
#include "tests/unit/host/guest_end.hpp"

#include <gtest/gtest.h>

#include <random>

namespace viaduct::host::testing {
namespace {

std::vector<std::byte> words(std::initializer_list<std::uint32_t> values) {
  std::vector<std::byte> bytes(values.size() * 4);
  std::memcpy(bytes.data(), std::data(values), bytes.size());
  return bytes;
}

std::uint32_t number(Command command) { return static_cast<std::uint32_t>(command); }

// Sends it to a session with a device; gives the cause of its end.
std::string cause_of(const std::vector<std::byte>& bytes, bool in_command_buffer = false) {
  GuestEnd guest;
  guest.make_device();
  guest.send_raw(bytes, in_command_buffer ? guest.command_buffer_id() : 0);
  guest.settle();
  EXPECT_TRUE(guest.ended());
  EXPECT_EQ(guest.finish().end, SessionEnd::kBadData);
  return guest.finish().cause;
}

TEST(HostileGuest, RecordSizesThatMakeNoSenseEndTheSession) {
  const std::uint32_t command = number(Command::vkDestroyInstance);
  EXPECT_NE(cause_of(words({command, 0})).find("size makes no sense"), std::string::npos);
  EXPECT_NE(cause_of(words({command, 12, 0, 0})).find("size makes no sense"), std::string::npos);
  EXPECT_NE(cause_of(words({command, 0xfffffff8u})).find("size makes no sense"), std::string::npos);
  EXPECT_NE(cause_of(words({command, 8})).find("vkDestroyInstance"), std::string::npos)
      << "the command is named";
}

TEST(HostileGuest, CommandsThatDoNotExistEndTheSession) {
  EXPECT_NE(cause_of(words({0x7fffffffu, 8})).find("not known"), std::string::npos);
  EXPECT_NE(cause_of(words({protocol::kCommandCount, 8})).find("not known"), std::string::npos);
  EXPECT_NE(cause_of(words({number(Command::vkMapMemory), 8})).find("not known"), std::string::npos);
}

TEST(HostileGuest, RecordedCommandsBelongIntoCommandBuffersAndOthersDoNot) {
  EXPECT_NE(cause_of(words({number(Command::vkCmdDraw), 24, 3, 1, 0, 0})).find("outside a command buffer"),
            std::string::npos);
  EXPECT_NE(cause_of(words({number(Command::viaductPresent), 16, 0, 0}), true).find("cannot be recorded"),
            std::string::npos);
}

TEST(HostileGuest, ReplySlotsOutOfRangeEndTheSession) {
  const std::uint32_t call = number(Command::vkEnumerateInstanceVersion) | protocol::kReplyWanted;
  EXPECT_NE(cause_of(words({call, 16, 64, 0})).find("reply slot"), std::string::npos);
  EXPECT_NE(cause_of(words({call, 8})).find("header is cut off"), std::string::npos);
}

TEST(HostileGuest, AnHandleOfAnotherTypeEndsTheSession) {
  const ObjectId wrong = GuestEnd::id(ObjectType::kBuffer, 3);
  EXPECT_NE(cause_of(words({number(Command::viaductPresent), 16, static_cast<std::uint32_t>(wrong),
                            static_cast<std::uint32_t>(wrong >> 32)}))
                .find("another type"),
            std::string::npos);
}

TEST(HostileGuest, ArraysThatMayBeNullAreNotFollowed) {
  GuestEnd guest;
  guest.make_device();
  Records r;
  r.add(VIADUCT_TEST_CALL(vkFreeCommandBuffers, guest.device(),
                          GuestEnd::handle<VkCommandPool>(ObjectType::kCommandPool), 3, nullptr));
  guest.send(r);
  guest.settle();
  EXPECT_FALSE(guest.ended());
}

TEST(HostileGuest, QueryResultsThatWouldRunPastTheirMemoryAreRefused) {
  GuestEnd guest;
  guest.make_device();
  Records r;
  VkQueryPoolCreateInfo info{};
  info.sType = VK_STRUCTURE_TYPE_QUERY_POOL_CREATE_INFO;
  info.queryType = VK_QUERY_TYPE_OCCLUSION;
  info.queryCount = 64;
  auto pool = GuestEnd::handle<VkQueryPool>(ObjectType::kQueryPool);
  std::uint64_t data[2] = {};
  r.add(VIADUCT_TEST_CALL(vkCreateQueryPool, guest.device(), &info, nullptr, &pool));
  for (const VkDeviceSize stride : {VkDeviceSize{8}, VkDeviceSize{1} << 60}) {
    r.add(VIADUCT_TEST_CALL(vkGetQueryPoolResults, guest.device(), pool, 0, 64, sizeof(data), data, stride,
                            VK_QUERY_RESULT_64_BIT));
  }
  // Fits by its stride, and the driver writes 33 values all the same.
  r.add(VIADUCT_TEST_CALL(vkGetQueryPoolResults, guest.device(), pool, 0, 2, sizeof(data), data, 8,
                          VK_QUERY_RESULT_64_BIT));
  guest.send(r);
  guest.settle();
  EXPECT_FALSE(guest.ended());
}

TEST(HostileGuest, CompletionValuesThatDoNotRiseEndTheSession) {
  GuestEnd guest;
  guest.make_device();
  guest.submit(5);
  guest.submit(5);
  guest.settle();
  EXPECT_TRUE(guest.ended());
  EXPECT_NE(guest.finish().cause.find("must rise"), std::string::npos);
}

TEST(HostileGuest, CompletionSlotsOutOfRangeEndTheSession) {
  GuestEnd guest;
  guest.make_device();
  VkQueue queue = guest.queue();
  Records r;
  r.add(VIADUCT_TEST_CALL(viaductGetDeviceQueue, guest.device(), 0, 0, 0, 256, 0, &queue));
  guest.send(r);
  guest.settle();
  EXPECT_TRUE(guest.ended());
}

TEST(HostileGuest, ArenaMemoryOutsideTheArenaEndsTheSession) {
  for (const auto& [offset, size] : std::initializer_list<std::pair<std::uint64_t, std::uint64_t>>{
           {0, 4096},
           {GuestEnd::kLayout.region_size, 4096},
           {~std::uint64_t{0} << 12, 8192},
           {GuestEnd::kLayout.arena_offset() + 8, 4096},
           {GuestEnd::kLayout.arena_offset(), 0}}) {
    GuestEnd guest;
    guest.make_device();
    VkMemoryAllocateInfo info{};
    info.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO;
    info.allocationSize = 16;
    info.memoryTypeIndex = 1;
    auto memory = GuestEnd::handle<VkDeviceMemory>(ObjectType::kDeviceMemory);
    Records r;
    r.add(VIADUCT_TEST_CALL(viaductAllocateArenaMemory, guest.device(), &info, offset, size, &memory));
    guest.send(r);
    guest.settle();
    EXPECT_TRUE(guest.ended()) << offset << " " << size;
  }
}

TEST(HostileGuest, ADestroyedDevicesChildrenAreGoneWithIt) {
  GuestEnd guest;
  guest.make_device();
  Records r;
  r.add(VIADUCT_TEST_CALL(vkDestroyDevice, guest.device(), nullptr));
  r.add(VIADUCT_TEST_CALL(vkDestroyDevice, guest.device(), nullptr));
  guest.send(r);
  guest.submit(1);
  VkCommandBufferBeginInfo begin{};
  begin.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO;
  Records recorded;
  recorded.add(VIADUCT_TEST_CALL(vkBeginCommandBuffer, &begin));
  guest.send(recorded, guest.command_buffer_id());
  guest.settle();
  EXPECT_FALSE(guest.ended()) << "stale names are skipped";
}

// Bodies of noise for every command, in sessions with a device: each is skipped, executed or ends the
// session.
TEST(HostileGuest, NoiseInEveryCommandNeverDoesMoreThanEndTheSession) {
  std::minstd_rand random(7);
  auto guest = std::make_unique<GuestEnd>();
  guest->make_device();
  const ObjectId names[] = {0,
                            GuestEnd::id(ObjectType::kDevice),
                            GuestEnd::id(ObjectType::kQueue),
                            GuestEnd::id(ObjectType::kInstance),
                            GuestEnd::id(ObjectType::kPhysicalDevice),
                            GuestEnd::id(ObjectType::kCommandPool),
                            GuestEnd::id(ObjectType::kCommandBuffer)};
  int ended = 0;
  for (std::uint32_t round = 0; round < 2 * protocol::kCommandCount; ++round) {
    const std::uint32_t command = round % protocol::kCommandCount;
    const bool recorded = (protocol::kCommandInfo[command].flags & protocol::kCommandRecorded) != 0;
    std::vector<std::uint32_t> body(2 + 2 * (random() % 40));
    for (std::uint32_t& word : body)
      word = random() % 4 == 0 ? static_cast<std::uint32_t>(random()) : random() % 3;
    const ObjectId first = names[random() % std::size(names)];
    body[0] = command;
    body[1] = static_cast<std::uint32_t>(body.size() * 4);
    if (body.size() >= 4) std::memcpy(&body[2], &first, 8);
    std::vector<std::byte> bytes(body.size() * 4);
    std::memcpy(bytes.data(), body.data(), bytes.size());
    guest->send_raw(bytes, recorded ? guest->command_buffer_id() : 0);
    guest->settle();
    if (guest->ended()) {
      ++ended;
      guest = std::make_unique<GuestEnd>();
      guest->make_device();
    }
  }
  EXPECT_GT(ended, 100);
}

TEST(HostileGuest, NamingOneObjectOverAndOverKeepsMemoryBounded) {
  GuestEnd guest;
  guest.make_device();
  VkCommandPoolCreateInfo info{};
  info.sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO;
  auto beyond =
      GuestEnd::handle<VkCommandPool>(ObjectType::kCommandPool, 5000);  // the session's limit is 4096
  Records r;
  r.add(VIADUCT_TEST_CALL(vkCreateCommandPool, guest.device(), &info, nullptr, &beyond), 0);
  guest.send(r);
  const std::vector<std::byte> reply = guest.reply(0);
  std::int32_t result = 0;
  ASSERT_GE(reply.size(), sizeof(result));
  std::memcpy(&result, reply.data(), sizeof(result));
  EXPECT_EQ(result, VK_ERROR_OUT_OF_HOST_MEMORY);
  EXPECT_EQ(
      guest.session().objects().find(ObjectType::kCommandPool, GuestEnd::id(ObjectType::kCommandPool, 5000)),
      nullptr);
}

}  // namespace
}  // namespace viaduct::host::testing
