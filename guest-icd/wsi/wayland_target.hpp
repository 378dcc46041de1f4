// Frames into a Wayland surface through wl_shm buffers of the swapchain's own memory.
//
// All events (buffer releases, frame callbacks) arrive in an event queue of the target's own, which only the
// present thread dispatches; the application's queues are never dispatched here. FIFO follows the frame
// callback of the last commit; a compositor sends none for a hidden surface, so the wait ends after
// kHiddenFrameInterval.
#pragma once

#include <array>
#include <cstdint>

#include "guest-icd/wsi/present_target.hpp"
#include "guest-icd/wsi/shared_pixels.hpp"
#include "guest-icd/wsi/surface.hpp"
#include "guest-icd/wsi/wayland_library.hpp"

namespace viaduct::guest::wsi {

class WaylandTarget final : public PresentTarget {
 public:
  WaylandTarget(const WaylandLibrary& wayland, wl_display* display, wl_surface* surface,
                const TargetOptions& options, WakeFd& wake) noexcept;
  ~WaylandTarget() override;

  void show(const FrameView& frame) noexcept override;
  bool due() noexcept override;
  void wait(std::uint64_t until_ns, bool until_due) noexcept override;

 private:
  struct Buffer {
    wl_proxy* proxy = nullptr;
    SharedPixels pixels;
    bool busy = false;
  };

  bool bind_globals() noexcept;
  Buffer* free_buffer(Extent extent) noexcept;
  bool make_buffer(Buffer& buffer, Extent extent) noexcept;
  void ask_for_frame_callback() noexcept;
  void dispatch(std::uint64_t timeout_ns) noexcept;
  void destroy_proxy(wl_proxy*& proxy, std::uint32_t destructor_opcode) noexcept;

  static void on_global(void* data, wl_registry* registry, std::uint32_t name, const char* interface,
                        std::uint32_t version);
  static void on_release(void* data, wl_buffer* buffer);
  static void on_frame(void* data, wl_callback* callback, std::uint32_t time);

  const WaylandLibrary& wayland_;
  wl_display* display_;
  TargetOptions options_;
  wl_event_queue* queue_ = nullptr;
  wl_proxy* surface_ = nullptr;  ///< wrapper of the application's, so that its callbacks come to our queue
  wl_proxy* registry_ = nullptr;
  wl_proxy* shm_ = nullptr;
  wl_proxy* callback_ = nullptr;  ///< of the last commit, until it is done
  std::uint64_t shown_at_ = 0;
  std::array<Buffer, 4> buffers_;
};

}  // namespace viaduct::guest::wsi
