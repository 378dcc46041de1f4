// Looking for a struct in an application's pNext chain.
#pragma once

#include <vulkan/vulkan_core.h>

namespace viaduct::guest::wsi {

/// The first struct of this type, which must be T's; null when there is none.
template <class T>
const T* find_in_chain(const void* chain, VkStructureType type) noexcept {
  for (auto* next = static_cast<const VkBaseInStructure*>(chain); next != nullptr; next = next->pNext) {
    if (next->sType == type) return reinterpret_cast<const T*>(next);
  }
  return nullptr;
}

}  // namespace viaduct::guest::wsi
