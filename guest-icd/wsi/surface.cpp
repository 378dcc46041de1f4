#include "guest-icd/wsi/surface.hpp"

#include <array>
#include <optional>

#include "guest-icd/wsi/chain.hpp"

namespace viaduct::guest::wsi {
namespace {

constexpr std::array kFormats{VK_FORMAT_B8G8R8A8_UNORM, VK_FORMAT_B8G8R8A8_SRGB, VK_FORMAT_R8G8B8A8_UNORM,
                              VK_FORMAT_R8G8B8A8_SRGB};

constexpr std::array kPresentModes{VK_PRESENT_MODE_FIFO_KHR, VK_PRESENT_MODE_MAILBOX_KHR,
                                   VK_PRESENT_MODE_IMMEDIATE_KHR, VK_PRESENT_MODE_FIFO_RELAXED_KHR};

/// The mode asked about first, so that it is in an array of any length, then the others.
void write_compatible_modes(VkPresentModeKHR asked, VkSurfacePresentModeCompatibilityEXT& out) noexcept {
  if (out.pPresentModes == nullptr) {
    out.presentModeCount = static_cast<std::uint32_t>(kPresentModes.size());
    return;
  }
  const std::uint32_t room = out.presentModeCount;
  std::uint32_t count = 0;
  if (room != 0) out.pPresentModes[count++] = asked;
  for (const VkPresentModeKHR mode : kPresentModes) {
    if (mode != asked && count < room) out.pPresentModes[count++] = mode;
  }
  out.presentModeCount = count;
}

constexpr VkPresentGravityFlagsEXT kGravities =
    VK_PRESENT_GRAVITY_MIN_BIT_EXT | VK_PRESENT_GRAVITY_MAX_BIT_EXT | VK_PRESENT_GRAVITY_CENTERED_BIT_EXT;

}  // namespace

std::span<const VkFormat> swapchain_formats() noexcept { return kFormats; }
std::span<const VkPresentModeKHR> present_modes() noexcept { return kPresentModes; }

std::optional<PixelOrder> pixel_order(VkFormat format) noexcept {
  switch (format) {
    case VK_FORMAT_B8G8R8A8_UNORM:
    case VK_FORMAT_B8G8R8A8_SRGB:
      return PixelOrder::bgra;
    case VK_FORMAT_R8G8B8A8_UNORM:
    case VK_FORMAT_R8G8B8A8_SRGB:
      return PixelOrder::rgba;
    case VK_FORMAT_A2R10G10B10_UNORM_PACK32:
      return PixelOrder::a2r10g10b10;
    case VK_FORMAT_A2B10G10R10_UNORM_PACK32:
      return PixelOrder::a2b10g10r10;
    case VK_FORMAT_R5G6B5_UNORM_PACK16:
      return PixelOrder::r5g6b5;
    default:
      return std::nullopt;
  }
}

VkImageUsageFlags usage_of(VkFormatFeatureFlags features) noexcept {
  VkImageUsageFlags usage = 0;
  if (features & VK_FORMAT_FEATURE_TRANSFER_SRC_BIT) usage |= VK_IMAGE_USAGE_TRANSFER_SRC_BIT;
  if (features & VK_FORMAT_FEATURE_TRANSFER_DST_BIT) usage |= VK_IMAGE_USAGE_TRANSFER_DST_BIT;
  if (features & VK_FORMAT_FEATURE_SAMPLED_IMAGE_BIT) usage |= VK_IMAGE_USAGE_SAMPLED_BIT;
  if (features & VK_FORMAT_FEATURE_STORAGE_IMAGE_BIT) usage |= VK_IMAGE_USAGE_STORAGE_BIT;
  if (features & VK_FORMAT_FEATURE_COLOR_ATTACHMENT_BIT) {
    usage |= VK_IMAGE_USAGE_COLOR_ATTACHMENT_BIT | VK_IMAGE_USAGE_INPUT_ATTACHMENT_BIT;
  }
  return usage;
}

VkResult surface_capabilities(Surface& surface, const DeviceFacts& facts,
                              VkSurfaceCapabilitiesKHR& out) noexcept {
  SurfaceShape shape;
  if (const VkResult result = surface.shape(shape); result != VK_SUCCESS) return result;
  const bool fixed = shape.current.width != UINT32_MAX;
  const VkExtent2D largest{facts.max_image_dimension, facts.max_image_dimension};
  out = {};
  out.minImageCount = 2;
  out.maxImageCount = 0;
  out.currentExtent = shape.current;
  // An X window's size is the only one its swapchain can have (VkXcbSurfaceCreateInfoKHR's section says so).
  out.minImageExtent = fixed ? shape.current : VkExtent2D{1, 1};
  out.maxImageExtent = fixed ? shape.current : largest;
  out.maxImageArrayLayers = 1;
  out.supportedTransforms = VK_SURFACE_TRANSFORM_IDENTITY_BIT_KHR;
  out.currentTransform = VK_SURFACE_TRANSFORM_IDENTITY_BIT_KHR;
  out.supportedCompositeAlpha = shape.alpha;
  out.supportedUsageFlags = facts.usage;
  return VK_SUCCESS;
}

VkResult surface_capabilities2(const DeviceFacts& facts, const VkPhysicalDeviceSurfaceInfo2KHR& info,
                               VkSurfaceCapabilities2KHR& out) noexcept {
  const VkResult result = surface_capabilities(*Surface::from(info.surface), facts, out.surfaceCapabilities);
  if (result != VK_SUCCESS) return result;
  const auto* asked =
      find_in_chain<VkSurfacePresentModeEXT>(info.pNext, VK_STRUCTURE_TYPE_SURFACE_PRESENT_MODE_EXT);
  for (auto* next = static_cast<VkBaseOutStructure*>(out.pNext); next != nullptr; next = next->pNext) {
    switch (next->sType) {
      case VK_STRUCTURE_TYPE_SURFACE_PROTECTED_CAPABILITIES_KHR:
        reinterpret_cast<VkSurfaceProtectedCapabilitiesKHR*>(next)->supportsProtected = VK_FALSE;
        break;
      case VK_STRUCTURE_TYPE_SURFACE_PRESENT_MODE_COMPATIBILITY_EXT:
        write_compatible_modes(asked != nullptr ? asked->presentMode : VK_PRESENT_MODE_FIFO_KHR,
                               *reinterpret_cast<VkSurfacePresentModeCompatibilityEXT*>(next));
        break;
      case VK_STRUCTURE_TYPE_SURFACE_PRESENT_SCALING_CAPABILITIES_EXT: {
        auto& scaling = *reinterpret_cast<VkSurfacePresentScalingCapabilitiesEXT*>(next);
        scaling.supportedPresentScaling = VK_PRESENT_SCALING_ONE_TO_ONE_BIT_EXT;
        scaling.supportedPresentGravityX = kGravities;
        scaling.supportedPresentGravityY = kGravities;
        scaling.minScaledImageExtent = {1, 1};
        scaling.maxScaledImageExtent = {facts.max_image_dimension, facts.max_image_dimension};
        break;
      }
      default:
        break;
    }
  }
  return VK_SUCCESS;
}

}  // namespace viaduct::guest::wsi
