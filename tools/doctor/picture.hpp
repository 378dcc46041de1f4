// The test picture: a cleared image with a triangle in it, such that the rules of Vulkan leave no driver a
// choice in any byte. What it must be is computed here; pure functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace viaduct::tools {

inline constexpr std::uint32_t kPictureSide = 64;
inline constexpr std::size_t kPictureBytes = std::size_t{kPictureSide} * kPictureSide * 4;
inline constexpr float kPictureClear[4] = {0.2f, 0.4f, 0.6f, 1.0f};  // 51, 102, 153 and 255 of 255

// RGBA, 8 bits each, row by row.
std::vector<std::byte> expected_picture();

// CRC-32 as zlib, PNG and Ethernet have it.
std::uint32_t crc32(std::span<const std::byte> bytes);

}  // namespace viaduct::tools
