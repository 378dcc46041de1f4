#include "tools/doctor/picture.hpp"

namespace viaduct::tools {
namespace {

// The triangle of shaders/picture.vert: corners at (8, 8), (56.5, 8) and (8, 56.5). The middle of pixel
// (x, y) is (x + 0.5, y + 0.5), and no middle lies on an edge.
bool covers(std::uint32_t x, std::uint32_t y) { return x >= 8 && y >= 8 && x + y + 1 <= 64; }

void put(std::vector<std::byte>& into, std::uint32_t r, std::uint32_t g, std::uint32_t b) {
  for (const std::uint32_t value : {r, g, b, 255u}) into.push_back(static_cast<std::byte>(value));
}

}  // namespace

std::vector<std::byte> expected_picture() {
  std::vector<std::byte> picture;
  picture.reserve(kPictureBytes);
  for (std::uint32_t y = 0; y < kPictureSide; ++y) {
    for (std::uint32_t x = 0; x < kPictureSide; ++x) {
      if (covers(x, y))
        put(picture, x * 4, y * 4, 128);
      else
        put(picture, 51, 102, 153);
    }
  }
  return picture;
}

std::uint32_t crc32(std::span<const std::byte> bytes) {
  std::uint32_t crc = ~0u;
  for (const std::byte byte : bytes) {
    crc ^= static_cast<std::uint32_t>(byte);
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ ((crc & 1) != 0 ? 0xedb88320u : 0u);
  }
  return ~crc;
}

}  // namespace viaduct::tools
