#include "guest-icd/wsi/headless_surface.hpp"

#include <new>

#include "base/clock.hpp"

namespace viaduct::guest::wsi {

class HeadlessTarget final : public PresentTarget {
 public:
  HeadlessTarget(HeadlessSurface& surface, WakeFd& wake) noexcept : PresentTarget(wake), surface_(surface) {}

  bool wants_pixels() const noexcept override { return surface_.keeps_frames_; }
  void show(const FrameView& frame) noexcept override {
    surface_.keep(frame);
    timer_.shown(now_ns());
  }
  bool due() noexcept override { return now_ns() >= timer_.next_ns(); }
  void wait(std::uint64_t until_ns, bool until_due) noexcept override {
    const std::uint64_t now = now_ns();
    const std::uint64_t until = until_due && timer_.next_ns() < until_ns ? timer_.next_ns() : until_ns;
    if (until > now) poll_with_wake(wake(), -1, until - now);
  }

 private:
  HeadlessSurface& surface_;
  FrameTimer timer_{kDefaultFrameInterval};
};

VkResult HeadlessSurface::shape(SurfaceShape& out) noexcept {
  out = {};
  out.alpha = VK_COMPOSITE_ALPHA_OPAQUE_BIT_KHR | VK_COMPOSITE_ALPHA_PRE_MULTIPLIED_BIT_KHR |
              VK_COMPOSITE_ALPHA_INHERIT_BIT_KHR;
  return VK_SUCCESS;
}

VkResult HeadlessSurface::make_target(const TargetOptions&, WakeFd& wake,
                                      std::unique_ptr<PresentTarget>& out) noexcept {
  out.reset(new (std::nothrow) HeadlessTarget(*this, wake));
  return out ? VK_SUCCESS : VK_ERROR_OUT_OF_HOST_MEMORY;
}

void HeadlessSurface::keep(const FrameView& frame) noexcept {
  const std::lock_guard lock(mutex_);
  ++frames_shown_;
  if (!keeps_frames_) return;
  try {
    last_frame_.resize(static_cast<std::size_t>(frame.width) * frame.height);
  } catch (const std::bad_alloc&) {
    last_frame_.clear();
    return;
  }
  const PixelLayout layout{.alpha = 0xff000000};
  convert_rows(frame, 0, frame.height, layout, false, reinterpret_cast<std::byte*>(last_frame_.data()),
               static_cast<std::size_t>(frame.width) * 4);
}

std::vector<std::uint32_t> HeadlessSurface::last_frame() {
  const std::lock_guard lock(mutex_);
  return last_frame_;
}

std::uint64_t HeadlessSurface::frames_shown() {
  const std::lock_guard lock(mutex_);
  return frames_shown_;
}

}  // namespace viaduct::guest::wsi
