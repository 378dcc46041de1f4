#include "guest-icd/wsi/pixels.hpp"

#include <array>
#include <bit>
#include <cstring>

namespace viaduct::guest::wsi {
namespace {

std::uint32_t load(const std::byte* at) noexcept {
  std::uint32_t word;
  std::memcpy(&word, at, sizeof(word));
  return word;
}

/// RGBA in memory (0xAABBGGRR as a word) to 0xAARRGGBB.
constexpr std::uint32_t swap_red_blue(std::uint32_t word) noexcept {
  return (word & 0xff00ff00) | ((word & 0xff) << 16) | ((word >> 16) & 0xff);
}

/// The rows never overlap; saying so lets the compiler take several pixels at a time.
template <bool kSwap>
void copy_row(const std::byte* __restrict source, std::byte* __restrict target, std::uint32_t width,
              std::uint32_t set_bits) noexcept {
  // A std::size_t: an index that may wrap around keeps the compiler from it.
  for (std::size_t x = 0; x < width; ++x) {
    std::uint32_t word = load(source + x * 4);
    if constexpr (kSwap) word = swap_red_blue(word);
    word |= set_bits;
    std::memcpy(target + x * 4, &word, sizeof(word));
  }
}

/// An 8-bit channel in the place that `mask` names, widened or narrowed to its width.
std::uint32_t place(std::uint32_t channel, std::uint32_t mask) noexcept {
  if (mask == 0) return 0;
  const int width = std::popcount(mask);
  const int shift = std::countr_zero(mask);
  std::uint32_t value = 0;
  if (width <= 8) {
    value = channel >> (8 - width);
  } else {
    const auto widest = width >= 16 ? 0xffffu : (1u << width) - 1;
    value = (channel * widest + 127) / 255;
  }
  return (value << shift) & mask;
}

/// Where every value of every channel lies in a word of the layout.
struct MaskTables {
  MaskTables(const PixelLayout& layout, bool opaque) noexcept {
    for (std::uint32_t value = 0; value < 256; ++value) {
      red[value] = place(value, layout.red);
      green[value] = place(value, layout.green);
      blue[value] = place(value, layout.blue);
      alpha[value] = place(opaque ? 0xff : value, layout.alpha);
    }
  }
  std::uint32_t word(std::uint32_t argb) const noexcept {
    return red[(argb >> 16) & 0xff] | green[(argb >> 8) & 0xff] | blue[argb & 0xff] | alpha[argb >> 24];
  }

  std::array<std::uint32_t, 256> red, green, blue, alpha;
};

void convert_row_by_masks(const std::byte* source, PixelOrder order, std::byte* target, std::uint32_t width,
                          const PixelLayout& layout, const MaskTables& tables) noexcept {
  for (std::size_t x = 0; x < width; ++x) {
    std::uint32_t argb = load(source + x * 4);
    if (order == PixelOrder::rgba) argb = swap_red_blue(argb);
    std::uint32_t word = tables.word(argb);
    if (layout.big_endian) word = __builtin_bswap32(word) >> (32 - 8 * layout.bytes);
    std::memcpy(target + x * layout.bytes, &word, layout.bytes);
  }
}

void convert_by_masks(const FrameView& frame, std::uint32_t first_row, std::uint32_t rows,
                      const PixelLayout& layout, bool opaque, std::byte* target,
                      std::size_t target_pitch) noexcept {
  const MaskTables tables(layout, opaque);
  for (std::size_t y = 0; y < rows; ++y) {
    convert_row_by_masks(frame.pixels + (first_row + y) * frame.row_pitch, frame.order,
                         target + y * target_pitch, frame.width, layout, tables);
  }
}

}  // namespace

void convert_rows(const FrameView& frame, std::uint32_t first_row, std::uint32_t rows,
                  const PixelLayout& layout, bool opaque, std::byte* target,
                  std::size_t target_pitch) noexcept {
  const bool fast = layout.is_bgrx() && (layout.alpha == 0 || layout.alpha == 0xff000000);
  if (!fast) return convert_by_masks(frame, first_row, rows, layout, opaque, target, target_pitch);
  const std::uint32_t set_bits = opaque && layout.alpha != 0 ? 0xff000000 : 0;
  for (std::uint32_t y = 0; y < rows; ++y) {
    const std::byte* source = frame.pixels + (first_row + y) * frame.row_pitch;
    std::byte* row = target + y * target_pitch;
    if (frame.order == PixelOrder::rgba) {
      copy_row<true>(source, row, frame.width, set_bits);
    } else if (set_bits != 0) {
      copy_row<false>(source, row, frame.width, set_bits);
    } else {
      std::memcpy(row, source, static_cast<std::size_t>(frame.width) * 4);
    }
  }
}

}  // namespace viaduct::guest::wsi
