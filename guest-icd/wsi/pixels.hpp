// Rows of finished pixels on their way from the swapchain's copy to the window system's memory. No Vulkan
// here.
#pragma once

#include <cstddef>
#include <cstdint>

namespace viaduct::guest::wsi {

/// How a source pixel lies in memory: bytes in their order, or a little-endian word from its highest bit.
enum class PixelOrder { bgra, rgba, a2r10g10b10, a2b10g10r10, r5g6b5 };

constexpr std::uint32_t bytes_per_pixel(PixelOrder order) noexcept {
  return order == PixelOrder::r5g6b5 ? 2 : 4;
}

/// A finished frame. The memory belongs to the swapchain and stays unchanged until the call that got it
/// returns.
struct FrameView {
  const std::byte* pixels = nullptr;
  std::uint32_t width = 0;
  std::uint32_t height = 0;
  std::size_t row_pitch = 0;
  PixelOrder order = PixelOrder::bgra;
};

/// How the window system wants a pixel: a word of 2 or 4 bytes with a mask for each channel (alpha 0: no
/// alpha).
struct PixelLayout {
  std::uint32_t bytes = 4;
  std::uint32_t red = 0xff0000;
  std::uint32_t green = 0xff00;
  std::uint32_t blue = 0xff;
  std::uint32_t alpha = 0;
  bool big_endian = false;

  bool is_bgrx() const noexcept {
    return bytes == 4 && !big_endian && red == 0xff0000 && green == 0xff00 && blue == 0xff;
  }
};

/// Converts rows [first_row, first_row + rows) of the frame to `target`, whose rows are `target_pitch` bytes
/// apart and which begins with first_row. `opaque`: alpha becomes one whatever the frame holds.
void convert_rows(const FrameView& frame, std::uint32_t first_row, std::uint32_t rows,
                  const PixelLayout& layout, bool opaque, std::byte* target,
                  std::size_t target_pitch) noexcept;

}  // namespace viaduct::guest::wsi
