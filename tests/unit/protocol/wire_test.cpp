// The handwritten cursors and tables below the generated codecs.
#include <gtest/gtest.h>

#include <string>

#include "generated/protocol/requests.hpp"
#include "generated/protocol/structs.hpp"
#include "tests/unit/protocol/codec_fixture.hpp"

namespace viaduct::protocol::testing {
namespace {

TEST(ObjectIds, CarryIndexTypeAndGeneration) {
  const ObjectId id = make_id(ObjectType::kBuffer, (std::uint64_t{7} << 32) | 0x123456);
  EXPECT_EQ(id_index(id), 0x123456u);
  EXPECT_EQ(id_type(id), ObjectType::kBuffer);
  EXPECT_EQ(id_generation(id), 7u);
  EXPECT_EQ(id_without_type(id), (std::uint64_t{7} << 32) | 0x123456);
}

TEST(ObjectIds, OfDispatchableHandlesAreReadFromTheObject) {
  DispatchableHeader header{nullptr, 42};
  EXPECT_EQ(id_of(reinterpret_cast<VkDevice>(&header)), 42u);
  EXPECT_EQ(id_of(VkDevice{}), 0u);
}

TEST(ReaderTest, FailsStickilyWithTheFirstOffset) {
  Bytes bytes(8);
  Reader reader(bytes.span());
  reader.u32();
  EXPECT_EQ(reader.u64(), 0u);
  EXPECT_FALSE(reader.ok());
  EXPECT_EQ(reader.error_offset(), 4u);
  reader.fail("another");
  EXPECT_STREQ(reader.reason(), "record ends early");
  EXPECT_EQ(reader.u32(), 0u) << "reads after a failure give zeros";
}

TEST(ReaderTest, RefusesCountsThatCannotFit) {
  Bytes bytes(16);
  store_u32(bytes.data(), 4);
  Reader fits(bytes.span());
  EXPECT_EQ(fits.count(3), 4u);
  EXPECT_TRUE(fits.ok());
  Reader huge(bytes.span());
  EXPECT_EQ(huge.count(4), 0u);
  EXPECT_FALSE(huge.ok());
}

TEST(WriterTest, PadsWithZerosSoThatEqualArgumentsGiveEqualBytes) {
  Bytes bytes(16);
  std::memset(bytes.data(), 0xff, 16);
  Writer writer(bytes.data());
  writer.bytes("abc", 3);
  EXPECT_EQ(writer.finish(), 8u);
  const unsigned char expected[8] = {'a', 'b', 'c', 0, 0, 0, 0, 0};
  EXPECT_EQ(std::memcmp(bytes.data(), expected, 8), 0);
}

class DecoderTest : public ::testing::Test {
 protected:
  Decoder decoder(std::span<const std::byte> bytes) { return Decoder(bytes, 0, arena_, tables_.tables()); }
  Arena arena_{1 << 16};
  TestTables tables_;
};

TEST_F(DecoderTest, TurnsNamesIntoDriverHandles) {
  Bytes bytes(8);
  const ObjectId id = test_id(ObjectType::kBuffer, 2);
  store_u64(bytes.data(), id);
  Decoder d = decoder(bytes.span());
  EXPECT_EQ(handle_bits(d.handle<VkBuffer>(ObjectType::kBuffer)), driver_of(id));
  EXPECT_TRUE(d.ok());
}

TEST_F(DecoderTest, CallsAFormerGenerationStaleAndAnotherTypeBad) {
  const ObjectId id = test_id(ObjectType::kBuffer, 2);
  Decoder stale = decoder({});
  EXPECT_EQ(stale.lookup(ObjectType::kBuffer, id - (std::uint64_t{1} << 32)), 0u);
  EXPECT_EQ(stale.status(), DecodeStatus::kStaleHandle);
  Decoder beyond = decoder({});
  beyond.lookup(ObjectType::kBuffer, test_id(ObjectType::kBuffer, kTestIndices));
  EXPECT_EQ(beyond.status(), DecodeStatus::kStaleHandle);
  Decoder bad = decoder({});
  bad.lookup(ObjectType::kImage, id);
  EXPECT_EQ(bad.status(), DecodeStatus::kBadData);
}

TEST_F(DecoderTest, LetsFailedObjectsBeDestroyed) {
  tables_.slot(ObjectType::kBuffer, 1) = {kTestGeneration, kSlotFailed, 0, nullptr};
  const ObjectId id = test_id(ObjectType::kBuffer, 1);
  Decoder d = decoder({});
  EXPECT_EQ(d.dying_handle<VkBuffer>(ObjectType::kBuffer, id), VkBuffer{});
  EXPECT_TRUE(d.ok());
  d.lookup(ObjectType::kBuffer, id);
  EXPECT_EQ(d.status(), DecodeStatus::kStaleHandle) << "but not used";
}

TEST_F(DecoderTest, KeepsBadDataOverAStaleHandle) {
  Decoder d = decoder({});
  d.lookup(ObjectType::kBuffer, make_id(ObjectType::kBuffer, std::uint64_t{9} << 32));
  d.u32();
  EXPECT_EQ(d.status(), DecodeStatus::kBadData);
}

TEST_F(DecoderTest, StopsAtTheArenasCap) {
  Decoder d = decoder({});
  EXPECT_NE(d.make<std::uint64_t>(16), nullptr);
  EXPECT_EQ(d.make<std::uint64_t>(1 << 20), nullptr);
  EXPECT_EQ(d.status(), DecodeStatus::kBadData);
}

// VUID-vkGetShaderBinaryDataEXT-None-08499, VUID-VkShaderCreateInfoEXT-pCode-08492.
TEST_F(DecoderTest, AlignsBytesOfWhichOnlyTheDriverKnowsWhatTheyAre) {
  const auto misaligned = [](const std::byte* p) { return reinterpret_cast<std::uintptr_t>(p) % 16; };
  alignas(16) std::byte record[48];
  for (std::size_t i = 0; i < sizeof(record); ++i) record[i] = static_cast<std::byte>(i);
  for (const std::size_t start : {0u, 8u}) {
    Decoder d = decoder(std::span(record).subspan(start));
    const std::byte* bytes = d.aligned_bytes(20);
    ASSERT_NE(bytes, nullptr);
    EXPECT_EQ(misaligned(bytes), 0u);
    EXPECT_EQ(std::memcmp(bytes, record + start, 20), 0);
  }
  Decoder d = decoder({});
  for (const std::size_t size : {3u, 5u, 24u}) EXPECT_EQ(misaligned(d.make<std::byte>(size)), 0u);
}

TEST_F(DecoderTest, ShowsTheDriverGeneralWhereTheApplicationSaysPresent) {
  EXPECT_EQ(Decoder::layout(VK_IMAGE_LAYOUT_PRESENT_SRC_KHR), VK_IMAGE_LAYOUT_GENERAL);
  EXPECT_EQ(Decoder::layout(VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL), VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL);
  VkAttachmentDescription sent{};
  sent.finalLayout = VK_IMAGE_LAYOUT_PRESENT_SRC_KHR;
  VkAttachmentDescription got = sent;
  patch_VkAttachmentDescription(got);
  EXPECT_EQ(got.finalLayout, VK_IMAGE_LAYOUT_GENERAL);
}

// The example at the end of PROTOCOL.md. A command's index is the guest's own choice: it follows from the
// registry that the guest was built from, and the handshake tells.
TEST(RequestBytes, AreThoseOfTheDocumentation) {
  DispatchableHeader device{nullptr, make_id(ObjectType::kDevice, std::uint64_t{1} << 32)};
  const auto buffer = handle_from_bits<VkBuffer>(make_id(ObjectType::kBuffer, (std::uint64_t{2} << 32) | 5));
  const unsigned char expected[] = {0x00, 0x00, 0x00, 0x03, 0x01, 0x00, 0x00, 0x00,
                                    0x05, 0x00, 0x00, 0x08, 0x02, 0x00, 0x00, 0x00};
  Bytes bytes = encode(
      [&](SizeCounter& s) {
        write_request_vkDestroyBuffer(s, reinterpret_cast<VkDevice>(&device), buffer, nullptr);
      },
      [&](Writer& s) {
        write_request_vkDestroyBuffer(s, reinterpret_cast<VkDevice>(&device), buffer, nullptr);
      });
  ASSERT_EQ(bytes.size(), sizeof(expected));
  EXPECT_EQ(std::memcmp(bytes.data(), expected, sizeof(expected)), 0);
}

TEST_F(DecoderTest, RefusesRecordedCommandsOutsideACommandBuffer) {
  Decoder d = decoder({});
  vkBeginCommandBuffer_args args;
  EXPECT_FALSE(decode_vkBeginCommandBuffer(d, args));
  EXPECT_STREQ(d.reason(), "command outside a command buffer");
}

TEST_F(DecoderTest, RefusesUnknownAndForbiddenChainStructs) {
  for (const VkStructureType type :
       {VK_STRUCTURE_TYPE_IMPORT_MEMORY_FD_INFO_KHR, VK_STRUCTURE_TYPE_DEBUG_UTILS_MESSENGER_CREATE_INFO_EXT,
        static_cast<VkStructureType>(123456)}) {
    Bytes bytes(16);
    store_u32(bytes.data(), type);
    Decoder d = decoder(bytes.span());
    EXPECT_EQ(read_pnext(d, ChainOf::kDeviceCreateInfo), nullptr);
    EXPECT_EQ(d.status(), DecodeStatus::kBadData) << type;
  }
}

TEST_F(DecoderTest, BoundsTheLengthOfAChain) {
  // {sType, VkBool32 synchronization2} over and over
  Bytes bytes(8 * 400);
  for (std::size_t i = 0; i < 400; ++i) {
    store_u32(bytes.data() + i * 8, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SYNCHRONIZATION_2_FEATURES);
  }
  Decoder d = decoder(bytes.span());
  EXPECT_EQ(read_pnext(d, ChainOf::kDeviceCreateInfo), nullptr);
  EXPECT_STREQ(d.reason(), "pNext chain is too long");
}

// The registry's structextends: a driver need not expect the struct where it does not belong.
TEST_F(DecoderTest, RefusesAStructInAChainWhereTheRegistryDoesNotAllowIt) {
  Bytes bytes(16);
  store_u32(bytes.data(), VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SYNCHRONIZATION_2_FEATURES);
  Decoder right = decoder(bytes.span());
  EXPECT_NE(read_pnext(right, ChainOf::kDeviceCreateInfo), nullptr);
  for (const ChainOf of : {ChainOf::kBufferCreateInfo, ChainOf::kNothing}) {
    Decoder d = decoder(bytes.span());
    EXPECT_EQ(read_pnext(d, of), nullptr);
    EXPECT_EQ(d.status(), DecodeStatus::kBadData);
    EXPECT_STREQ(d.reason(), "pNext struct does not extend the struct that it is chained to");
  }
  Decoder output = decoder(bytes.span());
  EXPECT_EQ(read_skel_pnext(output, ChainOf::kPhysicalDeviceProperties2), nullptr);
  EXPECT_EQ(output.status(), DecodeStatus::kBadData);
}

// An application's mistake must not end its session.
TEST_F(DecoderTest, SkipsStructsThatDoNotBelongIntoAChainWhenWritingAndWhenFilling) {
  VkPhysicalDeviceSynchronization2Features misplaced{};
  misplaced.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SYNCHRONIZATION_2_FEATURES;
  misplaced.synchronization2 = 77;
  VkBufferCreateInfo info{};
  info.sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO;
  info.pNext = &misplaced;
  Bytes bytes = encode([&](SizeCounter& s) { write_VkBufferCreateInfo(s, info); },
                       [&](Writer& s) { write_VkBufferCreateInfo(s, info); });
  Decoder d = decoder(bytes.span());
  VkBufferCreateInfo read{};
  read_VkBufferCreateInfo(d, read);
  EXPECT_TRUE(d.ok());
  EXPECT_EQ(read.pNext, nullptr);

  VkPhysicalDeviceProperties2 properties{};
  properties.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2;
  properties.pNext = &misplaced;
  Bytes reply(sizeof(VkPhysicalDeviceProperties) + 64);  // an empty chain, and zeros
  Reader r(reply.span());
  fill_VkPhysicalDeviceProperties2(r, properties);
  EXPECT_TRUE(r.ok());
  EXPECT_EQ(misplaced.synchronization2, 77u);
}

// What a lost session's queries rely on.
TEST_F(DecoderTest, AFailedReaderZeroesAnOutputAndItsChainAndLeavesTheirHeaders) {
  VkPhysicalDeviceVulkan12Properties chained;
  std::memset(&chained, 0x5a, sizeof(chained));
  chained.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_PROPERTIES;
  chained.pNext = nullptr;
  VkPhysicalDeviceProperties2 properties;
  std::memset(&properties, 0x5a, sizeof(properties));
  properties.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2;
  properties.pNext = &chained;
  Reader none({});
  none.fail("no reply");
  EXPECT_FALSE(read_reply_vkGetPhysicalDeviceProperties2(none, VkPhysicalDevice{}, &properties));
  EXPECT_EQ(properties.pNext, &chained);
  EXPECT_EQ(properties.properties.apiVersion, 0u);
  EXPECT_STREQ(properties.properties.deviceName, "");
  EXPECT_EQ(properties.properties.limits.nonCoherentAtomSize, 0u);
  EXPECT_EQ(chained.sType, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_PROPERTIES);
  EXPECT_EQ(chained.maxTimelineSemaphoreValueDifference, 0u);
  EXPECT_EQ(chained.framebufferIntegerColorSampleCounts, 0u);
}

TEST_F(DecoderTest, SkipsChainStructsThatThePolicyDropsWhenWriting) {
  VkDebugUtilsMessengerCreateInfoEXT dropped{};
  dropped.sType = VK_STRUCTURE_TYPE_DEBUG_UTILS_MESSENGER_CREATE_INFO_EXT;
  VkPhysicalDeviceSynchronization2Features kept{};
  kept.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SYNCHRONIZATION_2_FEATURES;
  kept.synchronization2 = VK_TRUE;
  dropped.pNext = &kept;
  Bytes bytes = encode([&](SizeCounter& s) { write_pnext(s, &dropped, ChainOf::kDeviceCreateInfo); },
                       [&](Writer& s) { write_pnext(s, &dropped, ChainOf::kDeviceCreateInfo); });
  Decoder d = decoder(bytes.span());
  auto* chain = static_cast<VkBaseOutStructure*>(read_pnext(d, ChainOf::kDeviceCreateInfo));
  ASSERT_NE(chain, nullptr);
  EXPECT_EQ(chain->sType, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SYNCHRONIZATION_2_FEATURES);
  EXPECT_EQ(chain->pNext, nullptr);
}

}  // namespace
}  // namespace viaduct::protocol::testing
