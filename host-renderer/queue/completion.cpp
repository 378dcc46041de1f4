#include "host-renderer/queue/completion.hpp"

#include "base/log.hpp"
#include "host-renderer/objects/objects.hpp"

#include <system_error>

namespace viaduct::host {
namespace {

constexpr std::uint64_t kStopCheckNs = 100'000'000;

VkResult make_timeline(const Device& device, std::uint64_t initial_value, VkSemaphore* semaphore) noexcept {
  VkSemaphoreTypeCreateInfo type{};
  type.sType = VK_STRUCTURE_TYPE_SEMAPHORE_TYPE_CREATE_INFO;
  type.semaphoreType = VK_SEMAPHORE_TYPE_TIMELINE;
  type.initialValue = initial_value;
  VkSemaphoreCreateInfo info{};
  info.sType = VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO;
  info.pNext = &type;
  return device.table.vkCreateSemaphore(device.handle, &info, nullptr, semaphore);
}

}  // namespace

CompletionThread::CompletionThread(Device& device, CompletionSink& sink, std::uint32_t slot,
                                   std::uint64_t initial_value)
    : device_(device),
      sink_(sink),
      slot_(slot),
      status_(make_timeline(device, initial_value, &semaphore_)),
      submitted_(initial_value),
      completed_(initial_value) {
  if (status_ == VK_SUCCESS) {
    try {
      thread_ = std::thread([this] { work(); });
    } catch (const std::system_error&) {
      status_ = VK_ERROR_OUT_OF_HOST_MEMORY;  // the process's limit of threads
    }
  }
}

CompletionThread::~CompletionThread() {
  {
    const std::lock_guard lock(mutex_);
    stop_.store(true, std::memory_order_relaxed);
  }
  changed_.notify_all();
  if (thread_.joinable()) {
    thread_.join();
  }
  if (semaphore_ != VK_NULL_HANDLE) {
    device_.table.vkDestroySemaphore(device_.handle, semaphore_, nullptr);
  }
}

void CompletionThread::submitted(std::uint64_t value) noexcept {
  {
    const std::lock_guard lock(mutex_);
    submitted_ = value;
  }
  changed_.notify_one();
}

void CompletionThread::lost(VkResult result) noexcept {
  device_.lost.store(true, std::memory_order_relaxed);
  sink_.fail(slot_, result);
}

void CompletionThread::work() noexcept {
  for (;;) {
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock,
                    [this] { return stop_.load(std::memory_order_relaxed) || submitted_ > completed_; });
    }
    if (stop_.load(std::memory_order_relaxed)) {
      return;
    }
    // Any value above the last one: the semaphore goes from submission's value to submission's value.
    if (!wait_for(completed_ + 1)) {
      return;
    }
  }
}

bool CompletionThread::wait_for(std::uint64_t value) noexcept {
  VkSemaphoreWaitInfo info{};
  info.sType = VK_STRUCTURE_TYPE_SEMAPHORE_WAIT_INFO;
  info.semaphoreCount = 1;
  info.pSemaphores = &semaphore_;
  info.pValues = &value;
  VkResult result = VK_TIMEOUT;
  while (result == VK_TIMEOUT && !stop_.load(std::memory_order_relaxed)) {
    result = device_.table.vkWaitSemaphores(device_.handle, &info, kStopCheckNs);
    if (result == VK_TIMEOUT && device_.lost.load(std::memory_order_relaxed)) {
      result = VK_ERROR_DEVICE_LOST;
    }
  }
  std::uint64_t reached = value;
  if (result == VK_SUCCESS) {
    result = device_.table.vkGetSemaphoreCounterValue(device_.handle, semaphore_, &reached);
  }
  if (result == VK_TIMEOUT) {
    return false;  // told to stop
  }
  if (result != VK_SUCCESS) {
    VIADUCT_LOG_ERROR("queue", "waiting for completion slot %u failed: VkResult %d", slot_, result);
    lost(VK_ERROR_DEVICE_LOST);
    return false;
  }
  completed_ = reached;
  sink_.before_completion(device_);
  sink_.complete(slot_, reached);
  return true;
}

}  // namespace viaduct::host
