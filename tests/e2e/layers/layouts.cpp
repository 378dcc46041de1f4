#include "layouts.hpp"

#include <cstdlib>
#include <cstring>

namespace viaduct::tests {
namespace {

constexpr VkMemoryPropertyFlags kLocal = VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT;
constexpr VkMemoryPropertyFlags kVisible = VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT;
constexpr VkMemoryPropertyFlags kCoherent = VK_MEMORY_PROPERTY_HOST_COHERENT_BIT;
constexpr VkMemoryPropertyFlags kCached = VK_MEMORY_PROPERTY_HOST_CACHED_BIT;
constexpr VkDeviceSize kMiB = 1ull << 20, kGiB = 1ull << 30;

const std::vector<MemoryLayout>& layouts() {
  static const std::vector<MemoryLayout> all = {
      // A discrete NVIDIA card: a type with no properties first, and a 256 MiB BAR heap.
      {"nvidia",
       {{0, 1},
        {kLocal, 0},
        {kVisible | kCoherent, 1},
        {kVisible | kCoherent | kCached, 1},
        {kLocal | kVisible | kCoherent, 2}},
       {{8 * kGiB, VK_MEMORY_HEAP_DEVICE_LOCAL_BIT},
        {12 * kGiB, 0},
        {256 * kMiB, VK_MEMORY_HEAP_DEVICE_LOCAL_BIT}},
       64,
       true},
      // A discrete AMD card without resizable BAR, and with amdgpu's refusal to import pages of files.
      {"amd",
       {{kLocal, 0},
        {kVisible | kCoherent, 1},
        {kLocal | kVisible | kCoherent, 2},
        {kVisible | kCoherent | kCached, 1}},
       {{8 * kGiB, VK_MEMORY_HEAP_DEVICE_LOCAL_BIT},
        {12 * kGiB, 0},
        {256 * kMiB, VK_MEMORY_HEAP_DEVICE_LOCAL_BIT}},
       64,
       false},
      // The same card with a driver that cannot bind linear images to host pages.
      {"linear",
       {{0, 1},
        {kLocal, 0},
        {kVisible | kCoherent, 1},
        {kVisible | kCoherent | kCached, 1},
        {kLocal | kVisible | kCoherent, 2}},
       {{8 * kGiB, VK_MEMORY_HEAP_DEVICE_LOCAL_BIT},
        {12 * kGiB, 0},
        {256 * kMiB, VK_MEMORY_HEAP_DEVICE_LOCAL_BIT}},
       64,
       true,
       false},
      // And one that cannot bind the buffers that shaders and the vertex stage read.
      {"buffers",
       {{0, 1},
        {kLocal, 0},
        {kVisible | kCoherent, 1},
        {kVisible | kCoherent | kCached, 1},
        {kLocal | kVisible | kCoherent, 2}},
       {{8 * kGiB, VK_MEMORY_HEAP_DEVICE_LOCAL_BIT},
        {12 * kGiB, 0},
        {256 * kMiB, VK_MEMORY_HEAP_DEVICE_LOCAL_BIT}},
       64,
       true,
       false,
       VK_BUFFER_USAGE_UNIFORM_BUFFER_BIT | VK_BUFFER_USAGE_STORAGE_BUFFER_BIT |
           VK_BUFFER_USAGE_VERTEX_BUFFER_BIT | VK_BUFFER_USAGE_INDEX_BUFFER_BIT},
      // Memory that the processor caches and the device does not snoop: flushes and invalidates matter.
      {"noncoherent",
       {{kLocal, 0}, {kVisible | kCached, 1}, {kVisible | kCoherent, 1}},
       {{4 * kGiB, VK_MEMORY_HEAP_DEVICE_LOCAL_BIT}, {8 * kGiB, 0}},
       256,
       true},
  };
  return all;
}

}  // namespace

uint32_t MemoryLayout::image_types() const {
  uint32_t bits = 0;
  for (uint32_t i = 0; i < types.size(); ++i)
    if (types[i].propertyFlags & kLocal) bits |= 1u << i;
  return bits;
}

uint32_t MemoryLayout::import_types() const {
  uint32_t bits = 0;
  for (uint32_t i = 0; i < types.size(); ++i)
    if ((types[i].propertyFlags & (kVisible | kLocal)) == kVisible) bits |= 1u << i;
  return bits;
}

const MemoryLayout& chosen_layout() {
  const char* wanted = std::getenv("VIADUCT_TEST_MEMORY_LAYOUT");
  for (const auto& layout : layouts())
    if (wanted && !std::strcmp(wanted, layout.name)) return layout;
  return layouts().front();
}

}  // namespace viaduct::tests
