#include "tests/unit/wsi/native_device.hpp"

#include <dlfcn.h>
#include <unistd.h>

#include <cstdlib>

namespace viaduct::guest::wsi::test {

class NativeDevice::Adapter final : public SwapchainDevice {
 public:
  explicit Adapter(NativeDevice& owner) : owner_(owner) {
    handle = owner.device_;
    vkGetPhysicalDeviceMemoryProperties(owner.physical_, &memory);
    direct_type_bits = (1u << memory.memoryTypeCount) - 1;
#define VIADUCT_LOAD(name) name = reinterpret_cast<PFN_##name>(vkGetDeviceProcAddr(handle, #name));
    VIADUCT_SWAPCHAIN_FUNCTIONS(VIADUCT_LOAD)
#undef VIADUCT_LOAD
    if (!owner.copies) {
      vkCreateBuffer = nullptr;
      vkCmdCopyImageToBuffer = nullptr;
    }
  }
  bool lost() const noexcept override { return owner_.lost_; }
  VkResult signal_acquired(VkSemaphore semaphore, VkFence fence) noexcept override {
    if (semaphore == VK_NULL_HANDLE && fence == VK_NULL_HANDLE) return VK_SUCCESS;
    VkSubmitInfo submission{};
    submission.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO;
    submission.signalSemaphoreCount = semaphore != VK_NULL_HANDLE ? 1 : 0;
    submission.pSignalSemaphores = &semaphore;
    return ::vkQueueSubmit(owner_.queue_, 1, &submission, fence);
  }
  VkResult submit(VkQueue queue, const VkSubmitInfo* batch,
                  std::span<const VkFence> fences) noexcept override {
    const VkFence first = fences.empty() ? VK_NULL_HANDLE : fences.front();
    VkResult result = ::vkQueueSubmit(queue, batch != nullptr ? 1 : 0, batch, first);
    // A fence alone is signalled after everything submitted before it.
    for (std::size_t i = 1; i < fences.size() && result == VK_SUCCESS; ++i) {
      result = ::vkQueueSubmit(queue, 0, nullptr, fences[i]);
    }
    return result;
  }
  std::uint32_t family_of(VkQueue) const noexcept override { return 0; }
  void count_frame(VkQueue) noexcept override { ++owner_.frames_counted; }
  bool can_be_direct(const VkImageCreateInfo&) const noexcept override { return owner_.direct; }

