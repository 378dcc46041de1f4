#include "guest-icd/objects/device_facts.hpp"

#include <algorithm>
#include <cstring>

#include "generated/guest/proc_table.hpp"

namespace viaduct::guest {
namespace {

// A host decodes chains of up to 128 structs (PROTOCOL.md); the rest is asked for when it is wanted.
constexpr std::size_t kMaxChain = 120;

struct FormatRange {
  std::uint32_t core_version;
  VkFormat first;
  VkFormat last;
};

// What each core version added. Formats of extensions are asked for one by one.
constexpr FormatRange kFormats[] = {
    {VK_API_VERSION_1_0, VK_FORMAT_UNDEFINED, VK_FORMAT_ASTC_12x12_SRGB_BLOCK},
    {VK_API_VERSION_1_3, VK_FORMAT_ASTC_4x4_SFLOAT_BLOCK, VK_FORMAT_ASTC_12x12_SFLOAT_BLOCK},
    {VK_API_VERSION_1_1, VK_FORMAT_G8B8G8R8_422_UNORM, VK_FORMAT_G16_B16_R16_3PLANE_444_UNORM},
    {VK_API_VERSION_1_3, VK_FORMAT_G8_B8R8_2PLANE_444_UNORM, VK_FORMAT_G16_B16R16_2PLANE_444_UNORM},
    {VK_API_VERSION_1_3, VK_FORMAT_A4R4G4B4_UNORM_PACK16, VK_FORMAT_A4B4G4R4_UNORM_PACK16},
};

constexpr std::size_t kHeader = offsetof(VkBaseOutStructure, pNext) + sizeof(void*);

}  // namespace

bool provides(const ChainStruct& entry, std::uint32_t api_version,
              std::span<const VkExtensionProperties> extensions) noexcept {
  if (entry.core_version != 0 && entry.core_version <= api_version) return true;
  return std::any_of(entry.extensions.begin(), entry.extensions.end(), [&](std::uint16_t index) {
    const ExtensionEntry& extension = kExtensions[index];
    return std::any_of(extensions.begin(), extensions.end(), [&](const VkExtensionProperties& there) {
      return std::strcmp(there.extensionName, extension.name) == 0;
    });
  });
}

ChainAnswers::ChainAnswers(std::span<const ChainStruct> known, std::uint32_t api_version,
                           std::span<const VkExtensionProperties> extensions)
    : known_(known) {
  std::size_t words = 0;
  for (const ChainStruct& entry : known) {
    if (entries_.size() == kMaxChain) break;
    if (!entry.fetched || !provides(entry, api_version, extensions)) continue;
    entries_.push_back({entry.type, entry.size, words});
    words += (entry.size + 7) / 8;
  }
  bytes_.resize(words);
  std::sort(entries_.begin(), entries_.end(), [](const Entry& a, const Entry& b) { return a.type < b.type; });
}

void* ChainAnswers::chain() noexcept {
  VkBaseOutStructure* head = nullptr;
  for (const Entry& entry : entries_) {
    auto* link = reinterpret_cast<VkBaseOutStructure*>(bytes_.data() + entry.offset);
    link->sType = entry.type;
    link->pNext = head;
    head = link;
  }
  return head;
}

bool ChainAnswers::fill(void* application_chain) const noexcept {
  bool all = true;
  for (auto* p = static_cast<VkBaseOutStructure*>(application_chain); p != nullptr; p = p->pNext) {
    const auto found = std::lower_bound(entries_.begin(), entries_.end(), p->sType,
                                        [](const Entry& entry, VkStructureType t) { return entry.type < t; });
    if (found != entries_.end() && found->type == p->sType) {
      std::memcpy(reinterpret_cast<std::byte*>(p) + kHeader,
                  reinterpret_cast<const std::byte*>(bytes_.data() + found->offset) + kHeader,
                  found->size - kHeader);
    } else {
      all = all && std::none_of(known_.begin(), known_.end(),
                                [&](const ChainStruct& entry) { return entry.type == p->sType; });
    }
  }
  return all;
}

std::vector<VkFormat> fetched_formats(std::uint32_t api_version) {
  std::vector<VkFormat> formats;
  for (const FormatRange& range : kFormats) {
    for (int format = range.first; api_version >= range.core_version && format <= range.last; ++format) {
      formats.push_back(static_cast<VkFormat>(format));
    }
  }
  return formats;
}

std::ptrdiff_t fetched_index(VkFormat format, std::uint32_t api_version) noexcept {
  std::ptrdiff_t at = 0;
  for (const FormatRange& range : kFormats) {
    if (api_version < range.core_version) continue;
    if (format >= range.first && format <= range.last) return at + (format - range.first);
    at += range.last - range.first + 1;
  }
  return -1;
}

}  // namespace viaduct::guest
