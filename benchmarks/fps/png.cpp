#include "fps/png.hpp"

#include <png.h>

#include <vector>

namespace viaduct::bench {

bool write_png(const std::string& path, uint32_t width, uint32_t height, std::span<const std::byte> rgba) {
  if (rgba.size() < std::size_t{width} * height * 4) return false;
  std::vector<std::byte> rgb(std::size_t{width} * height * 3);
  for (std::size_t i = 0; i < std::size_t{width} * height; ++i)
    for (std::size_t c = 0; c < 3; ++c) rgb[i * 3 + c] = rgba[i * 4 + c];
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  image.width = width;
  image.height = height;
  image.format = PNG_FORMAT_RGB;
  return png_image_write_to_file(&image, path.c_str(), 0, rgb.data(), 0, nullptr) != 0;
}

}  // namespace viaduct::bench
