// The one way work reaches a queue. Used by vkQueueSubmit*, vkQueueBindSparse and by the swapchain's copies.
//
// A submission is posted (no round trip) and takes the queue's next completion value under the publish lock.
// Waits on semaphores that the window system marked (Semaphore::wsi_signaled) are stripped here and the mark
// cleared. The queue is externally synchronised, as for vkQueueSubmit. Failure: VK_ERROR_DEVICE_LOST,
// VK_ERROR_OUT_OF_HOST_MEMORY.
#pragma once

#include <vulkan/vulkan.h>

#include <cstdint>

#include "guest-icd/objects/fence.hpp"
#include "guest-icd/objects/semaphore.hpp"
#include "guest-icd/queue/queue.hpp"

namespace viaduct::guest {

/// Submits; `fence` (may be null) is assigned the completion value, which also goes to *value when not null.
/// After VK_ERROR_OUT_OF_HOST_MEMORY the fence is as it was; after the loss of the device it says so.
VkResult submit(Queue& queue, std::uint32_t count, const VkSubmitInfo* infos, Fence* fence,
                std::uint64_t* value = nullptr) noexcept;
VkResult submit(Queue& queue, std::uint32_t count, const VkSubmitInfo2* infos, Fence* fence,
                std::uint64_t* value = nullptr) noexcept;

/// Posts the frame counter's marker for the session's statistics.
void post_present_marker(Queue& queue) noexcept;

/// A submission of nothing that signals the binary semaphore, to the device's first queue, whoever uses that
/// at the time; its completion value goes to *value when not null.
VkResult signal_on_host(Device& device, VkSemaphore semaphore, std::uint64_t* value = nullptr) noexcept;

/// For vkAcquireNextImage*: the semaphore (binary) and fence count as signalled from now on. Either may be
/// null.
void signal_from_wsi(Device& device, VkSemaphore semaphore, VkFence fence) noexcept;

}  // namespace viaduct::guest
