// What the two sides of different registries agree on, and how many bytes a host image copy moves.
#include <gtest/gtest.h>

#include <vector>

#include "generated/protocol/pnext.hpp"
#include "protocol/wire/peer_structs.hpp"
#include "protocol/wire/texel_copy.hpp"
#include "protocol/wire/writer.hpp"

namespace viaduct::protocol::testing {
namespace {

std::size_t chain_size(const void* chain) {
  SizeCounter counter(0);
  write_pnext(counter, chain, ChainOf::kDeviceCreateInfo);
  return counter.finish();
}

class PeerStructs : public ::testing::Test {
 protected:
  ~PeerStructs() override { learn_peer_structs({}); }
  std::vector<ChainStructInfo> all{std::begin(kChainStructs), std::end(kChainStructs)};
  VkPhysicalDeviceMultiviewFeatures second{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MULTIVIEW_FEATURES, nullptr,
                                           VK_TRUE, 0, 0};
  VkPhysicalDeviceTimelineSemaphoreFeatures first{
      VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_TIMELINE_SEMAPHORE_FEATURES, &second, VK_TRUE};
};

TEST_F(PeerStructs, OfTheSameBuildAllTravel) {
  const std::size_t size = chain_size(&first);
  learn_peer_structs(all);
  EXPECT_EQ(chain_size(&first), size);
  EXPECT_GT(size, chain_size(&second));
}

TEST_F(PeerStructs, WhatThePeerDoesNotKnowIsLeftOutOfAChainAndTheRestTravels) {
  std::erase_if(all, [](const ChainStructInfo& s) {
    return s.s_type == VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_TIMELINE_SEMAPHORE_FEATURES;
  });
  learn_peer_structs(all);
  EXPECT_EQ(peer_form(ChainStruct::VkPhysicalDeviceTimelineSemaphoreFeatures), PeerForm::kUnknown);
  EXPECT_EQ(chain_size(&first), chain_size(&second));
}

TEST_F(PeerStructs, OneOfAnotherFormIsLeftOutToo) {
  for (ChainStructInfo& s : all) {
    if (s.s_type == VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MULTIVIEW_FEATURES) s.form_hash ^= 1;
  }
  learn_peer_structs(all);
  EXPECT_EQ(peer_form(ChainStruct::VkPhysicalDeviceMultiviewFeatures), PeerForm::kOther);
  EXPECT_EQ(chain_size(&second), chain_size(nullptr));
}

TEST_F(PeerStructs, ARepliesChainIsReadWithoutWhatWasNotSent) {
  std::erase_if(all, [](const ChainStructInfo& s) {
    return s.s_type == VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_TIMELINE_SEMAPHORE_FEATURES;
  });
  std::vector<std::uint64_t> reply(16);
  Writer writer(reinterpret_cast<std::byte*>(reply.data()));
  write_out_pnext(writer, &second);  // a host answers what it was asked
  const std::size_t size = writer.finish();
  learn_peer_structs(all);
  second.multiview = VK_FALSE;
  first.timelineSemaphore = VK_FALSE;
  Reader reader({reinterpret_cast<const std::byte*>(reply.data()), size});
  fill_pnext(reader, &first, ChainOf::kPhysicalDeviceFeatures2);
  EXPECT_TRUE(reader.ok()) << reader.reason();
  EXPECT_EQ(second.multiview, VK_TRUE);
  EXPECT_EQ(first.timelineSemaphore, VK_FALSE);
}

TEST(TexelCopy, CountsBlocksNotTexels) {
  const auto bc1 = texel_block(VK_FORMAT_BC1_RGB_UNORM_BLOCK, VK_IMAGE_ASPECT_COLOR_BIT);
  ASSERT_TRUE(bc1);
  EXPECT_EQ(packed_bytes(*bc1, {5, 5, 1}, 3), 2u * 2 * 8 * 3);
  const auto rgba = texel_block(VK_FORMAT_R8G8B8A8_UNORM, VK_IMAGE_ASPECT_COLOR_BIT);
  ASSERT_TRUE(rgba);
  EXPECT_EQ(packed_bytes(*rgba, {3, 5, 7}, 1), 3u * 5 * 7 * 4);
}

TEST(TexelCopy, KnowsTheAspectsOfDepthAndOfPlanes) {
  EXPECT_EQ(texel_block(VK_FORMAT_D24_UNORM_S8_UINT, VK_IMAGE_ASPECT_DEPTH_BIT)->bytes, 4u);
  EXPECT_EQ(texel_block(VK_FORMAT_D24_UNORM_S8_UINT, VK_IMAGE_ASPECT_STENCIL_BIT)->bytes, 1u);
  EXPECT_EQ(texel_block(VK_FORMAT_G8_B8R8_2PLANE_420_UNORM, VK_IMAGE_ASPECT_PLANE_1_BIT)->bytes, 2u);
}

TEST(TexelCopy, RefusesWhatHasNoSize) {
  EXPECT_FALSE(texel_block(VK_FORMAT_UNDEFINED, VK_IMAGE_ASPECT_COLOR_BIT));
  EXPECT_FALSE(texel_block(VK_FORMAT_R8G8B8A8_UNORM, VK_IMAGE_ASPECT_DEPTH_BIT));
  EXPECT_FALSE(
      texel_block(VK_FORMAT_R8G8B8A8_UNORM, VK_IMAGE_ASPECT_COLOR_BIT | VK_IMAGE_ASPECT_PLANE_0_BIT));
  EXPECT_FALSE(packed_bytes({4, 1, 1}, {~0u, ~0u, ~0u}, ~0u));
}

}  // namespace
}  // namespace viaduct::protocol::testing
