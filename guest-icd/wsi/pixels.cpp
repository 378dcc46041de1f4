#include "guest-icd/wsi/pixels.hpp"

#include <array>
#include <bit>
#include <cstring>
#include <type_traits>

namespace viaduct::guest::wsi {
namespace {

/// A pixel as 0xAARRGGBB. Of channels with more than 8 bits the upper 8 remain.
template <PixelOrder kOrder>
std::uint32_t load_argb(const std::byte* at) noexcept {
  std::uint32_t word = 0;
  std::memcpy(&word, at, bytes_per_pixel(kOrder));
  if constexpr (kOrder == PixelOrder::rgba) {
    word = (word & 0xff00ff00) | ((word & 0xff) << 16) | ((word >> 16) & 0xff);
  } else if constexpr (kOrder == PixelOrder::a2r10g10b10) {
    word = (word >> 30) * 0x55000000 | (word >> 6 & 0xff0000) | (word >> 4 & 0xff00) | (word >> 2 & 0xff);
  } else if constexpr (kOrder == PixelOrder::a2b10g10r10) {
    word = (word >> 30) * 0x55000000 | (word << 14 & 0xff0000) | (word >> 4 & 0xff00) | (word >> 22 & 0xff);
  } else if constexpr (kOrder == PixelOrder::r5g6b5) {
    const std::uint32_t red = word >> 11, green = word >> 5 & 0x3f, blue = word & 0x1f;
    word =
        0xff000000 | (red << 3 | red >> 2) << 16 | (green << 2 | green >> 4) << 8 | (blue << 3 | blue >> 2);
  }
  return word;
}

/// Calls `take` with the order as a constant.
template <class Take>
void with_order(PixelOrder order, const Take& take) noexcept {
  switch (order) {
    case PixelOrder::bgra:
      return take(std::integral_constant<PixelOrder, PixelOrder::bgra>());
    case PixelOrder::rgba:
      return take(std::integral_constant<PixelOrder, PixelOrder::rgba>());
    case PixelOrder::a2r10g10b10:
      return take(std::integral_constant<PixelOrder, PixelOrder::a2r10g10b10>());
    case PixelOrder::a2b10g10r10:
      return take(std::integral_constant<PixelOrder, PixelOrder::a2b10g10r10>());
    case PixelOrder::r5g6b5:
      return take(std::integral_constant<PixelOrder, PixelOrder::r5g6b5>());
  }
}

/// The rows never overlap; saying so lets the compiler take several pixels at a time.
template <PixelOrder kOrder>
void copy_row(const std::byte* __restrict source, std::byte* __restrict target, std::uint32_t width,
              std::uint32_t set_bits) noexcept {
  // A std::size_t: an index that may wrap around keeps the compiler from it.
  for (std::size_t x = 0; x < width; ++x) {
    const std::uint32_t word = load_argb<kOrder>(source + x * bytes_per_pixel(kOrder)) | set_bits;
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

template <PixelOrder kOrder>
void convert_row_by_masks(const std::byte* source, std::byte* target, std::uint32_t width,
                          const PixelLayout& layout, const MaskTables& tables) noexcept {
  for (std::size_t x = 0; x < width; ++x) {
    std::uint32_t word = tables.word(load_argb<kOrder>(source + x * bytes_per_pixel(kOrder)));
    if (layout.big_endian) word = __builtin_bswap32(word) >> (32 - 8 * layout.bytes);
    std::memcpy(target + x * layout.bytes, &word, layout.bytes);
  }
}

void convert_by_masks(const FrameView& frame, std::uint32_t first_row, std::uint32_t rows,
                      const PixelLayout& layout, bool opaque, std::byte* target,
                      std::size_t target_pitch) noexcept {
  const MaskTables tables(layout, opaque);
  with_order(frame.order, [&](auto order) {
    for (std::size_t y = 0; y < rows; ++y) {
      convert_row_by_masks<order()>(frame.pixels + (first_row + y) * frame.row_pitch,
                                    target + y * target_pitch, frame.width, layout, tables);
    }
  });
}

}  // namespace

void convert_rows(const FrameView& frame, std::uint32_t first_row, std::uint32_t rows,
                  const PixelLayout& layout, bool opaque, std::byte* target,
                  std::size_t target_pitch) noexcept {
  const bool fast = layout.is_bgrx() && (layout.alpha == 0 || layout.alpha == 0xff000000);
  if (!fast) return convert_by_masks(frame, first_row, rows, layout, opaque, target, target_pitch);
  const std::uint32_t set_bits = opaque && layout.alpha != 0 ? 0xff000000 : 0;
  with_order(frame.order, [&](auto order) {
    for (std::uint32_t y = 0; y < rows; ++y) {
      const std::byte* source = frame.pixels + (first_row + y) * frame.row_pitch;
      std::byte* row = target + y * target_pitch;
      if (order() == PixelOrder::bgra && set_bits == 0) {
        std::memcpy(row, source, static_cast<std::size_t>(frame.width) * 4);
      } else {
        copy_row<order()>(source, row, frame.width, set_bits);
      }
    }
  });
}

}  // namespace viaduct::guest::wsi
