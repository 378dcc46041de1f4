// VK_EXT_surface_maintenance1 and VK_EXT_swapchain_maintenance1 on a headless surface and a native driver;
// scaling, which needs a window whose size is its own, is tested in xcb_test.cpp.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <thread>

#include "base/clock.hpp"
#include "guest-icd/wsi/extensions.hpp"
#include "guest-icd/wsi/headless_surface.hpp"
#include "guest-icd/wsi/swapchain.hpp"
#include "tests/unit/wsi/native_device.hpp"

namespace viaduct::guest::wsi::test {
namespace {

constexpr VkExtent2D kExtent{64, 48};
constexpr std::uint64_t kSecond = 1'000'000'000;

class MaintenanceTest : public ::testing::Test {
 protected:
  void SetUp() override {
    device_ = NativeDevice::open();
    if (device_ == nullptr) GTEST_SKIP() << "no lavapipe";
  }
  static VkResult draw(Frames& frames, VkPresentModeKHR mode) {
    const VkSwapchainPresentModeInfoEXT modes{VK_STRUCTURE_TYPE_SWAPCHAIN_PRESENT_MODE_INFO_EXT, nullptr, 1,
                                              &mode};
    return frames.draw(argb(1, 2, 3), &modes);
  }
  bool shows(std::uint64_t frames) {
    for (int i = 0; i < 500 && surface_.frames_shown() < frames; ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return surface_.frames_shown() == frames;
  }

  std::unique_ptr<NativeDevice> device_;
  HeadlessSurface surface_;
};

TEST_F(MaintenanceTest, APresentFenceIsSignalledAndMayBeUsedAgain) {
  Frames frames(*device_, surface_, kExtent);
  const VkFence fence = device_->make_fence();
  const VkSwapchainPresentFenceInfoEXT fences{VK_STRUCTURE_TYPE_SWAPCHAIN_PRESENT_FENCE_INFO_EXT, nullptr, 1,
                                              &fence};
  for (int i = 0; i < 5; ++i) {
    ASSERT_EQ(frames.draw(argb(1, 2, 3), &fences), VK_SUCCESS);
    ASSERT_TRUE(device_->wait(fence, 5 * kSecond));
    ASSERT_EQ(vkResetFences(device_->handle(), 1, &fence), VK_SUCCESS);
  }
  const VkFence none = VK_NULL_HANDLE;
  const VkSwapchainPresentFenceInfoEXT nothing{VK_STRUCTURE_TYPE_SWAPCHAIN_PRESENT_FENCE_INFO_EXT, nullptr, 1,
                                               &none};
  EXPECT_EQ(frames.draw(argb(1, 2, 3), &nothing), VK_SUCCESS);
}

TEST_F(MaintenanceTest, EverySwapchainOfAPresentHasItsFence) {
  HeadlessSurface second;
  Frames a(*device_, surface_, kExtent);
  Frames b(*device_, second, kExtent);
  std::uint32_t indices[2];
  ASSERT_EQ(a.swapchain().acquire(0, VK_NULL_HANDLE, VK_NULL_HANDLE, indices[0]), VK_SUCCESS);
  ASSERT_EQ(b.swapchain().acquire(0, VK_NULL_HANDLE, VK_NULL_HANDLE, indices[1]), VK_SUCCESS);
  const VkSwapchainKHR handles[2] = {a.swapchain().handle(), b.swapchain().handle()};
  const VkFence made[2] = {device_->make_fence(), device_->make_fence()};
  const VkSwapchainPresentFenceInfoEXT fences{VK_STRUCTURE_TYPE_SWAPCHAIN_PRESENT_FENCE_INFO_EXT, nullptr, 2,
                                              made};
  const VkPresentInfoKHR info{
      VK_STRUCTURE_TYPE_PRESENT_INFO_KHR, &fences, 0, nullptr, 2, handles, indices, nullptr};
  EXPECT_EQ(present(device_->queue(), info), VK_SUCCESS);
  EXPECT_TRUE(device_->wait(made[0], 5 * kSecond));
  EXPECT_TRUE(device_->wait(made[1], 5 * kSecond));
}

TEST_F(MaintenanceTest, ARefusedPresentSignalsItsFenceToo) {
  Frames frames(*device_, surface_, kExtent);
  const VkSwapchainKHR handle = frames.swapchain().handle();
  const std::uint32_t no_image = 99;
  const VkFence fence = device_->make_fence();
  const VkSwapchainPresentFenceInfoEXT fences{VK_STRUCTURE_TYPE_SWAPCHAIN_PRESENT_FENCE_INFO_EXT, nullptr, 1,
                                              &fence};
  const VkPresentInfoKHR info{
      VK_STRUCTURE_TYPE_PRESENT_INFO_KHR, &fences, 0, nullptr, 1, &handle, &no_image, nullptr};
  EXPECT_EQ(present(device_->queue(), info), VK_ERROR_OUT_OF_DATE_KHR);
  EXPECT_TRUE(device_->wait(fence, 5 * kSecond));
}

TEST_F(MaintenanceTest, TheModeIsTheFramesAndStaysUntilAnotherIsNamed) {
  Frames frames(*device_, surface_, kExtent, {.mode = VK_PRESENT_MODE_MAILBOX_KHR, .images = 4});
  ASSERT_EQ(draw(frames, VK_PRESENT_MODE_FIFO_KHR), VK_SUCCESS);
  for (int i = 0; i < 9; ++i) ASSERT_EQ(frames.draw(argb(1, 2, 3)), VK_SUCCESS);
  EXPECT_TRUE(shows(10)) << surface_.frames_shown();  // FIFO shows every frame
}

TEST_F(MaintenanceTest, QueuedFifoFramesAreShownBeforeAnImmediateOne) {
  Frames frames(*device_, surface_, kExtent, {.images = 5});
  for (int i = 0; i < 4; ++i) ASSERT_EQ(draw(frames, VK_PRESENT_MODE_FIFO_KHR), VK_SUCCESS);
  ASSERT_EQ(draw(frames, VK_PRESENT_MODE_IMMEDIATE_KHR), VK_SUCCESS);
  EXPECT_TRUE(shows(5)) << surface_.frames_shown();
}

TEST_F(MaintenanceTest, AfterASwitchToImmediateNoFrameWaitsForABeat) {
  Frames frames(*device_, surface_, kExtent);
  for (int i = 0; i < 5; ++i) ASSERT_EQ(frames.draw(0), VK_SUCCESS);
  const std::uint64_t start = now_ns();
  for (int i = 0; i < 60; ++i) ASSERT_EQ(draw(frames, VK_PRESENT_MODE_IMMEDIATE_KHR), VK_SUCCESS);
  EXPECT_LT(now_ns() - start, kSecond * 9 / 10);
}

TEST_F(MaintenanceTest, ReleasedImagesAreFreeWithoutHavingBeenShown) {
  Frames frames(*device_, surface_, kExtent, {.images = 2});
  std::uint32_t indices[2];
  for (std::uint32_t& index : indices) {
    ASSERT_EQ(frames.swapchain().acquire(0, VK_NULL_HANDLE, VK_NULL_HANDLE, index), VK_SUCCESS);
  }
  std::uint32_t index = 0;
  ASSERT_EQ(frames.swapchain().acquire(0, VK_NULL_HANDLE, VK_NULL_HANDLE, index), VK_NOT_READY);
  for (const std::uint32_t each : indices) frames.swapchain().release(each);
  std::set<std::uint32_t> again;
  for (int i = 0; i < 2; ++i) {
    ASSERT_EQ(frames.swapchain().acquire(0, VK_NULL_HANDLE, VK_NULL_HANDLE, index), VK_SUCCESS);
    again.insert(index);
  }
  EXPECT_EQ(again.size(), 2u);
  EXPECT_EQ(surface_.frames_shown(), 0u);
}

TEST_F(MaintenanceTest, SeveralModesAndDeferredMemoryAreTakenAtCreation) {
  const auto modes = present_modes();
  const VkSwapchainPresentModesCreateInfoEXT all{VK_STRUCTURE_TYPE_SWAPCHAIN_PRESENT_MODES_CREATE_INFO_EXT,
                                                 nullptr, static_cast<std::uint32_t>(modes.size()),
                                                 modes.data()};
  VkSwapchainCreateInfoKHR info = create_info(surface_, kExtent, {.chain = &all});
  info.flags = VK_SWAPCHAIN_CREATE_DEFERRED_MEMORY_ALLOCATION_BIT_EXT;
  std::unique_ptr<Swapchain> made;
  EXPECT_EQ(Swapchain::create(device_->swapchain_device(), info, made), VK_SUCCESS);
}

class SurfaceQueries : public ::testing::Test {
 protected:
  VkResult query(VkSurfaceKHR surface, const void* asked, void* answered) {
    const VkPhysicalDeviceSurfaceInfo2KHR info{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SURFACE_INFO_2_KHR, asked,
                                               surface};
    VkSurfaceCapabilities2KHR out{VK_STRUCTURE_TYPE_SURFACE_CAPABILITIES_2_KHR, answered, {}};
    const VkResult result = surface_capabilities2({.max_image_dimension = 4096, .formats = {}}, info, out);
    capabilities_ = out.surfaceCapabilities;
    return result;
  }

