// VK_EXT_headless_surface: frames are paced and kept, and shown nowhere.
#pragma once

#include <mutex>
#include <vector>

#include "guest-icd/wsi/surface.hpp"

namespace viaduct::guest::wsi {

class HeadlessSurface final : public Surface {
 public:
  VkResult shape(SurfaceShape& out) noexcept override;
  bool presentable() noexcept override { return true; }
  VkResult make_target(const TargetOptions& options, WakeFd& wake,
                       std::unique_ptr<PresentTarget>& out) noexcept override;

  /// The frame shown last, as BGRA words without padding; empty before the first. Any thread.
  std::vector<std::uint32_t> last_frame();
  std::uint64_t frames_shown();

 private:
  friend class HeadlessTarget;
  void keep(const FrameView& frame) noexcept;

  std::mutex mutex_;
  std::vector<std::uint32_t> last_frame_;
  std::uint64_t frames_shown_ = 0;
};

}  // namespace viaduct::guest::wsi
