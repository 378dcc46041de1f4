// Entry points of VkInstance. Only vkCreateInstance needs the host; what may be asked without an instance is
// answered from this build's own lists.
#include "guest-icd/objects/instance.hpp"

#include <algorithm>
#include <cstdlib>
#include <new>
#include <string_view>
#include <vector>

#include "generated/guest/calls.hpp"
#include "generated/guest/entrypoints.hpp"
#include "guest-icd/objects/extensions.hpp"
#include "guest-icd/objects/host_messages.hpp"
#include "guest-icd/objects/object_ids.hpp"
#include "guest-icd/session/session.hpp"

namespace viaduct::guest {

Instance::Instance(std::shared_ptr<Session> its_session, std::uint64_t object_id) noexcept
    : Dispatchable(*its_session, its_session->channel(), object_id),
      session_reference(std::move(its_session)) {}

PhysicalDevice::PhysicalDevice(Instance& owner, std::uint64_t object_id) noexcept
    : Dispatchable(*owner.session, *owner.channel, object_id), instance(&owner) {}

std::uint32_t PhysicalDevice::usable_version() const noexcept {
  return std::min(api_version, instance->api_version);
}

bool wants_cpu(const VkApplicationInfo* application) noexcept {
  if (application == nullptr || application->pEngineName == nullptr) return false;
  if (std::string_view(application->pEngineName) != "mesa zink") return false;
  const char* wanted = std::getenv("VIADUCT_ZINK_DEVICE");
  return wanted != nullptr && std::string_view(wanted) == "cpu";
}

namespace {

VkResult create_instance(const VkInstanceCreateInfo& info, VkInstance* out) {
  for (std::uint32_t i = 0; i < info.enabledExtensionCount; ++i) {
    if (!is_instance_extension(info.ppEnabledExtensionNames[i])) return VK_ERROR_EXTENSION_NOT_PRESENT;
  }
  auto session = Session::acquire();
  if (session == nullptr) {
    tell_creation_failed(info,
                         "no Viaduct host serves this program; a line on standard error says what was tried");
    return VK_ERROR_INITIALIZATION_FAILED;
  }
  Channel& channel = session->channel();
  const std::uint64_t id = new_id(channel, protocol::ObjectType::kInstance);
  if (id == 0) return VK_ERROR_OUT_OF_HOST_MEMORY;
  auto instance = std::make_unique<Instance>(std::move(session), id);
  if (info.pApplicationInfo != nullptr && info.pApplicationInfo->apiVersion != 0) {
    instance->api_version = info.pApplicationInfo->apiVersion;
  }
  instance->as_cpu = wants_cpu(info.pApplicationInfo);
  for (std::uint32_t i = 0; i < info.enabledExtensionCount; ++i) {
    instance->extensions.emplace(info.ppEnabledExtensionNames[i]);
  }
  // The host enables what it needs by itself: our other instance extensions are implemented here or answered
  // by functions that the host has anyway. The application's name and version reach the driver.
  std::vector<const char*> names;
  for (const char* name : {VK_EXT_DEBUG_REPORT_EXTENSION_NAME, VK_EXT_DEBUG_UTILS_EXTENSION_NAME}) {
    if (instance->enabled(name)) names.push_back(name);
  }
  VkInstanceCreateInfo sent{
      VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO,   nullptr,     0, info.pApplicationInfo, 0, nullptr,
      static_cast<std::uint32_t>(names.size()), names.data()};
  VkInstance handle = instance->handle();
  if (!names.empty()) {
    instance->creation_messengers.add_from_chain(info);
    listen_to_host(*instance, instance->creation_messengers.interest());
  }
  const VkResult result = call_vkCreateInstance(channel, &sent, nullptr, &handle);
  if (instance->listening.ever) {
    deliver_host_messages(*instance, instance->creation_messengers);
    listen_to_host(*instance, {});
  }
  if (result != VK_SUCCESS) {
    release_id(channel, protocol::ObjectType::kInstance, id);
    // Loss is no result of this call.
    return result == VK_ERROR_DEVICE_LOST ? VK_ERROR_INITIALIZATION_FAILED : result;
  }
  if (!names.empty()) {
    VkBool32 debug_utils = VK_FALSE;
    call_viaductGetInstanceInfo(channel, handle, &debug_utils);
    instance->debug_names = debug_utils == VK_TRUE;
  }
  *out = instance.release()->handle();
  return VK_SUCCESS;
}

}  // namespace

namespace entry {

VKAPI_ATTR VkResult VKAPI_CALL vkEnumerateInstanceVersion(uint32_t* pApiVersion) noexcept {
  *pApiVersion = VK_HEADER_VERSION_COMPLETE;
  return VK_SUCCESS;
}

VKAPI_ATTR VkResult VKAPI_CALL vkEnumerateInstanceExtensionProperties(
    const char* pLayerName, uint32_t* pPropertyCount, VkExtensionProperties* pProperties) noexcept {
  if (pLayerName != nullptr) return VK_ERROR_LAYER_NOT_PRESENT;
  return enumerate(instance_extensions(), pPropertyCount, pProperties);
}

VKAPI_ATTR VkResult VKAPI_CALL vkEnumerateInstanceLayerProperties(uint32_t* pPropertyCount,
                                                                  VkLayerProperties*) noexcept {
  *pPropertyCount = 0;
  return VK_SUCCESS;
}

VKAPI_ATTR VkResult VKAPI_CALL vkCreateInstance(const VkInstanceCreateInfo* pCreateInfo,
                                                const VkAllocationCallbacks*,
                                                VkInstance* pInstance) noexcept {
  try {
    return create_instance(*pCreateInfo, pInstance);
  } catch (const std::bad_alloc&) {
    return VK_ERROR_OUT_OF_HOST_MEMORY;
  }
}

VKAPI_ATTR void VKAPI_CALL vkDestroyInstance(VkInstance instance,
                                             const VkAllocationCallbacks* pAllocator) noexcept {
  if (instance == VK_NULL_HANDLE) return;
  std::unique_ptr<Instance> self(Instance::from(instance));
  // The instance's reference may be the last: the session must outlive what is done with its channel here.
  const std::shared_ptr<Session> session = self->session_reference;
  Channel& channel = session->channel();
  if (self->debug_names) listen_to_host(*self, self->creation_messengers.interest());
  post_vkDestroyInstance(channel, instance, pAllocator);
  if (self->listening.any.load(std::memory_order_relaxed)) {
    deliver_host_messages(*self, self->creation_messengers);
  }
  // Nothing is kept for an instance that is no more.
  if (self->listening.ever) post_viaductListen(channel, self->header.id, 0, 0);
  channel.flush();
  for (const auto& physical : self->physical_devices) {
    release_id(channel, protocol::ObjectType::kPhysicalDevice, physical->header.id);
  }
  const std::uint64_t id = self->header.id;
  self.reset();
  release_id(channel, protocol::ObjectType::kInstance, id);
}

}  // namespace entry
}  // namespace viaduct::guest
