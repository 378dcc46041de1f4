#include <algorithm>
#include <new>

#include "guest-icd/wsi/chain.hpp"
#include "guest-icd/wsi/small_array.hpp"
#include "guest-icd/wsi/swapchain.hpp"

namespace viaduct::guest::wsi {
namespace {

/// Which of two results vkQueuePresentKHR returns for several swapchains: the one that asks for more to be
/// done.
VkResult worse(VkResult a, VkResult b) noexcept {
  const auto rank = [](VkResult result) noexcept {
    switch (result) {
      case VK_SUCCESS:
        return 0;
      case VK_SUBOPTIMAL_KHR:
        return 1;
      case VK_ERROR_OUT_OF_DATE_KHR:
        return 2;
      case VK_ERROR_SURFACE_LOST_KHR:
        return 3;
      case VK_ERROR_DEVICE_LOST:
        return 5;
      default:
        return 4;
    }
  };
  return rank(b) > rank(a) ? b : a;
}

/// What the application chained to the present, each array null or with an element for every swapchain.
struct Extras {
  const std::uint64_t* ids = nullptr;
  const VkFence* fences = nullptr;
  const VkPresentModeKHR* modes = nullptr;

  explicit Extras(const VkPresentInfoKHR& info) noexcept {
    const auto* id = find_in_chain<VkPresentIdKHR>(info.pNext, VK_STRUCTURE_TYPE_PRESENT_ID_KHR);
    const auto* fence = find_in_chain<VkSwapchainPresentFenceInfoEXT>(
        info.pNext, VK_STRUCTURE_TYPE_SWAPCHAIN_PRESENT_FENCE_INFO_EXT);
    const auto* mode = find_in_chain<VkSwapchainPresentModeInfoEXT>(
        info.pNext, VK_STRUCTURE_TYPE_SWAPCHAIN_PRESENT_MODE_INFO_EXT);
    const std::uint32_t count = info.swapchainCount;
    if (id != nullptr && id->swapchainCount == count) ids = id->pPresentIds;
    if (fence != nullptr && fence->swapchainCount == count) fences = fence->pFences;
    if (mode != nullptr && mode->swapchainCount == count) modes = mode->pPresentModes;
  }
  Swapchain::PresentOptions options(std::uint32_t i) const noexcept {
    Swapchain::PresentOptions out;
    if (ids != nullptr) out.id = ids[i];
    if (modes != nullptr) out.mode = modes[i];
    return out;
  }
};

struct Present {
  explicit Present(const VkPresentInfoKHR& info)
      : results(info.swapchainCount, VK_SUCCESS),
        commands(info.swapchainCount),
        fences(2 * std::size_t{info.swapchainCount}),
        stages(info.waitSemaphoreCount, VK_PIPELINE_STAGE_ALL_COMMANDS_BIT) {}

  SmallArray<VkResult> results;
  SmallArray<VkCommandBuffer> commands;
  SmallArray<VkFence, 8> fences;  ///< of those swapchains that got as far as a copy, then the application's
  SmallArray<VkPipelineStageFlags> stages;
};

VkResult submit(SwapchainDevice& device, VkQueue queue, const VkPresentInfoKHR& info,
                const Present& work) noexcept {
  // Also without any copy: semaphores are waited for and fences signalled whatever became of the swapchains.
  const bool has_batch = info.waitSemaphoreCount != 0 || !work.commands.empty();
  if (!has_batch && work.fences.empty()) return VK_SUCCESS;
  VkSubmitInfo submission{};
  submission.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO;
  submission.waitSemaphoreCount = info.waitSemaphoreCount;
  submission.pWaitSemaphores = info.pWaitSemaphores;
  submission.pWaitDstStageMask = work.stages.data();
  submission.commandBufferCount = static_cast<std::uint32_t>(work.commands.size());
  submission.pCommandBuffers = work.commands.data();
  return device.submit(queue, has_batch ? &submission : nullptr, {work.fences.data(), work.fences.size()});
}

VkResult present_all(VkQueue queue, const VkPresentInfoKHR& info, Present& work) noexcept {
  SwapchainDevice& device = Swapchain::from(info.pSwapchains[0])->device();
  const Extras extras(info);
  const std::uint32_t family = device.family_of(queue);
  for (std::uint32_t i = 0; i < info.swapchainCount; ++i) {
    Swapchain::Copy copy;
    work.results[i] =
        Swapchain::from(info.pSwapchains[i])->begin_present(family, info.pImageIndices[i], copy);
    if (work.results[i] != VK_SUCCESS) continue;
    work.commands.push(copy.commands);
    work.fences.push(copy.fence);
  }
  // The application's fences say that its semaphores are free again, which they are after the copy.
  for (std::uint32_t i = 0; extras.fences != nullptr && i < info.swapchainCount; ++i) {
    if (extras.fences[i] != VK_NULL_HANDLE) work.fences.push(extras.fences[i]);
  }
  if (const VkResult result = submit(device, queue, info, work); result != VK_SUCCESS) {
    std::fill(work.results.begin(), work.results.end(), result);
    return result;
  }
  VkResult worst = VK_SUCCESS;
  for (std::uint32_t i = 0; i < info.swapchainCount; ++i) {
    VkResult& result = work.results[i];
    if (result == VK_SUCCESS) {
      result = Swapchain::from(info.pSwapchains[i])->end_present(info.pImageIndices[i], extras.options(i));
    }
    worst = worse(worst, result);
  }
  device.count_frame(queue);
  return worst;
}

}  // namespace

VkResult present(VkQueue queue, const VkPresentInfoKHR& info) noexcept {
  if (info.swapchainCount == 0) return VK_SUCCESS;
  try {
    Present work(info);
    const VkResult result = present_all(queue, info, work);
    for (std::uint32_t i = 0; info.pResults != nullptr && i < info.swapchainCount; ++i) {
      info.pResults[i] = work.results[i];
    }
    return result;
  } catch (const std::bad_alloc&) {
    return VK_ERROR_OUT_OF_HOST_MEMORY;
  }
}

}  // namespace viaduct::guest::wsi
