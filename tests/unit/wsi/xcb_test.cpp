// Swapchains in windows of a real X server (Xvfb), on a native driver.
#include <gtest/gtest.h>

#include <algorithm>
#include <thread>

#include "base/clock.hpp"
#include "guest-icd/wsi/swapchain.hpp"
#include "guest-icd/wsi/xcb_surface.hpp"
#include "guest-icd/wsi/xcb_target.hpp"
#include "guest-icd/wsi/xcb_window.hpp"
#include "tests/unit/wsi/native_device.hpp"
#include "tests/unit/wsi/x_server.hpp"

namespace viaduct::guest::wsi::test {
namespace {

constexpr std::uint16_t kWidth = 100;
constexpr std::uint16_t kHeight = 60;
constexpr VkExtent2D kExtent{kWidth, kHeight};

class XcbTest : public ::testing::Test {
 protected:
  void SetUp() override { start({}); }
  void start(const std::vector<std::string>& arguments) {
    server_ = XServer::start(arguments);
    if (server_ == nullptr) GTEST_SKIP() << "no Xvfb";
    device_ = NativeDevice::open();
    if (device_ == nullptr) GTEST_SKIP() << "no lavapipe";
    window_ = std::make_unique<XWindow>(server_->display(), kWidth, kHeight);
    surface_ = std::make_unique<XcbSurface>(*XcbLibrary::get(), window_->connection(), window_->id());
  }
  void show_two_colours(const SwapchainOptions& options) {
    Frames frames(*device_, *surface_, kExtent, options);
    ASSERT_EQ(frames.created(), VK_SUCCESS);
    ASSERT_EQ(frames.draw(argb(200, 100, 50)), VK_SUCCESS);
    EXPECT_TRUE(window_->becomes(0xc86432, kWidth, kHeight));
    ASSERT_EQ(frames.draw(argb(1, 2, 255)), VK_SUCCESS);
    EXPECT_TRUE(window_->becomes(0x0102ff, kWidth, kHeight));
  }
  /// A target on this window, without a swapchain.
  std::unique_ptr<XcbTarget> target(bool shm, bool own_connection) {
    XcbTargetOptions options;
    XcbWindow seen;
    EXPECT_TRUE(query_window(*XcbLibrary::get(), window_->connection(), window_->id(), seen));
    options.connection = window_->connection();
    options.window = window_->id();
    options.root = seen.root;
    options.depth = seen.depth;
    options.window_extent = seen.extent;
    options.allow_shm = shm;
    options.allow_own_connection = own_connection;
    return std::make_unique<XcbTarget>(*XcbLibrary::get(), options, wake_);
  }
  void show(XcbTarget& target, std::uint32_t colour) {
    const std::vector<std::uint32_t> pixels(kWidth * kHeight, colour);
    target.show(
        {reinterpret_cast<const std::byte*>(pixels.data()), kWidth, kHeight, kWidth * 4, PixelOrder::bgra});
  }

