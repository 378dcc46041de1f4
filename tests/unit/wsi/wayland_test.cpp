// Swapchains on a Wayland surface, on a native driver, with a compositor that the test controls.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <thread>

#include "base/clock.hpp"
#include "guest-icd/wsi/swapchain.hpp"
#include "guest-icd/wsi/wayland_surface.hpp"
#include "tests/unit/wsi/native_device.hpp"
#include "tests/unit/wsi/wayland_compositor.hpp"

namespace viaduct::guest::wsi::test {
namespace {

constexpr VkExtent2D kExtent{80, 40};

class WaylandTest : public ::testing::Test {
 protected:
  void SetUp() override {
    device_ = NativeDevice::open();
    if (device_ == nullptr) GTEST_SKIP() << "no lavapipe";
    ASSERT_TRUE(compositor_.running());
    client_ = std::make_unique<WaylandClient>(compositor_);
    ASSERT_TRUE(client_->ready());
    surface_ =
        std::make_unique<WaylandSurface>(*WaylandLibrary::get(), client_->display(), client_->surface());
  }
  bool shows(std::uint32_t colour, std::uint32_t format) {
    for (int i = 0; i < 100; ++i) {
      const auto last = compositor_.last();
      if (last.width == kExtent.width && last.height == kExtent.height && last.format == format &&
          std::all_of(last.pixels.begin(), last.pixels.end(), [&](std::uint32_t p) { return p == colour; })) {
        return true;
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return false;
  }

  WaylandCompositor compositor_;
  std::unique_ptr<NativeDevice> device_;
  std::unique_ptr<WaylandClient> client_;
  std::unique_ptr<WaylandSurface> surface_;
};

TEST_F(WaylandTest, FramesReachTheCompositorInEveryPresentMode) {
  for (const VkPresentModeKHR mode : present_modes()) {
    Frames frames(*device_, *surface_, kExtent, {.mode = mode});
    ASSERT_EQ(frames.created(), VK_SUCCESS);
    ASSERT_EQ(frames.draw(argb(9, 8, 7)), VK_SUCCESS);
    EXPECT_TRUE(shows(argb(9, 8, 7), WL_SHM_FORMAT_XRGB8888));
    for (std::uint32_t i = 0; i < 20; ++i) ASSERT_EQ(frames.draw(argb(i, 2, 3)), VK_SUCCESS);
    EXPECT_TRUE(shows(argb(19, 2, 3), WL_SHM_FORMAT_XRGB8888));
  }
}

TEST_F(WaylandTest, APremultipliedSwapchainKeepsItsAlpha) {
  Frames frames(*device_, *surface_, kExtent, {.alpha = VK_COMPOSITE_ALPHA_PRE_MULTIPLIED_BIT_KHR});
  ASSERT_EQ(frames.draw(0x80402010), VK_SUCCESS);
  EXPECT_TRUE(shows(0x80402010, WL_SHM_FORMAT_ARGB8888));
}

TEST_F(WaylandTest, FifoFollowsTheFrameCallbacks) {
  Frames frames(*device_, *surface_, kExtent);
  for (int i = 0; i < 5; ++i) ASSERT_EQ(frames.draw(0), VK_SUCCESS);
  const std::uint64_t start = now_ns();
  for (int i = 0; i < 30; ++i) ASSERT_EQ(frames.draw(0), VK_SUCCESS);
  const std::uint64_t ms = (now_ns() - start) / 1'000'000;
  EXPECT_GE(ms, 400u);
  EXPECT_LE(ms, 4000u);  // a busy machine is no failure
}

TEST_F(WaylandTest, AHiddenSurfaceDoesNotStopTheApplication) {
  compositor_.set_visible(false);
  Frames frames(*device_, *surface_, kExtent);
  const std::uint64_t start = now_ns();
  for (int i = 0; i < 8; ++i) ASSERT_EQ(frames.draw(argb(i, i, i)), VK_SUCCESS);
  const std::uint64_t ms = (now_ns() - start) / 1'000'000;
  EXPECT_GE(ms, 300u);
  EXPECT_LE(ms, 3000u);
  compositor_.set_visible(true);
  EXPECT_TRUE(shows(argb(7, 7, 7), WL_SHM_FORMAT_XRGB8888));
}

TEST_F(WaylandTest, TheSurfaceTakesANewSizeByANewSwapchain) {
  Frames first(*device_, *surface_, {10, 10});
  ASSERT_EQ(first.draw(argb(1, 1, 1)), VK_SUCCESS);
  Frames second(*device_, *surface_, kExtent, {.old = first.swapchain().handle()});
  ASSERT_EQ(second.created(), VK_SUCCESS);
  first.destroy();
  ASSERT_EQ(second.draw(argb(2, 2, 2)), VK_SUCCESS);
  EXPECT_TRUE(shows(argb(2, 2, 2), WL_SHM_FORMAT_XRGB8888));
}

TEST_F(WaylandTest, TheApplicationsOwnCallbacksWaitForTheApplicationToDispatchThem) {
  std::atomic<bool> called{false};
  static const wl_callback_listener kListener{
      [](void* data, wl_callback*, std::uint32_t) { *static_cast<std::atomic<bool>*>(data) = true; }};
  wl_callback* callback = wl_surface_frame(client_->surface());
  wl_callback_add_listener(callback, &kListener, &called);
  Frames frames(*device_, *surface_, kExtent);
  for (int i = 0; i < 10; ++i) ASSERT_EQ(frames.draw(0), VK_SUCCESS);
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  EXPECT_FALSE(called);
  EXPECT_GE(wl_display_roundtrip(client_->display()), 0);
  EXPECT_TRUE(called);
  wl_callback_destroy(callback);
}

TEST_F(WaylandTest, ACompositorThatDiesIsALostSurface) {
  Frames frames(*device_, *surface_, kExtent);
  ASSERT_EQ(frames.draw(0), VK_SUCCESS);
  compositor_.stop();
  VkResult result = VK_SUCCESS;
  for (int i = 0; i < 50 && result == VK_SUCCESS; ++i) {
    result = frames.draw(0);
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  EXPECT_EQ(result, VK_ERROR_SURFACE_LOST_KHR);
}

}  // namespace
}  // namespace viaduct::guest::wsi::test
