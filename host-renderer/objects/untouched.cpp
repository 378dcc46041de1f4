#include "host-renderer/objects/untouched.hpp"

#include "generated/protocol/pnext.hpp"

#include <algorithm>
#include <cstddef>
#include <span>

namespace viaduct::host {
namespace {

constexpr std::byte kMark{0xa5};

// A struct's bytes behind sType and pNext.
std::span<std::byte> body(VkBaseOutStructure* s) noexcept {
  const std::size_t size = protocol::plain_output_size(s->sType);
  if (size <= sizeof(VkBaseOutStructure)) return {};
  return {reinterpret_cast<std::byte*>(s) + sizeof(VkBaseOutStructure), size - sizeof(VkBaseOutStructure)};
}

bool consists_of(std::span<const std::byte> bytes, std::byte value) noexcept {
  return !bytes.empty() && std::all_of(bytes.begin(), bytes.end(), [&](std::byte b) { return b == value; });
}

}  // namespace

bool mark_zero_structs(void* chain) noexcept {
  bool any = false;
  for (auto* s = static_cast<VkBaseOutStructure*>(chain); s != nullptr; s = s->pNext) {
    const std::span<std::byte> bytes = body(s);
    if (consists_of(bytes, std::byte{0})) {
      std::fill(bytes.begin(), bytes.end(), kMark);
      any = true;
    }
  }
  return any;
}

void drop_marked_structs(void* chain) noexcept {
  for (auto* s = static_cast<VkBaseOutStructure*>(chain); s != nullptr; s = s->pNext) {
    if (consists_of(body(s), kMark)) s->sType = VK_STRUCTURE_TYPE_MAX_ENUM;
  }
}

}  // namespace viaduct::host