  std::unique_ptr<XServer> server_;
  std::unique_ptr<NativeDevice> device_;
  std::unique_ptr<XWindow> window_;
  std::unique_ptr<XcbSurface> surface_;
  WakeFd wake_;
};

TEST_F(XcbTest, FramesReachTheWindowInEveryPresentMode) {
  for (const VkPresentModeKHR mode : present_modes()) show_two_colours({.mode = mode});
}

TEST_F(XcbTest, AnRgbaSwapchainShowsItsColours) { show_two_colours({.format = VK_FORMAT_R8G8B8A8_UNORM}); }

// As software drivers have it: nothing is copied, and rows may be apart.
TEST_F(XcbTest, AnImageInMappedMemoryIsShownAsItIs) {
  device_->direct = true;
  for (const VkPresentModeKHR mode : present_modes()) show_two_colours({.mode = mode});
  Frames frames(*device_, *surface_, kExtent);
  EXPECT_EQ(frames.swapchain().tiling(), VK_IMAGE_TILING_LINEAR);
}

TEST_F(XcbTest, CapabilitiesFollowTheWindow) {
  const DeviceFacts facts{
      .max_image_dimension = 4096, .usage = VK_IMAGE_USAGE_COLOR_ATTACHMENT_BIT, .formats = {}};
  VkSurfaceCapabilitiesKHR capabilities{};
  ASSERT_EQ(surface_capabilities(*surface_, facts, capabilities), VK_SUCCESS);
  EXPECT_EQ(capabilities.currentExtent.width, kWidth);
  EXPECT_EQ(capabilities.maxImageExtent.height, kHeight);
  window_->resize(70, 30);
  ASSERT_EQ(surface_capabilities(*surface_, facts, capabilities), VK_SUCCESS);
  EXPECT_EQ(capabilities.currentExtent.width, 70u);
  EXPECT_EQ(capabilities.minImageExtent.height, 30u);
  window_->destroy();
  EXPECT_EQ(surface_capabilities(*surface_, facts, capabilities), VK_ERROR_SURFACE_LOST_KHR);
}

TEST_F(XcbTest, MemoryIsSharedWithTheServerAndPlainRequestsDoTheSame) {
  const auto with_shm = target(true, true);
  show(*with_shm, argb(3, 4, 5));
  EXPECT_TRUE(with_shm->uses_shm());
  EXPECT_TRUE(with_shm->uses_own_connection());
  EXPECT_TRUE(window_->becomes(0x030405, kWidth, kHeight));
  const auto plain = target(false, true);
  show(*plain, argb(6, 7, 8));
  EXPECT_FALSE(plain->uses_shm());
  EXPECT_TRUE(window_->becomes(0x060708, kWidth, kHeight));
}

TEST_F(XcbTest, WithoutAConnectionOfItsOwnItPacesByTheClockAndLeavesNoEventBehind) {
  const auto borrowed = target(true, false);
  EXPECT_FALSE(borrowed->uses_own_connection());
  ASSERT_TRUE(window_->becomes(0, kWidth, kHeight));
  window_->take_events();
  show(*borrowed, argb(9, 8, 7));
  EXPECT_FALSE(borrowed->due());
  borrowed->wait(now_ns() + 1'000'000'000, true);
  EXPECT_TRUE(borrowed->due());
  EXPECT_TRUE(window_->becomes(0x090807, kWidth, kHeight));
  EXPECT_EQ(window_->take_events(), 0);
}

TEST_F(XcbTest, NoEventOfOursReachesTheApplication) {
  ASSERT_TRUE(window_->becomes(0, kWidth, kHeight));
  EXPECT_GT(window_->take_events(), 0);  // its own MapNotify and Expose
  {
    Frames frames(*device_, *surface_, kExtent);
    ASSERT_EQ(frames.created(), VK_SUCCESS);
    for (int i = 0; i < 20; ++i) ASSERT_EQ(frames.draw(argb(i, i, i)), VK_SUCCESS);
  }
  ASSERT_FALSE(window_->pixels(kWidth, kHeight).empty());
  EXPECT_EQ(window_->take_events(), 0);
}

TEST_F(XcbTest, FifoKeepsTheServersBeat) {
  Frames frames(*device_, *surface_, kExtent);
  ASSERT_EQ(frames.created(), VK_SUCCESS);
  for (int i = 0; i < 5; ++i) ASSERT_EQ(frames.draw(0), VK_SUCCESS);
  const std::uint64_t start = now_ns();
  for (int i = 0; i < 30; ++i) ASSERT_EQ(frames.draw(argb(1, 1, 1)), VK_SUCCESS);
  const std::uint64_t ms = (now_ns() - start) / 1'000'000;
  EXPECT_GE(ms, 400u);
  EXPECT_LE(ms, 4000u);  // a busy machine is no failure
}

TEST_F(XcbTest, AResizedWindowIsSuboptimalThenOutOfDateAndANewSwapchainFits) {
  Frames frames(*device_, *surface_, kExtent);
  ASSERT_EQ(frames.created(), VK_SUCCESS);
  ASSERT_EQ(frames.draw(argb(1, 1, 1)), VK_SUCCESS);
  std::uint32_t index = 0;
  ASSERT_EQ(frames.swapchain().acquire(1'000'000'000, VK_NULL_HANDLE, VK_NULL_HANDLE, index), VK_SUCCESS);
  window_->resize(50, 40);
  ASSERT_FALSE(window_->pixels(50, 40).empty());
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  device_->clear(frames.swapchain().image(index).image(), 0, VK_NULL_HANDLE, VK_NULL_HANDLE);
  const VkSwapchainKHR handle = frames.swapchain().handle();
  const VkPresentInfoKHR info{
      VK_STRUCTURE_TYPE_PRESENT_INFO_KHR, nullptr, 0, nullptr, 1, &handle, &index, nullptr};
  EXPECT_EQ(present(device_->queue(), info), VK_SUBOPTIMAL_KHR);
  EXPECT_EQ(frames.draw(0), VK_ERROR_OUT_OF_DATE_KHR);
  Frames fitting(*device_, *surface_, {50, 40}, {.old = handle});
  ASSERT_EQ(fitting.created(), VK_SUCCESS);
  EXPECT_EQ(fitting.draw(argb(0, 255, 0)), VK_SUCCESS);
  EXPECT_TRUE(window_->becomes(0x00ff00, 50, 40));
}

TEST_F(XcbTest, AScaledSwapchainIsShownOneToOneWhereItsGravityPutsIt) {
  constexpr std::uint32_t kLow = VK_PRESENT_GRAVITY_MIN_BIT_EXT;
  constexpr std::uint32_t kMiddle = VK_PRESENT_GRAVITY_CENTERED_BIT_EXT;
  constexpr std::uint32_t kHigh = VK_PRESENT_GRAVITY_MAX_BIT_EXT;
  struct Case {
    std::uint32_t x, y;
    std::uint32_t left, top;
  };
  for (const Case& each :
       {Case{kLow, kLow, 0, 0}, Case{kMiddle, kHigh, 30, 40}, Case{kHigh, kMiddle, 60, 20}}) {
    const VkSwapchainPresentScalingCreateInfoEXT scaling{
        VK_STRUCTURE_TYPE_SWAPCHAIN_PRESENT_SCALING_CREATE_INFO_EXT, nullptr,
        VK_PRESENT_SCALING_ONE_TO_ONE_BIT_EXT, each.x, each.y};
    const std::uint32_t colour = argb(each.left + 1, each.top + 1, 9);
    Frames frames(*device_, *surface_, {40, 20}, {.chain = &scaling});
    ASSERT_EQ(frames.created(), VK_SUCCESS);
    EXPECT_EQ(frames.draw(colour), VK_SUCCESS);
    frames.destroy();
    const auto seen = window_->pixels(kWidth, kHeight);
    ASSERT_EQ(seen.size(), kWidth * kHeight);
    const auto at = [&](std::uint32_t x, std::uint32_t y) { return seen[y * kWidth + x] & 0xffffff; };
    EXPECT_EQ(at(each.left, each.top), colour & 0xffffff);
    EXPECT_EQ(at(each.left + 39, each.top + 19), colour & 0xffffff);
    const auto count = std::count_if(seen.begin(), seen.end(), [&](std::uint32_t pixel) {
      return (pixel & 0xffffff) == (colour & 0xffffff);
    });
    EXPECT_EQ(count, 40 * 20);
  }
}

TEST_F(XcbTest, AScaledSwapchainIsNeverOutOfDate) {
  const VkSwapchainPresentScalingCreateInfoEXT scaling{
      VK_STRUCTURE_TYPE_SWAPCHAIN_PRESENT_SCALING_CREATE_INFO_EXT, nullptr,
      VK_PRESENT_SCALING_ONE_TO_ONE_BIT_EXT, VK_PRESENT_GRAVITY_MIN_BIT_EXT, VK_PRESENT_GRAVITY_MIN_BIT_EXT};
  Frames frames(*device_, *surface_, kExtent, {.chain = &scaling});
  ASSERT_EQ(frames.draw(argb(1, 1, 1)), VK_SUCCESS);
  ASSERT_TRUE(window_->becomes(0x010101, kWidth, kHeight));
  window_->resize(50, 40);
  ASSERT_FALSE(window_->pixels(50, 40).empty());
  VkResult result = VK_SUCCESS;
  for (int i = 0; i < 100 && result == VK_SUCCESS; ++i) result = frames.draw(argb(2, 2, 2));
  EXPECT_EQ(result, VK_SUBOPTIMAL_KHR);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(frames.draw(argb(3, 3, 3)), VK_SUBOPTIMAL_KHR);
  EXPECT_TRUE(window_->becomes(0x030303, 50, 40));
  window_->resize(kWidth, kHeight);
  for (int i = 0; i < 100 && result != VK_SUCCESS; ++i) result = frames.draw(argb(4, 4, 4));
  EXPECT_EQ(result, VK_SUCCESS);
}

TEST_F(XcbTest, AnIdleSwapchainNoticesTheResizeByItself) {
  Frames frames(*device_, *surface_, kExtent);
  ASSERT_EQ(frames.created(), VK_SUCCESS);
  ASSERT_EQ(frames.draw(argb(1, 1, 1)), VK_SUCCESS);
  ASSERT_TRUE(window_->becomes(0x010101, kWidth, kHeight));
  window_->resize(kWidth + 1, kHeight);
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  std::uint32_t index = 0;
  EXPECT_EQ(frames.swapchain().acquire(0, VK_NULL_HANDLE, VK_NULL_HANDLE, index), VK_ERROR_OUT_OF_DATE_KHR);
}

TEST_F(XcbTest, ADestroyedWindowIsALostSurface) {
  Frames frames(*device_, *surface_, kExtent);
  ASSERT_EQ(frames.created(), VK_SUCCESS);
  ASSERT_EQ(frames.draw(argb(1, 1, 1)), VK_SUCCESS);
  window_->destroy();
  VkResult result = VK_SUCCESS;
  for (int i = 0; i < 50 && result == VK_SUCCESS; ++i) {
    result = frames.draw(argb(1, 1, 1));
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  EXPECT_EQ(result, VK_ERROR_SURFACE_LOST_KHR);
}

TEST_F(XcbTest, ADeadServerIsALostSurfaceAndDestructionDoesNotHang) {
  Frames frames(*device_, *surface_, kExtent);
  ASSERT_EQ(frames.created(), VK_SUCCESS);
  ASSERT_EQ(frames.draw(argb(1, 1, 1)), VK_SUCCESS);
  server_->kill();
  VkResult result = VK_SUCCESS;
  for (int i = 0; i < 50 && result == VK_SUCCESS; ++i) {
    result = frames.draw(argb(1, 1, 1));
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  EXPECT_EQ(result, VK_ERROR_SURFACE_LOST_KHR);
  const std::uint64_t start = now_ns();
  frames.destroy();
  EXPECT_LT(now_ns() - start, 1'000'000'000u);
}

TEST_F(XcbTest, AGrabbedServerDoesNotHoldUpDestruction) {
  Frames frames(*device_, *surface_, kExtent);
  ASSERT_EQ(frames.created(), VK_SUCCESS);
  ASSERT_EQ(frames.draw(argb(1, 1, 1)), VK_SUCCESS);
  ASSERT_TRUE(window_->becomes(0x010101, kWidth, kHeight));
  xcb_grab_server(window_->connection());
  ASSERT_FALSE(window_->pixels(1, 1).empty());
  ASSERT_EQ(frames.draw(argb(2, 2, 2)), VK_SUCCESS);
  const std::uint64_t start = now_ns();
  frames.destroy();
  EXPECT_LT(now_ns() - start, 1'000'000'000u);
}

TEST_F(XcbTest, TwoWindowsHaveASwapchainEach) {
  XWindow other(server_->display(), 40, 30);
  XcbSurface other_surface(*XcbLibrary::get(), other.connection(), other.id());
  Frames a(*device_, *surface_, kExtent);
  Frames b(*device_, other_surface, {40, 30}, {.mode = VK_PRESENT_MODE_MAILBOX_KHR});
  for (int i = 0; i < 10; ++i) {
    ASSERT_EQ(a.draw(argb(255, 0, i)), VK_SUCCESS);
    ASSERT_EQ(b.draw(argb(0, 255, i)), VK_SUCCESS);
  }
  EXPECT_TRUE(other.becomes(0x00ff09, 40, 30));
  // The second window covers a corner of the first; the rest of the first is its own.
  const auto seen = window_->pixels(kWidth, kHeight);
  EXPECT_EQ(seen.back() & 0xffff00, 0xff0000u);
}

class XcbWithoutShmTest : public XcbTest {
 protected:
  void SetUp() override { start({"-extension", "MIT-SHM"}); }
};

TEST_F(XcbWithoutShmTest, FramesGoByPlainRequests) {
  show_two_colours({});
  const auto plain = target(true, true);
  show(*plain, argb(3, 4, 5));
  EXPECT_FALSE(plain->uses_shm());
}

class XcbSixteenBitTest : public XcbTest {
 protected:
  void SetUp() override { start({"-screen", "0", "640x480x16"}); }
};

TEST_F(XcbSixteenBitTest, AScreenOfSixteenBitsShowsTheTopBits) {
  const auto visual = xcb_setup_roots_iterator(xcb_get_setup(window_->connection())).data->root_visual;
  EXPECT_TRUE(xcb_visual_presentable(window_->connection(), visual));
  {
    Frames frames(*device_, *surface_, kExtent);
    ASSERT_EQ(frames.created(), VK_SUCCESS);
    ASSERT_EQ(frames.draw(argb(255, 0, 255)), VK_SUCCESS);
  }
  xcb_get_image_reply_t* image = xcb_get_image_reply(
      window_->connection(),
      xcb_get_image(window_->connection(), XCB_IMAGE_FORMAT_Z_PIXMAP, window_->id(), 0, 0, 2, 1, ~0u),
      nullptr);
  ASSERT_NE(image, nullptr);
  const std::uint8_t* bytes = xcb_get_image_data(image);
  EXPECT_EQ(bytes[0] | bytes[1] << 8, 0xf81f);
  std::free(image);
}

// Of 24-bit visuals an X server has as many direct-colour ones as true-colour ones, and OpenGL programs use
// them.
TEST_F(XcbTest, DirectColourVisualsCanBePresentedTo) {
  const xcb_setup_t* setup = xcb_get_setup(window_->connection());
  int direct = 0;
  for (auto depths = xcb_screen_allowed_depths_iterator(xcb_setup_roots_iterator(setup).data); depths.rem > 0;
       xcb_depth_next(&depths)) {
    const xcb_visualtype_t* visuals = xcb_depth_visuals(depths.data);
    for (int i = 0; i < xcb_depth_visuals_length(depths.data); ++i) {
      if (visuals[i]._class != XCB_VISUAL_CLASS_DIRECT_COLOR) continue;
      ++direct;
      EXPECT_TRUE(xcb_visual_presentable(window_->connection(), visuals[i].visual_id));
    }
  }
  EXPECT_GT(direct, 0);
}

}  // namespace
}  // namespace viaduct::guest::wsi::test
