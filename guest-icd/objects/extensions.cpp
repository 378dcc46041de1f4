#include "guest-icd/objects/extensions.hpp"

#include <algorithm>

#include "generated/guest/proc_table.hpp"
#include "guest-icd/wsi/extensions.hpp"

namespace viaduct::guest {
namespace {

constexpr VkExtensionProperties kOwn[] = {
    {"VK_EXT_debug_report", 10},
    {"VK_EXT_debug_utils", 2},
    {"VK_KHR_device_group_creation", 1},
    {"VK_KHR_external_fence_capabilities", 1},
    {"VK_KHR_external_memory_capabilities", 1},
    {"VK_KHR_external_semaphore_capabilities", 1},
    {"VK_KHR_get_physical_device_properties2", 2},
};

// Fences live in the guest, so what can be done with them depends on no driver.
constexpr VkExtensionProperties kExternalFences{"VK_KHR_external_fence_fd", 1};

const std::vector<VkExtensionProperties>& all_instance_extensions() {
  // Leaked: the loader asks in programs that are about to exit as well.
  static const auto* const all = [] {
    auto* list = new std::vector<VkExtensionProperties>(std::begin(kOwn), std::end(kOwn));
    const auto window = wsi::instance_extensions();
    list->insert(list->end(), window.begin(), window.end());
    std::sort(list->begin(), list->end(), [](const auto& a, const auto& b) {
      return std::string_view(a.extensionName) < std::string_view(b.extensionName);
    });
    return list;
  }();
  return *all;
}

// Provisional extensions change from registry to registry: one whose records the host would read otherwise is
// none.
bool same_on_both_ends(const ExtensionEntry& extension, const KnownCommands& commands) {
  return std::none_of(extension.commands.begin(), extension.commands.end(),
                      [&](protocol::Command c) { return commands.form(c) == protocol::PeerForm::kOther; }) &&
         std::none_of(extension.structs.begin(), extension.structs.end(), [](protocol::ChainStruct s) {
           return protocol::peer_form(s) == protocol::PeerForm::kOther;
         });
}

}  // namespace

std::span<const VkExtensionProperties> instance_extensions() { return all_instance_extensions(); }

bool is_instance_extension(std::string_view name) {
  const auto all = instance_extensions();
  return std::any_of(all.begin(), all.end(), [&](const auto& entry) { return name == entry.extensionName; });
}

std::vector<VkExtensionProperties> device_extensions(std::span<const VkExtensionProperties> host,
                                                     const KnownCommands& commands) {
  std::vector<VkExtensionProperties> offered;
  for (const VkExtensionProperties& extension : host) {
    const ExtensionEntry* known = find_extension(extension.extensionName);
    if (known == nullptr || !known->is_device || known->blocked != nullptr) continue;
    if (!host_sees_device_extension(extension.extensionName)) continue;
    if (!same_on_both_ends(*known, commands)) continue;
    offered.push_back(extension);
    // Behaviour of a revision that this build does not know cannot be promised.
    offered.back().specVersion = std::min(extension.specVersion, known->spec_version);
  }
  const auto window = wsi::device_extensions();
  offered.insert(offered.end(), window.begin(), window.end());
  offered.push_back(kExternalFences);
  std::sort(offered.begin(), offered.end(), [](const auto& a, const auto& b) {
    return std::string_view(a.extensionName) < std::string_view(b.extensionName);
  });
  return offered;
}

bool host_sees_device_extension(std::string_view name) {
  return !wsi::is_device_extension(name) && name != kExternalFences.extensionName;
}

}  // namespace viaduct::guest
