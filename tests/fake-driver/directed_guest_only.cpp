// What lives in the guest, and what both sides refuse: nothing of it reaches a driver.
#include <cstring>
#include <span>

#include "generated/protocol/args.hpp"
#include "tests/fake-driver/guest_directed.hpp"
#include "tests/fake-driver/names.hpp"

namespace viaduct::fake {
namespace {

void private_data(Guest& guest, Check& check) {
  const VkPrivateDataSlotCreateInfo info{VK_STRUCTURE_TYPE_PRIVATE_DATA_SLOT_CREATE_INFO};
  VkPrivateDataSlot slot = VK_NULL_HANDLE;
  require(
      guest.get<PFN_vkCreatePrivateDataSlot>("vkCreatePrivateDataSlot")(guest.device, &info, nullptr, &slot),
      "vkCreatePrivateDataSlot");
  const auto set = guest.get<PFN_vkSetPrivateData>("vkSetPrivateData");
  const auto get = guest.get<PFN_vkGetPrivateData>("vkGetPrivateData");
  const uint64_t object = guest.pool(protocol::ObjectType::kBuffer).front();
  uint64_t value = 1;
  get(guest.device, VK_OBJECT_TYPE_BUFFER, object, slot, &value);
  check.that(value == 0, "private data that was not set");
  check.that(set(guest.device, VK_OBJECT_TYPE_BUFFER, object, slot, 0x1122334455667788ull) == VK_SUCCESS,
             "vkSetPrivateData");
  get(guest.device, VK_OBJECT_TYPE_BUFFER, object, slot, &value);
  check.that(value == 0x1122334455667788ull, "private data");
  guest.get<PFN_vkDestroyPrivateDataSlot>("vkDestroyPrivateDataSlot")(guest.device, slot, nullptr);
  check.nothing_logged("private data");
}

// Fences as descriptors are the guest's affair. For memory and semaphores the driver would be asked, and this
// one has no descriptors; tests/e2e/conformance asks those that have.
void descriptors(Guest& guest, Check& check) {
  const VkExportFenceCreateInfo exported{VK_STRUCTURE_TYPE_EXPORT_FENCE_CREATE_INFO, nullptr,
                                         VK_EXTERNAL_FENCE_HANDLE_TYPE_OPAQUE_FD_BIT};
  const VkFenceCreateInfo info{VK_STRUCTURE_TYPE_FENCE_CREATE_INFO, &exported, VK_FENCE_CREATE_SIGNALED_BIT};
  VkFence fences[2] = {};
  for (VkFence& fence : fences) {
    require(guest.get<PFN_vkCreateFence>("vkCreateFence")(guest.device, &info, nullptr, &fence),
            "vkCreateFence");
  }
  const VkFenceGetFdInfoKHR get{VK_STRUCTURE_TYPE_FENCE_GET_FD_INFO_KHR, nullptr, fences[0],
                                VK_EXTERNAL_FENCE_HANDLE_TYPE_OPAQUE_FD_BIT};
  int fd = -1;
  check.that(
      guest.get<PFN_vkGetFenceFdKHR>("vkGetFenceFdKHR")(guest.device, &get, &fd) == VK_SUCCESS && fd >= 0,
      "export of a fence");
  const VkImportSemaphoreFdInfoKHR no_semaphore{
      VK_STRUCTURE_TYPE_IMPORT_SEMAPHORE_FD_INFO_KHR,
      nullptr,
      protocol::handle_from_bits<VkSemaphore>(guest.pool(protocol::ObjectType::kSemaphore).front()),
      0,
      VK_EXTERNAL_SEMAPHORE_HANDLE_TYPE_OPAQUE_FD_BIT,
      fd};
  check.that(guest.get<PFN_vkImportSemaphoreFdKHR>("vkImportSemaphoreFdKHR")(guest.device, &no_semaphore) ==
                 VK_ERROR_INVALID_EXTERNAL_HANDLE,
             "a fence was imported as a semaphore");
  const VkImportFenceFdInfoKHR import{VK_STRUCTURE_TYPE_IMPORT_FENCE_FD_INFO_KHR,  nullptr, fences[1], 0,
                                      VK_EXTERNAL_FENCE_HANDLE_TYPE_OPAQUE_FD_BIT, fd};
  check.that(guest.get<PFN_vkImportFenceFdKHR>("vkImportFenceFdKHR")(guest.device, &import) == VK_SUCCESS,
             "import of a fence");
  guest.get<PFN_vkResetFences>("vkResetFences")(guest.device, 1, fences);
  check.that(guest.get<PFN_vkGetFenceStatus>("vkGetFenceStatus")(guest.device, fences[1]) == VK_NOT_READY,
             "the payload is not shared");
  for (VkFence fence : fences) guest.get<PFN_vkDestroyFence>("vkDestroyFence")(guest.device, fence, nullptr);
  const VkSemaphoreGetFdInfoKHR semaphore{VK_STRUCTURE_TYPE_SEMAPHORE_GET_FD_INFO_KHR, nullptr,
                                          no_semaphore.semaphore,
                                          VK_EXTERNAL_SEMAPHORE_HANDLE_TYPE_OPAQUE_FD_BIT};
  check.that(guest.get<PFN_vkGetSemaphoreFdKHR>("vkGetSemaphoreFdKHR")(guest.device, &semaphore, &fd) ==
                 VK_ERROR_TOO_MANY_OBJECTS,
             "a semaphore of a driver without descriptors was exported");
  const VkMemoryGetFdInfoKHR memory{
      VK_STRUCTURE_TYPE_MEMORY_GET_FD_INFO_KHR, nullptr,
      protocol::handle_from_bits<VkDeviceMemory>(guest.pool(protocol::ObjectType::kDeviceMemory).front()),
      VK_EXTERNAL_MEMORY_HANDLE_TYPE_OPAQUE_FD_BIT};
  check.that(guest.get<PFN_vkGetMemoryFdKHR>("vkGetMemoryFdKHR")(guest.device, &memory, &fd) ==
                 VK_ERROR_TOO_MANY_OBJECTS,
             "memory that was not made for it was exported");
  VkMemoryFdPropertiesKHR properties{VK_STRUCTURE_TYPE_MEMORY_FD_PROPERTIES_KHR};
  check.that(guest.get<PFN_vkGetMemoryFdPropertiesKHR>("vkGetMemoryFdPropertiesKHR")(
                 guest.device, VK_EXTERNAL_MEMORY_HANDLE_TYPE_DMA_BUF_BIT_EXT, 0, &properties) ==
                 VK_ERROR_INVALID_EXTERNAL_HANDLE,
             "properties of a dma-buf");
  check.nothing_logged("a descriptor");
}

VKAPI_ATTR VkBool32 VKAPI_CALL on_message(VkDebugUtilsMessageSeverityFlagBitsEXT,
                                          VkDebugUtilsMessageTypeFlagsEXT,
                                          const VkDebugUtilsMessengerCallbackDataEXT* data, void* user) {
  *static_cast<std::string*>(user) += data->pMessage;
  return VK_FALSE;
}

VKAPI_ATTR VkBool32 VKAPI_CALL on_report(VkDebugReportFlagsEXT, VkDebugReportObjectTypeEXT, uint64_t, size_t,
                                         int32_t, const char*, const char* message, void* user) {
  *static_cast<std::string*>(user) += message;
  return VK_FALSE;
}

void messages(Guest& guest, Check& check) {
  std::string heard;
  VkDebugUtilsMessengerCreateInfoEXT info{VK_STRUCTURE_TYPE_DEBUG_UTILS_MESSENGER_CREATE_INFO_EXT};
  info.messageSeverity = VK_DEBUG_UTILS_MESSAGE_SEVERITY_ERROR_BIT_EXT;
  info.messageType = VK_DEBUG_UTILS_MESSAGE_TYPE_GENERAL_BIT_EXT;
  info.pfnUserCallback = on_message;
  info.pUserData = &heard;
  VkDebugUtilsMessengerEXT messenger = VK_NULL_HANDLE;
  require(guest.get<PFN_vkCreateDebugUtilsMessengerEXT>("vkCreateDebugUtilsMessengerEXT")(
              guest.instance, &info, nullptr, &messenger),
          "vkCreateDebugUtilsMessengerEXT");
  VkDebugUtilsMessengerCallbackDataEXT data{VK_STRUCTURE_TYPE_DEBUG_UTILS_MESSENGER_CALLBACK_DATA_EXT};
  data.pMessage = "one";
  const auto submit = guest.get<PFN_vkSubmitDebugUtilsMessageEXT>("vkSubmitDebugUtilsMessageEXT");
  submit(guest.instance, VK_DEBUG_UTILS_MESSAGE_SEVERITY_ERROR_BIT_EXT,
         VK_DEBUG_UTILS_MESSAGE_TYPE_GENERAL_BIT_EXT, &data);
  submit(guest.instance, VK_DEBUG_UTILS_MESSAGE_SEVERITY_INFO_BIT_EXT,
         VK_DEBUG_UTILS_MESSAGE_TYPE_GENERAL_BIT_EXT, &data);
  guest.get<PFN_vkDestroyDebugUtilsMessengerEXT>("vkDestroyDebugUtilsMessengerEXT")(guest.instance, messenger,
                                                                                    nullptr);
  submit(guest.instance, VK_DEBUG_UTILS_MESSAGE_SEVERITY_ERROR_BIT_EXT,
         VK_DEBUG_UTILS_MESSAGE_TYPE_GENERAL_BIT_EXT, &data);
  check.that(heard == "one", "a messenger heard: " + heard);

  heard.clear();
  VkDebugReportCallbackCreateInfoEXT report{VK_STRUCTURE_TYPE_DEBUG_REPORT_CALLBACK_CREATE_INFO_EXT};
  report.flags = VK_DEBUG_REPORT_ERROR_BIT_EXT;
  report.pfnCallback = on_report;
  report.pUserData = &heard;
  VkDebugReportCallbackEXT callback = VK_NULL_HANDLE;
  require(guest.get<PFN_vkCreateDebugReportCallbackEXT>("vkCreateDebugReportCallbackEXT")(
              guest.instance, &report, nullptr, &callback),
          "vkCreateDebugReportCallbackEXT");
  const auto tell = guest.get<PFN_vkDebugReportMessageEXT>("vkDebugReportMessageEXT");
  tell(guest.instance, VK_DEBUG_REPORT_ERROR_BIT_EXT, VK_DEBUG_REPORT_OBJECT_TYPE_UNKNOWN_EXT, 0, 0, 0, "",
       "two");
  guest.get<PFN_vkDestroyDebugReportCallbackEXT>("vkDestroyDebugReportCallbackEXT")(guest.instance, callback,
                                                                                    nullptr);
  tell(guest.instance, VK_DEBUG_REPORT_ERROR_BIT_EXT, VK_DEBUG_REPORT_OBJECT_TYPE_UNKNOWN_EXT, 0, 0, 0, "",
       "two");
  check.that(heard == "two", "a callback heard: " + heard);
  check.nothing_logged("a message for people");
}

// Names and tags hold a handle of any type, which has no wire form: the guest sends the object's id instead,
// and the driver is given its own handle. Those of VK_EXT_debug_marker arrive by VK_EXT_debug_utils as well.
// Labels are called by chance, as all else.
void names(Guest& guest, Check& check) {
  const uint64_t buffer = guest.pool(protocol::ObjectType::kBuffer).front();
  const uint8_t tag[] = {1, 2, 3};
  const VkDebugUtilsObjectNameInfoEXT name{VK_STRUCTURE_TYPE_DEBUG_UTILS_OBJECT_NAME_INFO_EXT, nullptr,
                                           VK_OBJECT_TYPE_BUFFER, buffer, "a buffer"};
  check.that(guest.get<PFN_vkSetDebugUtilsObjectNameEXT>("vkSetDebugUtilsObjectNameEXT")(guest.device,
                                                                                         &name) == VK_SUCCESS,
             "vkSetDebugUtilsObjectNameEXT");
  const VkDebugUtilsObjectTagInfoEXT tagged{VK_STRUCTURE_TYPE_DEBUG_UTILS_OBJECT_TAG_INFO_EXT,
                                            nullptr,
                                            VK_OBJECT_TYPE_BUFFER,
                                            buffer,
                                            7,
                                            sizeof(tag),
                                            tag};
  check.that(guest.get<PFN_vkSetDebugUtilsObjectTagEXT>("vkSetDebugUtilsObjectTagEXT")(guest.device,
                                                                                       &tagged) == VK_SUCCESS,
             "vkSetDebugUtilsObjectTagEXT");
  const VkDebugMarkerObjectNameInfoEXT marker{VK_STRUCTURE_TYPE_DEBUG_MARKER_OBJECT_NAME_INFO_EXT, nullptr,
                                              VK_DEBUG_REPORT_OBJECT_TYPE_BUFFER_EXT, buffer, "a buffer"};
  check.that(guest.get<PFN_vkDebugMarkerSetObjectNameEXT>("vkDebugMarkerSetObjectNameEXT")(
                 guest.device, &marker) == VK_SUCCESS,
             "vkDebugMarkerSetObjectNameEXT");
  const VkDebugMarkerObjectTagInfoEXT marked{VK_STRUCTURE_TYPE_DEBUG_MARKER_OBJECT_TAG_INFO_EXT,
                                             nullptr,
                                             VK_DEBUG_REPORT_OBJECT_TYPE_BUFFER_EXT,
                                             buffer,
                                             7,
                                             sizeof(tag),
                                             tag};
  check.that(guest.get<PFN_vkDebugMarkerSetObjectTagEXT>("vkDebugMarkerSetObjectTagEXT")(
                 guest.device, &marked) == VK_SUCCESS,
             "vkDebugMarkerSetObjectTagEXT");
  const std::vector<LoggedCall> calls = check.log();
  const uint64_t number = guest.driver_number(buffer);
  const uint64_t named =
      name_digest(VK_OBJECT_TYPE_BUFFER, number, 0, std::as_bytes(std::span("a buffer", 8)));
  const uint64_t with_tag = name_digest(VK_OBJECT_TYPE_BUFFER, number, 7, std::as_bytes(std::span(tag)));
  const auto arrived = [&](const char* command, uint64_t inputs) {
    const LoggedCall* last = find_last(calls, command);
    return count_calls(calls, command) == 2 && last->entry.inputs == inputs;
  };
  check.that(arrived("vkSetDebugUtilsObjectNameEXT", named), "the name did not arrive as it was given");
  check.that(arrived("vkSetDebugUtilsObjectTagEXT", with_tag), "the tag did not arrive as it was given");
}

constexpr const char* kRefused[] = {"vkBuildAccelerationStructuresKHR",
                                    "vkCopyAccelerationStructureToMemoryKHR",
                                    "vkCopyMemoryToAccelerationStructureKHR",
                                    "vkBuildMicromapsEXT",
                                    "vkCopyMicromapToMemoryEXT",
                                    "vkCopyMemoryToMicromapEXT"};

// They would have the driver follow addresses of the caller's memory.
void refused(Guest& guest, Check& check) {
  for (const char* name : kRefused) {
    Args args(guest, subject_of(name), 2);
    args.call(guest.find(name));
    check.that(args.result() == VK_ERROR_FEATURE_NOT_PRESENT, std::string(name) + " was not refused");
  }
  check.nothing_logged("a refused command");
}

}  // namespace

std::vector<Case> guest_only_cases() {
  return {
      {{"vkGetFenceFdKHR", "vkImportFenceFdKHR", "vkGetSemaphoreFdKHR", "vkImportSemaphoreFdKHR",
        "vkGetMemoryFdKHR", "vkGetMemoryFdPropertiesKHR"},
       descriptors},
      {{"vkCreatePrivateDataSlot", "vkDestroyPrivateDataSlot", "vkSetPrivateData", "vkGetPrivateData"},
       private_data},
      {{"vkCreateDebugUtilsMessengerEXT", "vkDestroyDebugUtilsMessengerEXT", "vkSubmitDebugUtilsMessageEXT",
        "vkCreateDebugReportCallbackEXT", "vkDestroyDebugReportCallbackEXT", "vkDebugReportMessageEXT"},
       messages},
      {{"vkSetDebugUtilsObjectNameEXT", "vkSetDebugUtilsObjectTagEXT", "vkDebugMarkerSetObjectNameEXT",
        "vkDebugMarkerSetObjectTagEXT"},
       names},
      {{std::begin(kRefused), std::end(kRefused)}, refused},
  };
}

}  // namespace viaduct::fake
