// VkFence lives in the guest only: the handle is this object's address and the host never hears of it. A
// fence is signalled, unsignalled, or pending on {completion slot, value}: the slot says when it is
// signalled. That state is the fence's payload: its own, one that it shares since it was exported, or one
// that it imported.
//
// Reading is lock-free; the writes (assign, reset, signal, import) are externally synchronised by the
// specification. A shared payload is one word, so that a fence may be read while another one with the same
// payload is written. Slots are numbered in the session and their values never fall, so a payload may outlive
// its queue.
#pragma once

#include <vulkan/vulkan.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <utility>

namespace viaduct::guest {

struct Device;
struct Queue;

class FencePayload {
 public:
  explicit FencePayload(bool signaled) noexcept : word_(signaled ? kSignaled : kUnsignaled) {}
  void assign(std::uint32_t slot, std::uint64_t value) noexcept {
    word_.store(std::uint64_t{slot + 1} << kValueBits | value, std::memory_order_release);
  }
  void signal() noexcept { word_.store(kSignaled, std::memory_order_release); }
  void reset() noexcept { word_.store(kUnsignaled, std::memory_order_release); }
  /// VK_SUCCESS, VK_NOT_READY or VK_ERROR_DEVICE_LOST: the device's that asks, or the one's that was
  /// submitted to.
  VkResult status(Device& device) const noexcept;

 private:
  static constexpr unsigned kValueBits = 48;  // a thousand submissions a microsecond for three days
  static constexpr std::uint64_t kUnsignaled = 0, kSignaled = ~std::uint64_t{0};
  std::atomic<std::uint64_t> word_;
};

class Fence {
 public:
  explicit Fence(bool signaled) noexcept : own_(signaled), current_(&own_) {}
  static Fence* from(VkFence handle) noexcept { return reinterpret_cast<Fence*>(handle); }
  VkFence handle() noexcept { return reinterpret_cast<VkFence>(this); }

  /// Signalled once the queue's completion value reaches `value`.
  void assign(Queue& queue, std::uint64_t value) noexcept;
  /// For the window system: signalled now (an image is handed out only when it is free).
  void signal_from_wsi() noexcept { payload().signal(); }
  /// Of an imported payload that was to be temporary this is the end.
  void reset() noexcept {
    if (temporary_ != nullptr) {
      current_.store(permanent_ != nullptr ? permanent_.get() : &own_, std::memory_order_release);
      temporary_.reset();
    }
    payload().reset();
  }

  /// VK_SUCCESS, VK_NOT_READY or VK_ERROR_DEVICE_LOST.
  VkResult status(Device& device) const noexcept { return payload().status(device); }

  /// What export gives; null for a fence that was not made for it (VkExportFenceCreateInfo).
  std::shared_ptr<FencePayload> shared() const noexcept {
    return temporary_ != nullptr ? temporary_ : permanent_;
  }
  void import(std::shared_ptr<FencePayload> payload, bool temporary) noexcept {
    current_.store(payload.get(), std::memory_order_release);
    if (!temporary) temporary_.reset();
    (temporary ? temporary_ : permanent_) = std::move(payload);
  }

 private:
  FencePayload& payload() const noexcept { return *current_.load(std::memory_order_acquire); }

  FencePayload own_;
  std::atomic<FencePayload*> current_;
  std::shared_ptr<FencePayload> permanent_, temporary_;
};

/// vkWaitForFences for threads of our own: no message of the host is delivered in it.
VKAPI_ATTR VkResult VKAPI_CALL wait_for_fences(VkDevice device, std::uint32_t fenceCount,
                                               const VkFence* pFences, VkBool32 waitAll,
                                               std::uint64_t timeout) noexcept;

}  // namespace viaduct::guest
