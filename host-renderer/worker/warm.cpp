#include "host-renderer/worker/warm.hpp"

#include "base/log.hpp"

#include <algorithm>
#include <cstring>

namespace viaduct::host {
namespace {

bool offers(const InstanceTable& table, VkPhysicalDevice physical, const char* extension) {
  std::uint32_t count = 0;
  if (table.vkEnumerateDeviceExtensionProperties(physical, nullptr, &count, nullptr) != VK_SUCCESS) {
    return false;
  }
  std::vector<VkExtensionProperties> all(count);
  if (table.vkEnumerateDeviceExtensionProperties(physical, nullptr, &count, all.data()) < 0) {
    return false;
  }
  return std::any_of(all.begin(), all.begin() + count, [&](const VkExtensionProperties& e) {
    return std::strcmp(e.extensionName, extension) == 0;
  });
}

std::uint32_t queue_family_for_commands(const InstanceTable& table, VkPhysicalDevice physical) {
  std::uint32_t count = 0;
  table.vkGetPhysicalDeviceQueueFamilyProperties(physical, &count, nullptr);
  std::vector<VkQueueFamilyProperties> families(count);
  table.vkGetPhysicalDeviceQueueFamilyProperties(physical, &count, families.data());
  for (std::uint32_t i = 0; i < count; ++i) {
    if ((families[i].queueFlags & (VK_QUEUE_GRAPHICS_BIT | VK_QUEUE_COMPUTE_BIT)) != 0) {
      return i;
    }
  }
  return 0;
}

// The loader knows why it found no driver; its last words are for the log.
VKAPI_ATTR VkBool32 VKAPI_CALL on_loader_message(VkDebugUtilsMessageSeverityFlagBitsEXT,
                                                 VkDebugUtilsMessageTypeFlagsEXT,
                                                 const VkDebugUtilsMessengerCallbackDataEXT* data, void*) {
  VIADUCT_LOG_ERROR("driver", "the host's Vulkan loader: %s",
                    data->pMessage == nullptr ? "?" : data->pMessage);
  return VK_FALSE;
}

Error explain_failure(const Driver& driver, VkInstanceCreateInfo info, VkResult result) {
  VkDebugUtilsMessengerCreateInfoEXT listener{};
  listener.sType = VK_STRUCTURE_TYPE_DEBUG_UTILS_MESSENGER_CREATE_INFO_EXT;
  listener.pNext = info.pNext;
  listener.messageSeverity = VK_DEBUG_UTILS_MESSAGE_SEVERITY_ERROR_BIT_EXT;
  listener.messageType = VK_DEBUG_UTILS_MESSAGE_TYPE_GENERAL_BIT_EXT;
  listener.pfnUserCallback = on_loader_message;
  const char* const debug_utils = VK_EXT_DEBUG_UTILS_EXTENSION_NAME;
  info.pNext = &listener;
  info.enabledExtensionCount = 1;
  info.ppEnabledExtensionNames = &debug_utils;
  VkInstance instance = VK_NULL_HANDLE;
  if (driver.table().vkCreateInstance(&info, nullptr, &instance) == VK_SUCCESS) {
    InstanceTable table;
    table.load(driver.get_proc(), instance);
    table.vkDestroyInstance(instance, nullptr);
  }
  VIADUCT_LOG_ERROR("driver",
                    "vkCreateInstance on the host: VkResult %d; `vulkaninfo --summary` with VK_DRIVER_FILES "
                    "set to the driver's manifest shows whether it works outside of Viaduct",
                    result);
  return {Errc::unsupported, 0, "vkCreateInstance on the host"};
}

}  // namespace

Result<std::unique_ptr<WarmDriver>> WarmDriver::start(const Driver& driver) {
  VkApplicationInfo application{};
  application.sType = VK_STRUCTURE_TYPE_APPLICATION_INFO;
  application.pApplicationName = "viaduct-worker";
  application.apiVersion = std::min(driver.instance_version(), VK_API_VERSION_1_3);
  VkInstanceCreateInfo info{};
  info.sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO;
  info.pApplicationInfo = &application;
  Validation* validation = driver.validation();
  Validation::Request request;
  const char* const debug_utils = VK_EXT_DEBUG_UTILS_EXTENSION_NAME;
  if (validation != nullptr) {
    info.enabledExtensionCount = 1;
    info.ppEnabledExtensionNames = &debug_utils;
    validation->add_to(info, request);
  }

  std::unique_ptr<WarmDriver> warm(new WarmDriver);
  const VkResult made = driver.table().vkCreateInstance(&info, nullptr, &warm->instance_);
  if (made != VK_SUCCESS) {
    warm->instance_ = VK_NULL_HANDLE;
    return tl::unexpected<Error>(explain_failure(driver, info, made));
  }
  warm->table_.load(driver.get_proc(), warm->instance_);
  if (validation != nullptr) {
    warm->messenger_ = validation->listen(warm->table_, warm->instance_);
  }
  warm->get_device_proc_ = driver.get_device_proc(warm->instance_);
  std::uint32_t count = 0;
  warm->table_.vkEnumeratePhysicalDevices(warm->instance_, &count, nullptr);
  std::vector<VkPhysicalDevice> handles(count);
  if (count == 0 || warm->table_.vkEnumeratePhysicalDevices(warm->instance_, &count, handles.data()) < 0) {
    return fail(Errc::not_found, "the host's driver has no device");
  }
  handles.resize(count);
  for (const VkPhysicalDevice physical : handles) {
    warm->describe(physical);
  }
  return warm;
}

void WarmDriver::release_devices() noexcept {
  for (Gpu& gpu : gpus_) {
    if (gpu.device != VK_NULL_HANDLE) {
      gpu.table.vkDestroyDevice(gpu.device, nullptr);
      gpu.device = VK_NULL_HANDLE;
    }
  }
}

WarmDriver::~WarmDriver() {
  release_devices();
  if (instance_ != VK_NULL_HANDLE) {
    Validation::close(table_, instance_, messenger_);
    table_.vkDestroyInstance(instance_, nullptr);
  }
}

void WarmDriver::describe(VkPhysicalDevice physical) {
  VkPhysicalDeviceDriverProperties driver{};
  driver.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_DRIVER_PROPERTIES;
  VkPhysicalDeviceProperties2 properties{};
  properties.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2;
  VkPhysicalDeviceProperties& core = properties.properties;
  table_.vkGetPhysicalDeviceProperties(physical, &core);
  if (core.apiVersion >= VK_API_VERSION_1_2) {
    properties.pNext = &driver;
    table_.vkGetPhysicalDeviceProperties2(physical, &properties);
  }
  infos_.push_back({core.deviceName, static_cast<std::uint32_t>(core.deviceType), core.vendorID,
                    core.deviceID, core.apiVersion, driver.driverName, driver.driverInfo});
  Gpu gpu;
  gpu.physical = physical;
  if (core.apiVersion >= VK_API_VERSION_1_1) {
    make_device(gpu);
  }
  gpus_.push_back(gpu);
}

void WarmDriver::make_device(Gpu& gpu) {
  gpu.has_host_import = offers(table_, gpu.physical, VK_EXT_EXTERNAL_MEMORY_HOST_EXTENSION_NAME);
  gpu.has_dma_buf = offers(table_, gpu.physical, VK_EXT_EXTERNAL_MEMORY_DMA_BUF_EXTENSION_NAME) &&
                    offers(table_, gpu.physical, VK_KHR_EXTERNAL_MEMORY_FD_EXTENSION_NAME);
  std::vector<const char*> extensions;
  if (gpu.has_host_import) {
    extensions.push_back(VK_EXT_EXTERNAL_MEMORY_HOST_EXTENSION_NAME);
  }
  if (gpu.has_dma_buf) {
    extensions.push_back(VK_EXT_EXTERNAL_MEMORY_DMA_BUF_EXTENSION_NAME);
    extensions.push_back(VK_KHR_EXTERNAL_MEMORY_FD_EXTENSION_NAME);
  }
  gpu.queue_family = queue_family_for_commands(table_, gpu.physical);
  const float priority = 1.0f;
  VkDeviceQueueCreateInfo queue{};
  queue.sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO;
  queue.queueFamilyIndex = gpu.queue_family;
  queue.queueCount = 1;
  queue.pQueuePriorities = &priority;
  VkDeviceCreateInfo info{};
  info.sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO;
  info.queueCreateInfoCount = 1;
  info.pQueueCreateInfos = &queue;
  info.enabledExtensionCount = static_cast<std::uint32_t>(extensions.size());
  info.ppEnabledExtensionNames = extensions.data();
  const VkResult made = table_.vkCreateDevice(gpu.physical, &info, nullptr, &gpu.device);
  if (made != VK_SUCCESS) {
    VIADUCT_LOG_WARN("memory", "no device for the probe (VkResult %d): memory is shadowed", made);
    gpu.device = VK_NULL_HANDLE;
    return;
  }
  gpu.table.load(get_device_proc_, gpu.device);
}

std::vector<ProbeResult> WarmDriver::probe(const RegionFile& region, std::span<std::byte> pages) const {
  std::vector<ProbeResult> results;
  for (const Gpu& gpu : gpus_) {
    if (gpu.device == VK_NULL_HANDLE) {
      results.emplace_back();
      continue;
    }
    const ProbeTarget target{table_,           gpu.table,           gpu.physical,   gpu.device,
                             gpu.queue_family, gpu.has_host_import, gpu.has_dma_buf};
    results.push_back(probe_sharing(target, region, pages));
  }
  return results;
}

}  // namespace viaduct::host