  HeadlessSurface surface_;
  VkSurfaceCapabilitiesKHR capabilities_{};
};

TEST_F(SurfaceQueries, EveryModeIsCompatibleWithEveryMode) {
  for (const VkPresentModeKHR mode : present_modes()) {
    const VkSurfacePresentModeEXT asked{VK_STRUCTURE_TYPE_SURFACE_PRESENT_MODE_EXT, nullptr, mode};
    VkSurfacePresentModeCompatibilityEXT answer{VK_STRUCTURE_TYPE_SURFACE_PRESENT_MODE_COMPATIBILITY_EXT,
                                                nullptr, 0, nullptr};
    ASSERT_EQ(query(surface_.handle(), &asked, &answer), VK_SUCCESS);
    EXPECT_EQ(answer.presentModeCount, present_modes().size());
    std::vector<VkPresentModeKHR> modes(answer.presentModeCount);
    answer.pPresentModes = modes.data();
    ASSERT_EQ(query(surface_.handle(), &asked, &answer), VK_SUCCESS);
    EXPECT_TRUE(std::is_permutation(modes.begin(), modes.end(), present_modes().begin()));
    // Whatever has no room, the mode that was asked about is there.
    answer.presentModeCount = 1;
    modes[1] = VK_PRESENT_MODE_MAX_ENUM_KHR;
    ASSERT_EQ(query(surface_.handle(), &asked, &answer), VK_SUCCESS);
    EXPECT_EQ(answer.presentModeCount, 1u);
    EXPECT_EQ(modes[0], mode);
    EXPECT_EQ(modes[1], VK_PRESENT_MODE_MAX_ENUM_KHR);
    answer.presentModeCount = 0;
    ASSERT_EQ(query(surface_.handle(), &asked, &answer), VK_SUCCESS);
    EXPECT_EQ(answer.presentModeCount, 0u);
  }
}

TEST_F(SurfaceQueries, ScalingIsOneToOneForExtentsThatContainTheOthers) {
  VkSurfaceProtectedCapabilitiesKHR is_protected{VK_STRUCTURE_TYPE_SURFACE_PROTECTED_CAPABILITIES_KHR,
                                                 nullptr, VK_TRUE};
  VkSurfacePresentScalingCapabilitiesEXT scaling{};
  scaling.sType = VK_STRUCTURE_TYPE_SURFACE_PRESENT_SCALING_CAPABILITIES_EXT;
  scaling.pNext = &is_protected;
  ASSERT_EQ(query(surface_.handle(), nullptr, &scaling), VK_SUCCESS);
  EXPECT_EQ(scaling.supportedPresentScaling, VkFlags{VK_PRESENT_SCALING_ONE_TO_ONE_BIT_EXT});
  EXPECT_NE(scaling.supportedPresentGravityX, 0u);
  EXPECT_NE(scaling.supportedPresentGravityY, 0u);
  EXPECT_LE(scaling.minScaledImageExtent.width, capabilities_.minImageExtent.width);
  EXPECT_LE(scaling.minScaledImageExtent.height, capabilities_.minImageExtent.height);
  EXPECT_GE(scaling.maxScaledImageExtent.width, capabilities_.maxImageExtent.width);
  EXPECT_GE(scaling.maxScaledImageExtent.height, capabilities_.maxImageExtent.height);
  EXPECT_EQ(is_protected.supportsProtected, VK_FALSE);
}

TEST(WindowSystemFeatures, AreAnsweredWhateverStandsBetweenThem) {
  VkPhysicalDevicePresentWaitFeaturesKHR wait{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PRESENT_WAIT_FEATURES_KHR,
                                              nullptr, VK_FALSE};
  VkPhysicalDevice16BitStorageFeatures other{};
  other.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_16BIT_STORAGE_FEATURES;
  other.pNext = &wait;
  VkPhysicalDevicePresentIdFeaturesKHR id{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PRESENT_ID_FEATURES_KHR, &other,
                                          VK_FALSE};
  VkPhysicalDeviceSwapchainMaintenance1FeaturesEXT maintenance{
      VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SWAPCHAIN_MAINTENANCE_1_FEATURES_EXT, &id, VK_FALSE};
  answer_features(&maintenance);
  EXPECT_EQ(maintenance.swapchainMaintenance1, VK_TRUE);
  EXPECT_EQ(id.presentId, VK_TRUE);
  EXPECT_EQ(wait.presentWait, VK_TRUE);
  EXPECT_EQ(other.storageBuffer16BitAccess, VK_FALSE);
}

}  // namespace
}  // namespace viaduct::guest::wsi::test
