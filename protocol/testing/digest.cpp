#include "protocol/testing/digest.hpp"

#include <vulkan/vulkan.h>

#include <cstring>

namespace viaduct::protocol::testing {

void Digest::string(const char* text) {
  if (text == nullptr) return u64(~std::uint64_t{0});
  bytes(text, std::strlen(text));
}

void digest_chain_types(Digest& d, const void* chain) {
  for (auto* p = static_cast<const VkBaseInStructure*>(chain); p != nullptr; p = p->pNext) {
    d.u64(static_cast<std::uint64_t>(p->sType));
  }
  d.u64(0);
}

}  // namespace viaduct::protocol::testing
