// Swapchain semantics on a headless surface and a native driver: no window system is involved.
#include "guest-icd/wsi/swapchain.hpp"

#include <gtest/gtest.h>

#include <set>
#include <thread>

#include "base/clock.hpp"
#include "guest-icd/wsi/headless_surface.hpp"
#include "tests/unit/wsi/native_device.hpp"

namespace viaduct::guest::wsi::test {
namespace {

constexpr VkExtent2D kExtent{64, 48};

class SwapchainTest : public ::testing::Test {
 protected:
  void SetUp() override {
    device_ = NativeDevice::open();
    if (device_ == nullptr) GTEST_SKIP() << "no lavapipe";
  }
  static std::uint64_t elapsed_ms(std::uint64_t since_ns) { return (now_ns() - since_ns) / 1'000'000; }

  std::unique_ptr<NativeDevice> device_;
  HeadlessSurface surface_{true};
};

TEST_F(SwapchainTest, TheLastFrameIsShownWithItsColour) {
  Frames frames(*device_, surface_, kExtent);
  ASSERT_EQ(frames.created(), VK_SUCCESS);
  for (std::uint32_t i = 0; i < 5; ++i) ASSERT_EQ(frames.draw(argb(10 * i, 200, 7)), VK_SUCCESS);
  frames.destroy();
  EXPECT_EQ(surface_.last_frame(), std::vector<std::uint32_t>(64 * 48, argb(40, 200, 7)));
  EXPECT_EQ(device_->frames_counted, 5u);
}

TEST_F(SwapchainTest, WhereNobodySeesThePixelsNoneAreCopied) {
  device_->copies = false;
  HeadlessSurface unseen;
  Frames frames(*device_, unseen, kExtent);
  ASSERT_EQ(frames.created(), VK_SUCCESS);
  for (std::uint32_t i = 0; i < 5; ++i) ASSERT_EQ(frames.draw(argb(10 * i, 200, 7)), VK_SUCCESS);
  frames.destroy();
  EXPECT_GT(unseen.frames_shown(), 0u);
  EXPECT_TRUE(unseen.last_frame().empty());
}

TEST_F(SwapchainTest, AnRgbaSwapchainShowsTheSameColour) {
  Frames frames(*device_, surface_, kExtent, {.format = VK_FORMAT_R8G8B8A8_UNORM});
  ASSERT_EQ(frames.draw(argb(1, 2, 3)), VK_SUCCESS);
  frames.destroy();
  EXPECT_EQ(surface_.last_frame(), std::vector<std::uint32_t>(64 * 48, argb(1, 2, 3)));
}

TEST_F(SwapchainTest, FifoShowsEveryFrameAtTheDisplaysRate) {
  Frames frames(*device_, surface_, kExtent);
  ASSERT_EQ(frames.draw(0), VK_SUCCESS);
  const std::uint64_t start = now_ns();
  for (int i = 0; i < 30; ++i) ASSERT_EQ(frames.draw(argb(1, 1, 1)), VK_SUCCESS);
  // 30 frames, of which up to 3 are still queued: at least 26 intervals of 1/60 s.
  EXPECT_GE(elapsed_ms(start), 26 * 1000 / 60u);
  for (int i = 0; i < 200 && surface_.frames_shown() < 31; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  EXPECT_EQ(surface_.frames_shown(), 31u);
}

TEST_F(SwapchainTest, MailboxNeverHoldsTheApplicationUpAndShowsAtMostOneFrameABeat) {
  Frames frames(*device_, surface_, kExtent, {.mode = VK_PRESENT_MODE_MAILBOX_KHR, .images = 4});
  const std::uint64_t start = now_ns();
  std::uint32_t drawn = 0;
  while (now_ns() - start < 500'000'000) {
    ASSERT_EQ(frames.draw(argb(5, drawn & 0xff, 5)), VK_SUCCESS);
    ++drawn;
  }
  frames.destroy();
  EXPECT_GT(drawn, 60u);
  EXPECT_LE(surface_.frames_shown(), 34u);
  EXPECT_GE(surface_.frames_shown(), 5u);
  EXPECT_EQ(surface_.last_frame()[0], argb(5, (drawn - 1) & 0xff, 5));
}

TEST_F(SwapchainTest, ImmediateDoesNotWaitForABeat) {
  Frames frames(*device_, surface_, kExtent, {.mode = VK_PRESENT_MODE_IMMEDIATE_KHR});
  const std::uint64_t start = now_ns();
  for (int i = 0; i < 60; ++i) ASSERT_EQ(frames.draw(argb(9, 9, 9)), VK_SUCCESS);
  EXPECT_LT(elapsed_ms(start), 700u);
  for (int i = 0; i < 200 && surface_.frames_shown() < 1; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  EXPECT_GT(surface_.frames_shown(), 0u);
}

TEST_F(SwapchainTest, AcquireHonoursItsTimeout) {
  Frames frames(*device_, surface_, kExtent, {.images = 2});
  Swapchain& swapchain = frames.swapchain();
  std::set<std::uint32_t> taken;
  std::uint32_t index = 0;
  for (int i = 0; i < 2; ++i) {
    const VkFence fence = device_->make_fence();
    ASSERT_EQ(swapchain.acquire(0, VK_NULL_HANDLE, fence, index), VK_SUCCESS);
    EXPECT_TRUE(device_->wait(fence, 1'000'000'000));
    taken.insert(index);
  }
  EXPECT_EQ(taken, (std::set<std::uint32_t>{0, 1}));
  EXPECT_EQ(swapchain.acquire(0, VK_NULL_HANDLE, VK_NULL_HANDLE, index), VK_NOT_READY);
  const std::uint64_t start = now_ns();
  EXPECT_EQ(swapchain.acquire(150'000'000, VK_NULL_HANDLE, VK_NULL_HANDLE, index), VK_TIMEOUT);
  EXPECT_GE(elapsed_ms(start), 149u);
}

TEST_F(SwapchainTest, AWaitingAcquireEndsSoonAfterTheDeviceIsLost) {
  Frames frames(*device_, surface_, kExtent, {.images = 2});
  std::uint32_t index = 0;
  for (int i = 0; i < 2; ++i) {
    ASSERT_EQ(frames.swapchain().acquire(0, VK_NULL_HANDLE, VK_NULL_HANDLE, index), VK_SUCCESS);
  }
  std::thread killer([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    device_->lose();
  });
  const std::uint64_t start = now_ns();
  EXPECT_EQ(frames.swapchain().acquire(UINT64_MAX, VK_NULL_HANDLE, VK_NULL_HANDLE, index),
            VK_ERROR_DEVICE_LOST);
  EXPECT_LT(elapsed_ms(start), 1000u);
  killer.join();
}

TEST_F(SwapchainTest, ARetiredSwapchainIsOutOfDateButPresentsWhatWasAcquired) {
  Frames old_frames(*device_, surface_, kExtent);
  std::uint32_t index = 0;
  ASSERT_EQ(old_frames.swapchain().acquire(0, VK_NULL_HANDLE, VK_NULL_HANDLE, index), VK_SUCCESS);
  {
    Frames blocked(*device_, surface_, kExtent);
    EXPECT_EQ(blocked.created(), VK_ERROR_NATIVE_WINDOW_IN_USE_KHR);
  }
  Frames frames(*device_, surface_, kExtent, {.old = old_frames.swapchain().handle()});
  ASSERT_EQ(frames.created(), VK_SUCCESS);
  std::uint32_t other = 0;
  EXPECT_EQ(old_frames.swapchain().acquire(0, VK_NULL_HANDLE, VK_NULL_HANDLE, other),
            VK_ERROR_OUT_OF_DATE_KHR);

  device_->clear(old_frames.swapchain().image(index).image(), argb(77, 0, 0), VK_NULL_HANDLE, VK_NULL_HANDLE);
  const VkSwapchainKHR handle = old_frames.swapchain().handle();
  VkResult each = VK_ERROR_UNKNOWN;
  const VkPresentInfoKHR info{
      VK_STRUCTURE_TYPE_PRESENT_INFO_KHR, nullptr, 0, nullptr, 1, &handle, &index, &each};
  EXPECT_EQ(present(device_->queue(), info), VK_SUCCESS);
  EXPECT_EQ(each, VK_SUCCESS);
  old_frames.destroy();
  EXPECT_EQ(surface_.last_frame()[0], argb(77, 0, 0));
  EXPECT_EQ(frames.draw(argb(0, 88, 0)), VK_SUCCESS);
  frames.destroy();
  EXPECT_EQ(surface_.last_frame()[0], argb(0, 88, 0));
}

TEST_F(SwapchainTest, ASurfaceTakesANewSwapchainOnceTheFirstIsGone) {
  { Frames frames(*device_, surface_, kExtent); }
  Frames frames(*device_, surface_, kExtent);
  EXPECT_EQ(frames.created(), VK_SUCCESS);
}

TEST_F(SwapchainTest, OnePresentShowsInSeveralSwapchains) {
  HeadlessSurface second{true};
  Frames a(*device_, surface_, kExtent);
  Frames b(*device_, second, {32, 16});
  std::uint32_t indices[2];
  ASSERT_EQ(a.swapchain().acquire(0, VK_NULL_HANDLE, VK_NULL_HANDLE, indices[0]), VK_SUCCESS);
  ASSERT_EQ(b.swapchain().acquire(0, VK_NULL_HANDLE, VK_NULL_HANDLE, indices[1]), VK_SUCCESS);
  device_->clear(a.swapchain().image(indices[0]).image(), argb(1, 0, 0), VK_NULL_HANDLE, VK_NULL_HANDLE);
  device_->clear(b.swapchain().image(indices[1]).image(), argb(0, 1, 0), VK_NULL_HANDLE, VK_NULL_HANDLE);
  const VkSwapchainKHR handles[2] = {a.swapchain().handle(), b.swapchain().handle()};
  VkResult each[2] = {VK_ERROR_UNKNOWN, VK_ERROR_UNKNOWN};
  const VkPresentInfoKHR info{
      VK_STRUCTURE_TYPE_PRESENT_INFO_KHR, nullptr, 0, nullptr, 2, handles, indices, each};
  EXPECT_EQ(present(device_->queue(), info), VK_SUCCESS);
  EXPECT_EQ(each[0], VK_SUCCESS);
  EXPECT_EQ(each[1], VK_SUCCESS);
  a.destroy();
  b.destroy();
  EXPECT_EQ(surface_.last_frame(), std::vector<std::uint32_t>(64 * 48, argb(1, 0, 0)));
  EXPECT_EQ(second.last_frame(), std::vector<std::uint32_t>(32 * 16, argb(0, 1, 0)));
}

TEST_F(SwapchainTest, AnExtentOfNothingIsRefused) {
  Frames frames(*device_, surface_, {0, 16});
  EXPECT_EQ(frames.created(), VK_ERROR_INITIALIZATION_FAILED);
}

TEST_F(SwapchainTest, PresentingNeverShownImagesGivesEachImageBack) {
  Frames frames(*device_, surface_, kExtent, {.mode = VK_PRESENT_MODE_MAILBOX_KHR, .images = 3});
  for (int i = 0; i < 200; ++i) ASSERT_EQ(frames.draw(0), VK_SUCCESS) << i;
  device_->idle();
  std::set<std::uint32_t> all;
  for (int i = 0; i < 3; ++i) {
    std::uint32_t index = 99;
    ASSERT_EQ(frames.swapchain().acquire(1'000'000'000, VK_NULL_HANDLE, VK_NULL_HANDLE, index), VK_SUCCESS);
    all.insert(index);
  }
  EXPECT_EQ(all, (std::set<std::uint32_t>{0, 1, 2}));
}

}  // namespace
}  // namespace viaduct::guest::wsi::test
