// A Wayland compositor of a few lines in a thread of the test's own: it takes wl_shm buffers, remembers what
// was committed last, and answers frame callbacks when the test says so. Its client side is a plain
// libwayland-client.
#pragma once

#include <wayland-client.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

struct wl_display;
struct wl_event_source;

namespace viaduct::guest::wsi::test {

class WaylandCompositor {
 public:
  struct Commit {
    std::uint32_t width = 0;
    std::uint32_t height = 0;
    std::uint32_t format = 0;
    std::vector<std::uint32_t> pixels;
  };

  WaylandCompositor();
  ~WaylandCompositor();
  bool running() const { return display_ != nullptr; }
  /// A client's end of a connection (wl_display_connect_to_fd takes it over).
  int connect();
  /// Whether surfaces are visible: the frame callbacks of hidden ones are kept back. Visible at first.
  void set_visible(bool visible) { visible_ = visible; }
  Commit last() const;
  std::uint32_t commits() const { return commits_; }
  /// Ends the compositor as if it had crashed.
  void stop();

 private:
  friend struct Protocol;
  void run();
  void beat();

  struct wl_display* display_ = nullptr;
  std::thread thread_;
  std::atomic<bool> stopping_{false};
  std::atomic<bool> visible_{true};
  std::atomic<std::uint32_t> commits_{0};
  std::atomic<int> joining_{-1};
  mutable std::mutex mutex_;
  Commit last_;
};

/// The application's side: a connection and a surface.
class WaylandClient {
 public:
  explicit WaylandClient(WaylandCompositor& compositor);
  ~WaylandClient();
  bool ready() const { return surface_ != nullptr; }
  struct wl_display* display() {
    return display_;
  }
  struct wl_surface* surface() {
    return surface_;
  }

 private:
  struct wl_display* display_ = nullptr;
  struct wl_registry* registry_ = nullptr;
  struct wl_compositor* compositor_ = nullptr;
  struct wl_surface* surface_ = nullptr;
};

}  // namespace viaduct::guest::wsi::test
