#include "guest-icd/wsi/swapchain_image.hpp"

#include <new>
#include <optional>
#include <utility>

#include "base/uncached.hpp"
#include "guest-icd/wsi/chain.hpp"
#include "guest-icd/wsi/surface.hpp"

namespace viaduct::guest::wsi {
namespace {

constexpr VkMemoryPropertyFlags kCoherent =
    VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT;

/// The first type among `bits` with all of `wanted`, preferring one with `preferred` and without `avoided`.
std::optional<std::uint32_t> choose_memory(const VkPhysicalDeviceMemoryProperties& memory, std::uint32_t bits,
                                           VkMemoryPropertyFlags wanted, VkMemoryPropertyFlags preferred,
                                           VkMemoryPropertyFlags avoided) noexcept {
  std::optional<std::uint32_t> best;
  int best_score = -1;
  for (std::uint32_t i = 0; i < memory.memoryTypeCount; ++i) {
    const VkMemoryPropertyFlags flags = memory.memoryTypes[i].propertyFlags;
    constexpr VkMemoryPropertyFlags kNever =
        VK_MEMORY_PROPERTY_PROTECTED_BIT | VK_MEMORY_PROPERTY_LAZILY_ALLOCATED_BIT;
    if ((bits >> i & 1) == 0 || (flags & wanted) != wanted || (flags & kNever) != 0) continue;
    const int score = ((flags & preferred) == preferred ? 2 : 0) + ((flags & avoided) == 0 ? 1 : 0);
    if (score <= best_score) continue;
    best_score = score;
    best = i;
  }
  return best;
}

}  // namespace

VkResult SwapchainImage::create(SwapchainDevice& device, const VkSwapchainCreateInfoKHR& info,
                                bool seen) noexcept {
  const auto order = pixel_order(info.imageFormat);
  if (!order) return VK_ERROR_INITIALIZATION_FAILED;  // was not offered, and a copy of it might not fit
  extent_ = info.imageExtent;
  order_ = *order;
  if (!seen) way_ = Way::unseen;
  if (const VkResult result = create_image(device, info); result != VK_SUCCESS) return result;
  if (way_ == Way::copied) {
    if (const VkResult result = create_buffer(device); result != VK_SUCCESS) return result;
  }
  const VkFenceCreateInfo fence{VK_STRUCTURE_TYPE_FENCE_CREATE_INFO, nullptr, 0};
  return device.vkCreateFence(device.handle, &fence, nullptr, &copied_);
}

VkResult SwapchainImage::create_image(SwapchainDevice& device,
                                      const VkSwapchainCreateInfoKHR& info) noexcept {
  VkImageCreateInfo image{};
  image.sType = VK_STRUCTURE_TYPE_IMAGE_CREATE_INFO;
  // Aliased by images that vkBindImageMemory2 binds to the swapchain.
  image.flags = VK_IMAGE_CREATE_ALIAS_BIT;
  image.imageType = VK_IMAGE_TYPE_2D;
  image.format = info.imageFormat;
  image.extent = {info.imageExtent.width, info.imageExtent.height, 1};
  image.mipLevels = 1;
  image.arrayLayers = info.imageArrayLayers;
  image.samples = VK_SAMPLE_COUNT_1_BIT;
  image.usage = info.imageUsage | VK_IMAGE_USAGE_TRANSFER_SRC_BIT;
  image.sharingMode = info.imageSharingMode;
  image.queueFamilyIndexCount = info.queueFamilyIndexCount;
  image.pQueueFamilyIndices = info.pQueueFamilyIndices;
  image.initialLayout = VK_IMAGE_LAYOUT_UNDEFINED;
  VkImageFormatListCreateInfo formats{};
  if ((info.flags & VK_SWAPCHAIN_CREATE_MUTABLE_FORMAT_BIT_KHR) != 0) {
    image.flags |= VK_IMAGE_CREATE_MUTABLE_FORMAT_BIT | VK_IMAGE_CREATE_EXTENDED_USAGE_BIT;
    const auto* list = find_in_chain<VkImageFormatListCreateInfo>(
        info.pNext, VK_STRUCTURE_TYPE_IMAGE_FORMAT_LIST_CREATE_INFO);
    if (list != nullptr) {
      formats = *list;
      formats.pNext = nullptr;
      image.pNext = &formats;
    }
  }
  if (way_ == Way::copied && image.pNext == nullptr && device.can_be_direct(image)) {
    way_ = Way::direct;
  }
  for (;;) {
    image.tiling = tiling();
    if (const VkResult result = device.vkCreateImage(device.handle, &image, nullptr, &image_);
        result != VK_SUCCESS) {
      return result;
    }
    const VkResult result = allocate_image(device);
    if (way_ != Way::direct || result == VK_SUCCESS) return result;
    // Mapped memory is scarcer than the device's own.
    destroy(device);
    way_ = Way::copied;
  }
}

VkResult SwapchainImage::allocate_image(SwapchainDevice& device) noexcept {
  VkMemoryRequirements needs{};
  device.vkGetImageMemoryRequirements(device.handle, image_, &needs);
  const bool direct = way_ == Way::direct;
  const auto type =
      direct ? choose_memory(device.memory, needs.memoryTypeBits & device.direct_type_bits, kCoherent,
                             VK_MEMORY_PROPERTY_HOST_CACHED_BIT, 0)
             : choose_memory(device.memory, needs.memoryTypeBits, 0, VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT,
                             VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT);
  if (!type) return VK_ERROR_OUT_OF_DEVICE_MEMORY;
  const VkMemoryAllocateInfo allocate{VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO, nullptr, needs.size, *type};
  if (const VkResult result = device.vkAllocateMemory(device.handle, &allocate, nullptr, &image_memory_);
      result != VK_SUCCESS) {
    return result;
  }
  if (const VkResult result = device.vkBindImageMemory(device.handle, image_, image_memory_, 0);
      result != VK_SUCCESS || !direct) {
    return result;
  }
  if (const VkResult result = map(device, image_memory_, *type); result != VK_SUCCESS) return result;
  const VkImageSubresource first{VK_IMAGE_ASPECT_COLOR_BIT, 0, 0};
  VkSubresourceLayout layout{};
  device.vkGetImageSubresourceLayout(device.handle, image_, &first, &layout);
  pixels_ += layout.offset;
  row_pitch_ = static_cast<std::size_t>(layout.rowPitch);
  return VK_SUCCESS;
}

VkResult SwapchainImage::map(SwapchainDevice& device, VkDeviceMemory memory, std::uint32_t type) noexcept {
  cached_ = (device.memory.memoryTypes[type].propertyFlags & VK_MEMORY_PROPERTY_HOST_CACHED_BIT) != 0;
  void* mapped = nullptr;
  const VkResult result = device.vkMapMemory(device.handle, memory, 0, VK_WHOLE_SIZE, 0, &mapped);
  pixels_ = static_cast<const std::byte*>(mapped);
  return result;
}

VkResult SwapchainImage::create_buffer(SwapchainDevice& device) noexcept {
  VkBufferCreateInfo buffer{};
  buffer.sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO;
  buffer.size = static_cast<VkDeviceSize>(extent_.width) * extent_.height * bytes_per_pixel(order_);
  buffer.usage = VK_BUFFER_USAGE_TRANSFER_DST_BIT;
  buffer.sharingMode = VK_SHARING_MODE_EXCLUSIVE;
  if (const VkResult result = device.vkCreateBuffer(device.handle, &buffer, nullptr, &buffer_);
      result != VK_SUCCESS) {
    return result;
  }
  VkMemoryRequirements needs{};
  device.vkGetBufferMemoryRequirements(device.handle, buffer_, &needs);
  auto type =
      choose_memory(device.memory, needs.memoryTypeBits, kCoherent, VK_MEMORY_PROPERTY_HOST_CACHED_BIT, 0);
  coherent_ = type.has_value();
  if (!type) {
    type = choose_memory(device.memory, needs.memoryTypeBits, VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT, 0, 0);
  }
  if (!type) return VK_ERROR_OUT_OF_DEVICE_MEMORY;
  const VkMemoryAllocateInfo allocate{VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO, nullptr, needs.size, *type};
  if (const VkResult result = device.vkAllocateMemory(device.handle, &allocate, nullptr, &buffer_memory_);
      result != VK_SUCCESS) {
    return result;
  }
  if (const VkResult result = device.vkBindBufferMemory(device.handle, buffer_, buffer_memory_, 0);
      result != VK_SUCCESS) {
    return result;
  }
  row_pitch_ = static_cast<std::size_t>(extent_.width) * bytes_per_pixel(order_);
  return map(device, buffer_memory_, *type);
}

void SwapchainImage::destroy(SwapchainDevice& device) noexcept {
  device.vkDestroyFence(device.handle, copied_, nullptr);
  device.vkDestroyBuffer(device.handle, buffer_, nullptr);
  device.vkFreeMemory(device.handle, buffer_memory_, nullptr);
  device.vkDestroyImage(device.handle, image_, nullptr);
  device.vkFreeMemory(device.handle, image_memory_, nullptr);
  copied_ = VK_NULL_HANDLE;
  buffer_ = VK_NULL_HANDLE;
  buffer_memory_ = VK_NULL_HANDLE;
  image_ = VK_NULL_HANDLE;
  image_memory_ = VK_NULL_HANDLE;
}

VkResult SwapchainImage::copy_commands(SwapchainDevice& device, std::uint32_t family, VkCommandPool pool,
                                       VkCommandBuffer& out) noexcept {
  for (const FamilyCopy& copy : copies_) {
    if (copy.family != family) continue;
    out = copy.commands;
    return VK_SUCCESS;
  }
  const VkCommandBufferAllocateInfo allocate{VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO, nullptr, pool,
                                             VK_COMMAND_BUFFER_LEVEL_PRIMARY, 1};
  VkCommandBuffer commands = VK_NULL_HANDLE;
  if (const VkResult result = device.vkAllocateCommandBuffers(device.handle, &allocate, &commands);
      result != VK_SUCCESS) {
    return result;
  }
  if (const VkResult result = record(device, commands); result != VK_SUCCESS) return result;
  try {
    copies_.push_back({family, commands});
  } catch (const std::bad_alloc&) {
    return VK_ERROR_OUT_OF_HOST_MEMORY;
  }
  out = commands;
  return VK_SUCCESS;
}

VkResult SwapchainImage::record(SwapchainDevice& device, VkCommandBuffer commands) noexcept {
  const VkCommandBufferBeginInfo begin{VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO, nullptr, 0, nullptr};
  if (const VkResult result = device.vkBeginCommandBuffer(commands, &begin); result != VK_SUCCESS)
    return result;
  if (way_ == Way::unseen) return device.vkEndCommandBuffer(commands);
  // Presenting makes visible whatever was available on the queue, without a barrier of the application's.
  const VkMemoryBarrier rendered{VK_STRUCTURE_TYPE_MEMORY_BARRIER, nullptr, VK_ACCESS_MEMORY_WRITE_BIT,
                                 VK_ACCESS_TRANSFER_READ_BIT | VK_ACCESS_TRANSFER_WRITE_BIT};
  if (way_ == Way::direct) {
    const VkMemoryBarrier shown{VK_STRUCTURE_TYPE_MEMORY_BARRIER, nullptr, VK_ACCESS_MEMORY_WRITE_BIT,
                                VK_ACCESS_HOST_READ_BIT};
    device.vkCmdPipelineBarrier(commands, VK_PIPELINE_STAGE_ALL_COMMANDS_BIT, VK_PIPELINE_STAGE_HOST_BIT, 0,
                                1, &shown, 0, nullptr, 0, nullptr);
    return device.vkEndCommandBuffer(commands);
  }
  // The application leaves the image in PRESENT_SRC, which the host knows as GENERAL: legal for a copy, but
  // not what it wants, and the image must be in PRESENT_SRC again when the application gets it back.
  VkImageMemoryBarrier layout{};
  layout.sType = VK_STRUCTURE_TYPE_IMAGE_MEMORY_BARRIER;
  layout.srcAccessMask = VK_ACCESS_MEMORY_WRITE_BIT;
  layout.dstAccessMask = VK_ACCESS_TRANSFER_READ_BIT;
  layout.oldLayout = VK_IMAGE_LAYOUT_PRESENT_SRC_KHR;
  layout.newLayout = VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL;
  layout.srcQueueFamilyIndex = layout.dstQueueFamilyIndex = VK_QUEUE_FAMILY_IGNORED;
  layout.image = image_;
  layout.subresourceRange = {VK_IMAGE_ASPECT_COLOR_BIT, 0, 1, 0, VK_REMAINING_ARRAY_LAYERS};
  device.vkCmdPipelineBarrier(commands, VK_PIPELINE_STAGE_ALL_COMMANDS_BIT, VK_PIPELINE_STAGE_TRANSFER_BIT, 0,
                              1, &rendered, 0, nullptr, 1, &layout);
  VkBufferImageCopy region{};
  region.imageSubresource = {VK_IMAGE_ASPECT_COLOR_BIT, 0, 0, 1};
  region.imageExtent = {extent_.width, extent_.height, 1};
  device.vkCmdCopyImageToBuffer(commands, image_, VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL, buffer_, 1, &region);
  const VkMemoryBarrier copied{VK_STRUCTURE_TYPE_MEMORY_BARRIER, nullptr, VK_ACCESS_TRANSFER_WRITE_BIT,
                               VK_ACCESS_HOST_READ_BIT};
  std::swap(layout.oldLayout, layout.newLayout);
  layout.srcAccessMask = layout.dstAccessMask = 0;  // nothing was written, and the fence orders what follows
  device.vkCmdPipelineBarrier(commands, VK_PIPELINE_STAGE_TRANSFER_BIT, VK_PIPELINE_STAGE_HOST_BIT, 0, 1,
                              &copied, 0, nullptr, 1, &layout);
  return device.vkEndCommandBuffer(commands);
}

FrameView SwapchainImage::frame(SwapchainDevice& device) noexcept {
  if (way_ == Way::copied && !coherent_) {
    const VkMappedMemoryRange range{VK_STRUCTURE_TYPE_MAPPED_MEMORY_RANGE, nullptr, buffer_memory_, 0,
                                    VK_WHOLE_SIZE};
    device.vkInvalidateMappedMemoryRanges(device.handle, 1, &range);
  }
  const std::byte* pixels = pixels_;
  // Window systems read pixels one by one, and perhaps more than once.
  if (!cached_ && pixels != nullptr) {
    if (!staged_) staged_.reset(new (std::nothrow) std::byte[row_pitch_ * extent_.height]);
    if (staged_) {
      copy_from_uncached(staged_.get(), pixels, row_pitch_ * extent_.height);
      pixels = staged_.get();
    }
  }
  return {pixels, extent_.width, extent_.height, row_pitch_, order_};
}

}  // namespace viaduct::guest::wsi
