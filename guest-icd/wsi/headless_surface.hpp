// VK_EXT_headless_surface: frames are paced, and shown nowhere. Tests make surfaces that keep the last one.
#pragma once

#include <mutex>
#include <vector>

#include "guest-icd/wsi/surface.hpp"

namespace viaduct::guest::wsi {

class HeadlessSurface final : public Surface {
 public:
  explicit HeadlessSurface(bool keeps_frames = false) noexcept : keeps_frames_(keeps_frames) {}

  VkResult shape(SurfaceShape& out) noexcept override;
  bool presentable() noexcept override { return true; }
  VkResult make_target(const TargetOptions& options, WakeFd& wake,
                       std::unique_ptr<PresentTarget>& out) noexcept override;

  /// The frame shown last, as BGRA words without padding; empty before the first, or if none is kept. Any
  /// thread.
  std::vector<std::uint32_t> last_frame();
  std::uint64_t frames_shown();

 private:
  friend class HeadlessTarget;
  void keep(const FrameView& frame) noexcept;

  const bool keeps_frames_;
  std::mutex mutex_;
  std::vector<std::uint32_t> last_frame_;
  std::uint64_t frames_shown_ = 0;
};

}  // namespace viaduct::guest::wsi
