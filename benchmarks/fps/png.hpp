// Writes 8-bit RGBA rows, top first, as an opaque RGB PNG. False when the file cannot be written.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace viaduct::bench {

bool write_png(const std::string& path, uint32_t width, uint32_t height, std::span<const std::byte> rgba);

}  // namespace viaduct::bench
