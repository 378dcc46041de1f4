// VK_KHR_present_id and VK_KHR_present_wait on a headless surface and a native driver.
#include <gtest/gtest.h>

#include <thread>

#include "base/clock.hpp"
#include "guest-icd/wsi/headless_surface.hpp"
#include "guest-icd/wsi/swapchain.hpp"
#include "tests/unit/wsi/native_device.hpp"

namespace viaduct::guest::wsi::test {
namespace {

constexpr VkExtent2D kExtent{64, 48};
constexpr std::uint64_t kSecond = 1'000'000'000;

class PresentIdsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    device_ = NativeDevice::open();
    if (device_ == nullptr) GTEST_SKIP() << "no lavapipe";
  }
  static VkResult draw(Frames& frames, std::uint64_t id) {
    const VkPresentIdKHR ids{VK_STRUCTURE_TYPE_PRESENT_ID_KHR, nullptr, 1, &id};
    return frames.draw(argb(1, 2, 3), &ids);
  }

  std::unique_ptr<NativeDevice> device_;
  HeadlessSurface surface_;
};

TEST_F(PresentIdsTest, AWaitEndsWhenItsFrameWasShown) {
  Frames frames(*device_, surface_, kExtent);
  for (std::uint64_t id = 1; id <= 6; ++id) {
    ASSERT_EQ(draw(frames, 10 * id), VK_SUCCESS);
    ASSERT_EQ(frames.swapchain().wait_for_present(10 * id, 5 * kSecond), VK_SUCCESS);
    EXPECT_EQ(surface_.frames_shown(), id);
    // Smaller ids, whether they were given or not, count as shown.
    EXPECT_EQ(frames.swapchain().wait_for_present(10 * id - 5, 0), VK_SUCCESS);
  }
}

TEST_F(PresentIdsTest, AnIdThatWasNotPresentedTimesOut) {
  Frames frames(*device_, surface_, kExtent);
  EXPECT_EQ(frames.swapchain().wait_for_present(1, 0), VK_TIMEOUT);
  ASSERT_EQ(draw(frames, 1), VK_SUCCESS);
  ASSERT_EQ(frames.draw(0), VK_SUCCESS);  // without an id
  const std::uint64_t start = now_ns();
  EXPECT_EQ(frames.swapchain().wait_for_present(2, kSecond / 5), VK_TIMEOUT);
  EXPECT_GE(now_ns() - start, kSecond / 5);
  EXPECT_EQ(frames.swapchain().wait_for_present(1, 0), VK_SUCCESS);
}

TEST_F(PresentIdsTest, AWaitMayBeginBeforeThePresent) {
  Frames frames(*device_, surface_, kExtent);
  VkResult waited = VK_ERROR_UNKNOWN;
  std::thread waiter([&] { waited = frames.swapchain().wait_for_present(7, UINT64_MAX); });
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  ASSERT_EQ(draw(frames, 7), VK_SUCCESS);
  waiter.join();
  EXPECT_EQ(waited, VK_SUCCESS);
  EXPECT_EQ(surface_.frames_shown(), 1u);
}

TEST_F(PresentIdsTest, AFrameThatWasReplacedCountsAsShownWithItsReplacement) {
  Frames frames(*device_, surface_, kExtent, {.mode = VK_PRESENT_MODE_MAILBOX_KHR, .images = 4});
  constexpr std::uint64_t kFrames = 50;
  for (std::uint64_t id = 1; id < kFrames; ++id) ASSERT_EQ(draw(frames, id), VK_SUCCESS);
  ASSERT_EQ(draw(frames, 0), VK_SUCCESS);  // the replacement may have no id itself
  for (std::uint64_t id = 1; id < kFrames; ++id) {
    ASSERT_EQ(frames.swapchain().wait_for_present(id, 5 * kSecond), VK_SUCCESS) << id;
  }
}

TEST_F(PresentIdsTest, ALostDeviceEndsAWait) {
  Frames frames(*device_, surface_, kExtent);
  std::thread killer([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    device_->lose();
  });
  EXPECT_EQ(frames.swapchain().wait_for_present(1, UINT64_MAX), VK_ERROR_DEVICE_LOST);
  killer.join();
}

TEST_F(PresentIdsTest, ARetiredSwapchainShowsWhatIsOnItsWayAndWaitsForNothingElse) {
  Frames old_frames(*device_, surface_, kExtent);
  ASSERT_EQ(draw(old_frames, 1), VK_SUCCESS);
  ASSERT_EQ(draw(old_frames, 2), VK_SUCCESS);
  Frames frames(*device_, surface_, kExtent, {.old = old_frames.swapchain().handle()});
  EXPECT_EQ(old_frames.swapchain().wait_for_present(2, UINT64_MAX), VK_SUCCESS);
  EXPECT_EQ(old_frames.swapchain().wait_for_present(3, UINT64_MAX), VK_ERROR_OUT_OF_DATE_KHR);
  // Each swapchain counts for itself.
  EXPECT_EQ(frames.swapchain().wait_for_present(1, 0), VK_TIMEOUT);
}

}  // namespace
}  // namespace viaduct::guest::wsi::test
