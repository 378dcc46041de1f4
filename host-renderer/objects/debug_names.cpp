#include "generated/host/overrides.hpp"

namespace viaduct::host {

// Names and tags of objects are for tools that look at the guest's side; the guest keeps what it needs of
// them.
void on_vkSetDebugUtilsObjectNameEXT(CommandContext&, protocol::vkSetDebugUtilsObjectNameEXT_args& a) {
  a.result = VK_SUCCESS;
}
void on_vkSetDebugUtilsObjectTagEXT(CommandContext&, protocol::vkSetDebugUtilsObjectTagEXT_args& a) {
  a.result = VK_SUCCESS;
}
void on_vkDebugMarkerSetObjectNameEXT(CommandContext&, protocol::vkDebugMarkerSetObjectNameEXT_args& a) {
  a.result = VK_SUCCESS;
}
void on_vkDebugMarkerSetObjectTagEXT(CommandContext&, protocol::vkDebugMarkerSetObjectTagEXT_args& a) {
  a.result = VK_SUCCESS;
}

}  // namespace viaduct::host