 private:
  NativeDevice& owner_;
};

std::unique_ptr<NativeDevice> NativeDevice::open() {
  const char* manifest = "/usr/share/vulkan/icd.d/lvp_icd.x86_64.json";
  if (::access(manifest, R_OK) != 0)
    manifest = "/usr/share/vulkan/icd.d/lvp_icd.json";  // Debian 13's name of it
  if (::access(manifest, R_OK) != 0) return nullptr;
  // Never unloaded: what LLVM keeps in its globals would look leaked once they are gone.
  ::dlopen("libvulkan_lvp.so", RTLD_LAZY | RTLD_NODELETE);
  ::setenv("VK_ICD_FILENAMES", manifest, 1);
  ::setenv("VK_DRIVER_FILES", manifest, 1);
  std::unique_ptr<NativeDevice> made(new NativeDevice);
  VkApplicationInfo application{};
  application.sType = VK_STRUCTURE_TYPE_APPLICATION_INFO;
  application.apiVersion = VK_API_VERSION_1_2;
  VkInstanceCreateInfo instance{};
  instance.sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO;
  instance.pApplicationInfo = &application;
  if (vkCreateInstance(&instance, nullptr, &made->instance_) != VK_SUCCESS) return nullptr;
  std::uint32_t count = 1;
  if (vkEnumeratePhysicalDevices(made->instance_, &count, &made->physical_) < 0 || count == 0) return nullptr;
  const float priority = 1;
  VkDeviceQueueCreateInfo queue{};
  queue.sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO;
  queue.queueCount = 1;
  queue.pQueuePriorities = &priority;
  VkDeviceCreateInfo device{};
  device.sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO;
  device.queueCreateInfoCount = 1;
  device.pQueueCreateInfos = &queue;
  if (vkCreateDevice(made->physical_, &device, nullptr, &made->device_) != VK_SUCCESS) return nullptr;
  vkGetDeviceQueue(made->device_, 0, 0, &made->queue_);
  VkCommandPoolCreateInfo pool{};
  pool.sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO;
  if (vkCreateCommandPool(made->device_, &pool, nullptr, &made->pool_) != VK_SUCCESS) return nullptr;
  return made;
}

NativeDevice::~NativeDevice() {
  if (device_ != VK_NULL_HANDLE) {
    vkDeviceWaitIdle(device_);
    for (VkSemaphore semaphore : semaphores_) vkDestroySemaphore(device_, semaphore, nullptr);
    for (VkFence fence : fences_) vkDestroyFence(device_, fence, nullptr);
    vkDestroyCommandPool(device_, pool_, nullptr);
    vkDestroyDevice(device_, nullptr);
  }
  if (instance_ != VK_NULL_HANDLE) vkDestroyInstance(instance_, nullptr);
}

std::unique_ptr<SwapchainDevice> NativeDevice::swapchain_device() { return std::make_unique<Adapter>(*this); }

VkSemaphore NativeDevice::make_semaphore() {
  const VkSemaphoreCreateInfo info{VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO, nullptr, 0};
  VkSemaphore semaphore = VK_NULL_HANDLE;
  vkCreateSemaphore(device_, &info, nullptr, &semaphore);
  semaphores_.push_back(semaphore);
  return semaphore;
}

VkFence NativeDevice::make_fence() {
  const VkFenceCreateInfo info{VK_STRUCTURE_TYPE_FENCE_CREATE_INFO, nullptr, 0};
  VkFence fence = VK_NULL_HANDLE;
  vkCreateFence(device_, &info, nullptr, &fence);
  fences_.push_back(fence);
  return fence;
}

bool NativeDevice::wait(VkFence fence, std::uint64_t timeout_ns) {
  return vkWaitForFences(device_, 1, &fence, VK_TRUE, timeout_ns) == VK_SUCCESS;
}

void NativeDevice::clear(VkImage image, std::uint32_t colour, VkSemaphore acquired, VkSemaphore rendered) {
  const VkCommandBufferAllocateInfo allocate{VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO, nullptr, pool_,
                                             VK_COMMAND_BUFFER_LEVEL_PRIMARY, 1};
  VkCommandBuffer commands = VK_NULL_HANDLE;
  vkAllocateCommandBuffers(device_, &allocate, &commands);
  VkCommandBufferBeginInfo begin{};
  begin.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO;
  vkBeginCommandBuffer(commands, &begin);
  VkClearColorValue value{};
  for (int i = 0; i < 4; ++i) {
    const int shift = i == 3 ? 24 : 16 - 8 * i;
    value.float32[i] = static_cast<float>(colour >> shift & 0xff) / 255.0f;
  }
  const VkImageSubresourceRange all{VK_IMAGE_ASPECT_COLOR_BIT, 0, 1, 0, 1};
  vkCmdClearColorImage(commands, image, VK_IMAGE_LAYOUT_GENERAL, &value, 1, &all);
  vkEndCommandBuffer(commands);
  const VkPipelineStageFlags stage = VK_PIPELINE_STAGE_ALL_COMMANDS_BIT;
  const VkSubmitInfo submission{
      VK_STRUCTURE_TYPE_SUBMIT_INFO, nullptr,  acquired != VK_NULL_HANDLE, &acquired, &stage, 1, &commands,
      rendered != VK_NULL_HANDLE,    &rendered};
  vkQueueSubmit(queue_, 1, &submission, VK_NULL_HANDLE);
}

VkSwapchainCreateInfoKHR create_info(Surface& surface, VkExtent2D extent, const SwapchainOptions& options) {
  VkSwapchainCreateInfoKHR info{};
  info.sType = VK_STRUCTURE_TYPE_SWAPCHAIN_CREATE_INFO_KHR;
  info.surface = surface.handle();
  info.minImageCount = options.images;
  info.imageFormat = options.format;
  info.imageExtent = extent;
  info.imageArrayLayers = 1;
  info.imageUsage = VK_IMAGE_USAGE_TRANSFER_DST_BIT | VK_IMAGE_USAGE_COLOR_ATTACHMENT_BIT;
  info.preTransform = VK_SURFACE_TRANSFORM_IDENTITY_BIT_KHR;
  info.compositeAlpha = options.alpha;
  info.presentMode = options.mode;
  info.oldSwapchain = options.old;
  info.pNext = options.chain;
  return info;
}

Frames::Frames(NativeDevice& device, Surface& surface, VkExtent2D extent, const SwapchainOptions& options)
    : device_(device),
      created_(
          Swapchain::create(device.swapchain_device(), create_info(surface, extent, options), swapchain_)) {}

Frames::~Frames() { destroy(); }

void Frames::destroy() {
  device_.idle();
  swapchain_.reset();
}

VkResult Frames::draw(std::uint32_t colour, const void* chain) {
  const VkSemaphore acquired = device_.make_semaphore();
  const VkSemaphore rendered = device_.make_semaphore();
  std::uint32_t index = 0;
  if (const VkResult result = swapchain_->acquire(5'000'000'000, acquired, VK_NULL_HANDLE, index);
      result != VK_SUCCESS) {
    return result;
  }
  device_.clear(swapchain_->image(index).image(), colour, acquired, rendered);
  const VkSwapchainKHR handle = swapchain_->handle();
  VkPresentInfoKHR info{};
  info.sType = VK_STRUCTURE_TYPE_PRESENT_INFO_KHR;
  info.pNext = chain;
  info.waitSemaphoreCount = 1;
  info.pWaitSemaphores = &rendered;
  info.swapchainCount = 1;
  info.pSwapchains = &handle;
  info.pImageIndices = &index;
  return present(device_.queue(), info);
}

}  // namespace viaduct::guest::wsi::test
