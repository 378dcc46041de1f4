// The memory types and heaps that the test layer imposes, modelled on what GPUs report (vulkan.gpuinfo.org).
#pragma once

#include <vulkan/vulkan.h>

#include <cstdint>
#include <vector>

namespace viaduct::tests {

struct MemoryLayout {
  const char* name;
  std::vector<VkMemoryType> types;
  std::vector<VkMemoryHeap> heaps;
  VkDeviceSize non_coherent_atom_size;
  bool imports_host_pages;  // false: as amdgpu, which lists the extension and refuses pages that belong to a
                            // file
  // Resources that are truthfully reported as not importable, and must not meet imported memory.
  bool imports_linear_images = true;
  VkBufferUsageFlags unimportable_buffers = 0;  // buffers with any of these usages

  uint32_t all_types() const { return (1u << types.size()) - 1; }
  // Optimal images live in device-local memory only, as on a discrete GPU.
  uint32_t image_types() const;
  // Host pages can become memory of these types.
  uint32_t import_types() const;
};

// The layout that VIADUCT_TEST_MEMORY_LAYOUT names; the first one if it is unset or unknown.
const MemoryLayout& chosen_layout();

}  // namespace viaduct::tests
