#include "guest-icd/wsi/pixels.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <utility>
#include <vector>

namespace viaduct::guest::wsi {
namespace {

// Two rows of two pixels with padding behind each row.
constexpr std::array<std::uint8_t, 24> kSource{10, 20, 30, 40, 50, 60, 70, 80, 0xee, 0xee, 0xee, 0xee,
                                               1,  2,  3,  4,  5,  6,  7,  8,  0xee, 0xee, 0xee, 0xee};

FrameView frame(PixelOrder order) {
  return {reinterpret_cast<const std::byte*>(kSource.data()), 2, 2, 12, order};
}

std::vector<std::uint8_t> convert(PixelOrder order, const PixelLayout& layout, bool opaque,
                                  std::size_t pitch) {
  std::vector<std::uint8_t> out(pitch * 2, 0x55);
  convert_rows(frame(order), 0, 2, layout, opaque, reinterpret_cast<std::byte*>(out.data()), pitch);
  return out;
}

using Bytes = std::vector<std::uint8_t>;

TEST(Pixels, BgraGoesToBgraUnchangedAndRowPaddingIsLeftAlone) {
  EXPECT_EQ(convert(PixelOrder::bgra, {}, true, 12),
            (Bytes{10, 20, 30, 40, 50, 60, 70, 80, 0x55, 0x55, 0x55, 0x55,
                   1,  2,  3,  4,  5,  6,  7,  8,  0x55, 0x55, 0x55, 0x55}));
}

TEST(Pixels, RgbaSwapsRedAndBlueAndKeepsAlpha) {
  PixelLayout layout;
  layout.alpha = 0xff000000;
  EXPECT_EQ(convert(PixelOrder::rgba, layout, false, 8),
            (Bytes{30, 20, 10, 40, 70, 60, 50, 80, 3, 2, 1, 4, 7, 6, 5, 8}));
}

TEST(Pixels, AnOpaqueSwapchainInAWindowWithAlphaHasAlphaOne) {
  PixelLayout layout;
  layout.alpha = 0xff000000;
  EXPECT_EQ(convert(PixelOrder::bgra, layout, true, 8),
            (Bytes{10, 20, 30, 255, 50, 60, 70, 255, 1, 2, 3, 255, 5, 6, 7, 255}));
}

TEST(Pixels, LongRowsAreConvertedPixelByPixelAlike) {
  for (const std::uint32_t width : {1u, 7u, 8u, 33u, 1283u}) {
    std::vector<std::uint32_t> source(width);
    for (std::uint32_t x = 0; x < width; ++x) source[x] = x * 2654435761u;
    const FrameView rgba{reinterpret_cast<const std::byte*>(source.data()), width, 1, width * 4,
                         PixelOrder::rgba};
    PixelLayout layout;
    layout.alpha = 0xff000000;
    std::vector<std::uint32_t> out(width + 1, 0x55555555);
    convert_rows(rgba, 0, 1, layout, true, reinterpret_cast<std::byte*>(out.data()), width * 4);
    for (std::uint32_t x = 0; x < width; ++x) {
      const std::uint32_t p = source[x];
      ASSERT_EQ(out[x], 0xff000000 | (p & 0xff) << 16 | (p & 0xff00) | (p >> 16 & 0xff)) << width << " " << x;
    }
    EXPECT_EQ(out[width], 0x55555555u);
  }
}

TEST(Pixels, SixteenBitVisualsGetTheTopBitsOfEachChannel) {
  PixelLayout layout{2, 0xf800, 0x7e0, 0x1f, 0, false};
  const Bytes out = convert(PixelOrder::bgra, layout, true, 4);
  const auto expected = [](unsigned r, unsigned g, unsigned b) {
    return (r >> 3) << 11 | (g >> 2) << 5 | b >> 3;
  };
  EXPECT_EQ(out[0] | out[1] << 8, static_cast<int>(expected(30, 20, 10)));
  EXPECT_EQ(out[2] | out[3] << 8, static_cast<int>(expected(70, 60, 50)));
}

TEST(Pixels, TenBitVisualsSpanTheWholeRange) {
  PixelLayout layout{4, 0x3ff00000, 0xffc00, 0x3ff, 0, false};
  const std::uint32_t white = 0xffffffff;
  std::uint32_t out = 0;
  const FrameView one{reinterpret_cast<const std::byte*>(&white), 1, 1, 4, PixelOrder::bgra};
  convert_rows(one, 0, 1, layout, true, reinterpret_cast<std::byte*>(&out), 4);
  EXPECT_EQ(out, 0x3fffffffu);
}

// Red, green and blue of 8 bits that the words below hold in their upper bits.
TEST(Pixels, TenBitFramesLoseTheirLowestBitsAndSpreadTheirAlpha) {
  const std::uint32_t rgb = 2u << 30 | (0x12u << 2 | 3) << 20 | (0x34u << 2 | 1) << 10 | 0x56u << 2;
  const std::uint32_t bgr = 2u << 30 | (0x56u << 2 | 3) << 20 | (0x34u << 2 | 1) << 10 | 0x12u << 2;
  PixelLayout with_alpha;
  with_alpha.alpha = 0xff000000;
  const PixelLayout by_masks{4, 0xff, 0xff00, 0xff0000, 0, false};
  for (const auto& [order, word] :
       {std::pair(PixelOrder::a2r10g10b10, rgb), std::pair(PixelOrder::a2b10g10r10, bgr)}) {
    const FrameView one{reinterpret_cast<const std::byte*>(&word), 1, 1, 4, order};
    std::uint32_t out = 0;
    convert_rows(one, 0, 1, with_alpha, false, reinterpret_cast<std::byte*>(&out), 4);
    EXPECT_EQ(out, 0xaa123456u);
    convert_rows(one, 0, 1, with_alpha, true, reinterpret_cast<std::byte*>(&out), 4);
    EXPECT_EQ(out, 0xff123456u);
    convert_rows(one, 0, 1, by_masks, true, reinterpret_cast<std::byte*>(&out), 4);
    EXPECT_EQ(out, 0x563412u);
  }
}

TEST(Pixels, SixteenBitFramesSpanTheWholeRange) {
  const std::array<std::uint16_t, 4> words{0xffff, 0xf800, 0x07e0, 0x0010};
  const FrameView frame{reinterpret_cast<const std::byte*>(words.data()), 2, 2, 4, PixelOrder::r5g6b5};
  std::array<std::uint32_t, 4> out{};
  convert_rows(frame, 0, 2, {}, true, reinterpret_cast<std::byte*>(out.data()), 8);
  EXPECT_EQ(out, (std::array<std::uint32_t, 4>{0xffffffff, 0xffff0000, 0xff00ff00, 0xff000084}));
}

TEST(Pixels, ABigEndianServerGetsItsBytesReversed) {
  PixelLayout layout;
  layout.big_endian = true;
  const Bytes out = convert(PixelOrder::bgra, layout, true, 8);
  EXPECT_EQ(Bytes(out.begin(), out.begin() + 4), (Bytes{0, 30, 20, 10}));
}

TEST(Pixels, ABandOfRowsBeginsAtItsFirstRow) {
  Bytes out(8, 0x55);
  convert_rows(frame(PixelOrder::bgra), 1, 1, {}, true, reinterpret_cast<std::byte*>(out.data()), 8);
  EXPECT_EQ(out, (Bytes{1, 2, 3, 4, 5, 6, 7, 8}));
}

}  // namespace
}  // namespace viaduct::guest::wsi
