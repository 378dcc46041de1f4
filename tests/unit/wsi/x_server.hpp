// An Xvfb of the test's own, and a window in it whose pixels can be read back.
#pragma once

#include <sys/types.h>
#include <xcb/xcb.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace viaduct::guest::wsi::test {

class XServer {
 public:
  /// Null when Xvfb is missing or does not start. `arguments` go to Xvfb as they are.
  static std::unique_ptr<XServer> start(const std::vector<std::string>& arguments = {});
  ~XServer();
  const std::string& display() const { return display_; }
  void kill();

 private:
  XServer() = default;
  pid_t pid_ = -1;
  std::string display_;
};

class XWindow {
 public:
  XWindow(const std::string& display, std::uint16_t width, std::uint16_t height);
  ~XWindow();
  xcb_connection_t* connection() const { return connection_; }
  xcb_window_t id() const { return window_; }
  void resize(std::uint16_t width, std::uint16_t height);
  void destroy();
  /// The pixels without their top byte; empty when the window cannot be read.
  std::vector<std::uint32_t> pixels(std::uint16_t width, std::uint16_t height);
  /// Waits until every pixel of the window is this colour (0xRRGGBB), a second at most.
  bool becomes(std::uint32_t colour, std::uint16_t width, std::uint16_t height);
  /// Events and errors that the application would see now; they are taken out of its queue.
  int take_events();

 private:
  xcb_connection_t* connection_;
  xcb_window_t window_;
};

}  // namespace viaduct::guest::wsi::test
