#include "tests/e2e/wsi/renderer.hpp"

#include <algorithm>
#include <cstring>

namespace wsi_window {

namespace {

/// The features of the window system's extensions, chained, for asking and for creating a device.
struct Features {
  VkPhysicalDevicePresentIdFeaturesKHR id{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PRESENT_ID_FEATURES_KHR, nullptr,
                                          0};
  VkPhysicalDevicePresentWaitFeaturesKHR wait{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PRESENT_WAIT_FEATURES_KHR,
                                              nullptr, 0};
  VkPhysicalDeviceSwapchainMaintenance1FeaturesEXT maintenance{
      VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SWAPCHAIN_MAINTENANCE_1_FEATURES_EXT, nullptr, 0};
  VkPhysicalDeviceFeatures2 all{};
  Features() { all.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2; }
  /// Only structs of extensions that the device has may stand in the chain.
  template <class Struct>
  void add(Struct& feature) {
    feature.pNext = all.pNext;
    all.pNext = &feature;
  }
};

}  // namespace

Gpu::Gpu(const std::string& platform) {
  make_instance(platform);
  std::uint32_t count = 1;
  CHECK(vkEnumeratePhysicalDevices(instance, &count, &physical) >= 0 && count == 1);
  make_device();
  vkGetDeviceQueue(device, family, 0, &queue);
  VkCommandPoolCreateInfo pool_info{};
  pool_info.sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO;
  pool_info.queueFamilyIndex = family;
  CHECK_VK(vkCreateCommandPool(device, &pool_info, nullptr, &pool));
}

void Gpu::make_instance(const std::string& platform) {
  std::uint32_t count = 0;
  CHECK_VK(vkEnumerateInstanceExtensionProperties(nullptr, &count, nullptr));
  std::vector<VkExtensionProperties> offered(count);
  CHECK_VK(vkEnumerateInstanceExtensionProperties(nullptr, &count, offered.data()));
  std::vector<const char*> wanted{"VK_KHR_surface", Window::extension(platform),
                                  "VK_KHR_get_surface_capabilities2"};
  for (const auto& each : offered) {
    constexpr const char* kMaintenance = "VK_EXT_surface_maintenance1";
    if (std::strcmp(each.extensionName, kMaintenance) != 0) continue;
    extensions_.insert(kMaintenance);
    wanted.push_back(kMaintenance);
  }
  VkApplicationInfo application{};
  application.sType = VK_STRUCTURE_TYPE_APPLICATION_INFO;
  application.apiVersion = VK_API_VERSION_1_1;
  VkInstanceCreateInfo info{};
  info.sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO;
  info.pApplicationInfo = &application;
  info.enabledExtensionCount = static_cast<std::uint32_t>(wanted.size());
  info.ppEnabledExtensionNames = wanted.data();
  const VkResult made = vkCreateInstance(&info, nullptr, &instance);
  if (made == VK_ERROR_EXTENSION_NOT_PRESENT) {
    std::puts("skipped: the driver lacks this kind of surface");
    std::exit(kSkipped);
  }
  CHECK_VK(made);
}

void Gpu::make_device() {
  std::uint32_t count = 0;
  CHECK_VK(vkEnumerateDeviceExtensionProperties(physical, nullptr, &count, nullptr));
  std::vector<VkExtensionProperties> offered(count);
  CHECK_VK(vkEnumerateDeviceExtensionProperties(physical, nullptr, &count, offered.data()));
  std::vector<const char*> names;
  for (const auto& each : offered) {
    for (const char* name :
         {"VK_KHR_swapchain", "VK_KHR_swapchain_mutable_format", "VK_KHR_image_format_list",
          "VK_KHR_present_id", "VK_KHR_present_wait", "VK_EXT_swapchain_maintenance1"}) {
      if (std::strcmp(each.extensionName, name) != 0) continue;
      // It needs one of the instance, which a driver may lack for itself.
      if (std::strstr(name, "swapchain_maintenance1") != nullptr && !has("VK_EXT_surface_maintenance1"))
        continue;
      extensions_.insert(name);
      names.push_back(name);
    }
  }
  Features features;
  if (has("VK_KHR_present_id")) features.add(features.id);
  if (has("VK_KHR_present_wait")) features.add(features.wait);
  if (has("VK_EXT_swapchain_maintenance1")) features.add(features.maintenance);
  vkGetPhysicalDeviceFeatures2(physical, &features.all);
  CHECK(has("VK_KHR_present_id") == (features.id.presentId == VK_TRUE));
  CHECK(has("VK_KHR_present_wait") == (features.wait.presentWait == VK_TRUE));
  CHECK(has("VK_EXT_swapchain_maintenance1") == (features.maintenance.swapchainMaintenance1 == VK_TRUE));

  const float priority = 1;
  VkDeviceQueueCreateInfo queue_info{};
  queue_info.sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO;
  queue_info.queueFamilyIndex = family;
  queue_info.queueCount = 1;
  queue_info.pQueuePriorities = &priority;
  VkDeviceCreateInfo info{};
  info.sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO;
  info.pNext = features.all.pNext;
  info.queueCreateInfoCount = 1;
  info.pQueueCreateInfos = &queue_info;
  info.enabledExtensionCount = static_cast<std::uint32_t>(names.size());
  info.ppEnabledExtensionNames = names.data();
  CHECK_VK(vkCreateDevice(physical, &info, nullptr, &device));
}

Gpu::~Gpu() {
  vkDeviceWaitIdle(device);
  for (VkSemaphore semaphore : semaphores_) vkDestroySemaphore(device, semaphore, nullptr);
  for (VkFence fence : fences_) vkDestroyFence(device, fence, nullptr);
  vkDestroyCommandPool(device, pool, nullptr);
  vkDestroyDevice(device, nullptr);
  vkDestroyInstance(instance, nullptr);
}

VkSemaphore Gpu::semaphore() {
  const VkSemaphoreCreateInfo info{VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO, nullptr, 0};
  VkSemaphore made = VK_NULL_HANDLE;
  CHECK_VK(vkCreateSemaphore(device, &info, nullptr, &made));
  semaphores_.push_back(made);
  return made;
}

VkFence Gpu::fence() {
  const VkFenceCreateInfo info{VK_STRUCTURE_TYPE_FENCE_CREATE_INFO, nullptr, 0};
  VkFence made = VK_NULL_HANDLE;
  CHECK_VK(vkCreateFence(device, &info, nullptr, &made));
  fences_.push_back(made);
  return made;
}

void Gpu::clear(VkImage image, std::uint32_t colour, VkSemaphore acquired, VkSemaphore rendered) {
  const VkCommandBufferAllocateInfo allocate{VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO, nullptr, pool,
                                             VK_COMMAND_BUFFER_LEVEL_PRIMARY, 1};
  VkCommandBuffer commands = VK_NULL_HANDLE;
  CHECK_VK(vkAllocateCommandBuffers(device, &allocate, &commands));
  VkCommandBufferBeginInfo begin{};
  begin.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO;
  CHECK_VK(vkBeginCommandBuffer(commands, &begin));
  VkImageMemoryBarrier barrier{};
  barrier.sType = VK_STRUCTURE_TYPE_IMAGE_MEMORY_BARRIER;
  barrier.dstAccessMask = VK_ACCESS_TRANSFER_WRITE_BIT;
  barrier.oldLayout = VK_IMAGE_LAYOUT_UNDEFINED;
  barrier.newLayout = VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL;
  barrier.srcQueueFamilyIndex = barrier.dstQueueFamilyIndex = VK_QUEUE_FAMILY_IGNORED;
  barrier.image = image;
  barrier.subresourceRange = {VK_IMAGE_ASPECT_COLOR_BIT, 0, 1, 0, 1};
  vkCmdPipelineBarrier(commands, VK_PIPELINE_STAGE_TRANSFER_BIT, VK_PIPELINE_STAGE_TRANSFER_BIT, 0, 0,
                       nullptr, 0, nullptr, 1, &barrier);
  VkClearColorValue value{};
  for (int i = 0; i < 3; ++i) value.float32[i] = static_cast<float>(colour >> (16 - 8 * i) & 0xff) / 255.0f;
  value.float32[3] = 1;
  vkCmdClearColorImage(commands, image, VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL, &value, 1,
                       &barrier.subresourceRange);
  barrier.srcAccessMask = VK_ACCESS_TRANSFER_WRITE_BIT;
  barrier.dstAccessMask = 0;
  barrier.oldLayout = VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL;
  barrier.newLayout = VK_IMAGE_LAYOUT_PRESENT_SRC_KHR;
  vkCmdPipelineBarrier(commands, VK_PIPELINE_STAGE_TRANSFER_BIT, VK_PIPELINE_STAGE_BOTTOM_OF_PIPE_BIT, 0, 0,
                       nullptr, 0, nullptr, 1, &barrier);
  CHECK_VK(vkEndCommandBuffer(commands));
  const VkPipelineStageFlags stage = VK_PIPELINE_STAGE_TRANSFER_BIT;
  VkSubmitInfo submission{};
  submission.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO;
  submission.waitSemaphoreCount = acquired != VK_NULL_HANDLE ? 1 : 0;
  submission.pWaitSemaphores = &acquired;
  submission.pWaitDstStageMask = &stage;
  submission.commandBufferCount = 1;
  submission.pCommandBuffers = &commands;
  submission.signalSemaphoreCount = rendered != VK_NULL_HANDLE ? 1 : 0;
  submission.pSignalSemaphores = &rendered;
  CHECK_VK(vkQueueSubmit(queue, 1, &submission, VK_NULL_HANDLE));
}

Chain::Chain(Gpu& gpu, VkSurfaceKHR surface, VkExtent2D extent, VkPresentModeKHR mode, VkSwapchainKHR old,
             VkFormat format)
    : Chain(gpu, surface, {.extent = extent, .mode = mode, .old = old, .format = format}) {}

Chain::Chain(Gpu& gpu, VkSurfaceKHR surface, const ChainOptions& options)
    : gpu_(gpu), extent_(options.extent), format_(options.format) {
  VkSwapchainCreateInfoKHR info{};
  info.sType = VK_STRUCTURE_TYPE_SWAPCHAIN_CREATE_INFO_KHR;
  info.pNext = options.next;
  info.flags = options.flags;
  info.surface = surface;
  info.minImageCount = 4;
  info.imageFormat = options.format;
  info.imageExtent = options.extent;
  info.imageArrayLayers = 1;
  info.imageUsage = options.usage;
  info.preTransform = VK_SURFACE_TRANSFORM_IDENTITY_BIT_KHR;
  info.compositeAlpha = VK_COMPOSITE_ALPHA_OPAQUE_BIT_KHR;
  info.presentMode = options.mode;
  info.oldSwapchain = options.old;
  CHECK_VK(vkCreateSwapchainKHR(gpu.device, &info, nullptr, &swapchain_));
  std::uint32_t count = 0;
  CHECK_VK(vkGetSwapchainImagesKHR(gpu.device, swapchain_, &count, nullptr));
  CHECK(count >= info.minImageCount);
  images_.resize(count);
  CHECK_VK(vkGetSwapchainImagesKHR(gpu.device, swapchain_, &count, images_.data()));
}

Chain::~Chain() {
  vkDeviceWaitIdle(gpu_.device);
  vkDestroySwapchainKHR(gpu_.device, swapchain_, nullptr);
}

VkResult Chain::acquire(std::uint32_t& index, VkSemaphore semaphore, std::uint64_t timeout_ns) {
  return vkAcquireNextImageKHR(gpu_.device, swapchain_, timeout_ns, semaphore, VK_NULL_HANDLE, &index);
}

VkResult Chain::present(std::uint32_t index, VkSemaphore rendered, const void* next) {
  VkPresentInfoKHR info{};
  info.sType = VK_STRUCTURE_TYPE_PRESENT_INFO_KHR;
  info.pNext = next;
  info.waitSemaphoreCount = rendered != VK_NULL_HANDLE ? 1 : 0;
  info.pWaitSemaphores = &rendered;
  info.swapchainCount = 1;
  info.pSwapchains = &swapchain_;
  info.pImageIndices = &index;
  return vkQueuePresentKHR(gpu_.queue, &info);
}

VkResult Chain::draw(std::uint32_t colour, const void* next) {
  const VkSemaphore acquired = gpu_.semaphore();
  const VkSemaphore rendered = gpu_.semaphore();
  std::uint32_t index = 0;
  if (const VkResult result = acquire(index, acquired); result != VK_SUCCESS) return result;
  gpu_.clear(images_[index], colour, acquired, rendered);
  return present(index, rendered, next);
}

}  // namespace wsi_window
