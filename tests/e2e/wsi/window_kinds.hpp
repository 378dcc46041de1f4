// The kinds of windows, each in a file of its own because their headers do not go together.
#pragma once

#include "tests/e2e/wsi/window.hpp"

namespace wsi_window {

std::unique_ptr<Window> open_xcb(std::uint32_t width, std::uint32_t height);
std::unique_ptr<Window> open_xlib(std::uint32_t width, std::uint32_t height);
std::unique_ptr<Window> open_wayland(std::uint32_t width, std::uint32_t height);
std::unique_ptr<Window> open_wayland_own(std::uint32_t width, std::uint32_t height);
std::unique_ptr<Window> open_headless();

}  // namespace wsi_window
