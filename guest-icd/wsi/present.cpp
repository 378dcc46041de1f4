#include <new>
#include <vector>

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

struct Present {
  std::vector<VkResult> results;
  std::vector<VkCommandBuffer> commands;
  std::vector<VkFence> fences;  ///< of those swapchains that got as far as a copy
  std::vector<VkPipelineStageFlags> stages;
};

VkResult submit(SwapchainDevice& device, VkQueue queue, const VkPresentInfoKHR& info,
                const Present& work) noexcept {
  // Also without any copy: the semaphores are waited for whatever became of the swapchains.
  if (info.waitSemaphoreCount == 0 && work.commands.empty()) return VK_SUCCESS;
  VkSubmitInfo submission{};
  submission.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO;
  submission.waitSemaphoreCount = info.waitSemaphoreCount;
  submission.pWaitSemaphores = info.pWaitSemaphores;
  submission.pWaitDstStageMask = work.stages.data();
  submission.commandBufferCount = static_cast<std::uint32_t>(work.commands.size());
  submission.pCommandBuffers = work.commands.data();
  const VkFence first = work.fences.empty() ? VK_NULL_HANDLE : work.fences.front();
  VkResult result = device.vkQueueSubmit(queue, 1, &submission, first);
  // A fence alone is signalled after everything submitted before it.
  for (std::size_t i = 1; i < work.fences.size() && result == VK_SUCCESS; ++i) {
    result = device.vkQueueSubmit(queue, 0, nullptr, work.fences[i]);
  }
  return result;
}

VkResult present_all(VkQueue queue, const VkPresentInfoKHR& info, Present& work) {
  SwapchainDevice& device = Swapchain::from(info.pSwapchains[0])->device();
  const std::uint32_t family = device.family_of(queue);
  work.results.assign(info.swapchainCount, VK_SUCCESS);
  work.stages.assign(info.waitSemaphoreCount, VK_PIPELINE_STAGE_ALL_COMMANDS_BIT);
  work.commands.reserve(info.swapchainCount);
  work.fences.reserve(info.swapchainCount);
  for (std::uint32_t i = 0; i < info.swapchainCount; ++i) {
    Swapchain::Copy copy;
    work.results[i] =
        Swapchain::from(info.pSwapchains[i])->begin_present(family, info.pImageIndices[i], copy);
    if (work.results[i] != VK_SUCCESS) continue;
    work.commands.push_back(copy.commands);
    work.fences.push_back(copy.fence);
  }
  if (const VkResult result = submit(device, queue, info, work); result != VK_SUCCESS) {
    work.results.assign(info.swapchainCount, result);
    return result;
  }
  VkResult worst = VK_SUCCESS;
  for (std::uint32_t i = 0; i < info.swapchainCount; ++i) {
    VkResult& result = work.results[i];
    if (result == VK_SUCCESS)
      result = Swapchain::from(info.pSwapchains[i])->end_present(info.pImageIndices[i]);
    worst = worse(worst, result);
  }
  device.count_frame(queue);
  return worst;
}

}  // namespace

VkResult present(VkQueue queue, const VkPresentInfoKHR& info) noexcept {
  if (info.swapchainCount == 0) return VK_SUCCESS;
  try {
    Present work;
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
