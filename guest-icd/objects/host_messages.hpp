// What the host's driver and layers say, brought to the application's messengers and callbacks.
//
// The worker keeps messages and counts them in the region (HostWords.messages). An entry point that calls,
// submits or waits holds a HearsHost: when it ends, outside of every lock, the messages that are there are
// fetched and given to the callbacks on the application's own thread. So no thread is made, nothing is
// polled, and where no debug extension is enabled that costs the test of one flag. Recording and posted calls
// do not look: what they cause is heard at the next submission, wait or call.
#pragma once

#include <vulkan/vulkan.h>

#include <atomic>
#include <cstdint>
#include <mutex>

#include "guest-icd/objects/debug_messenger.hpp"
#include "guest-icd/objects/device.hpp"
#include "guest-icd/queue/queue.hpp"
#include "guest-icd/session/session.hpp"

namespace viaduct::guest {

/// Tells the host what the instance's messengers want to hear now. Any thread.
void listen_to_host(Instance& instance, const DebugInterest& wanted) noexcept;

/// Fetches what the host has for the instance, and gives it to these listeners. Any thread, no lock held: the
/// callbacks are the application's.
void deliver_host_messages(Instance& instance, DebugMessengers& to) noexcept;

enum class HearWhen {
  kAny,  ///< the region says that there may be something
  kNow,  ///< without looking: what was posted before has been executed when this ends
};

class HearsHost {
 public:
  explicit HearsHost(Instance& instance, HearWhen when = HearWhen::kAny) noexcept
      : instance_(instance.debug_names ? &instance : nullptr), when_(when) {}
  explicit HearsHost(Device& device, HearWhen when = HearWhen::kAny) noexcept
      : instance_(device.debug_names ? device.physical->instance : nullptr), when_(when) {}
  explicit HearsHost(VkInstance handle) noexcept : HearsHost(*Instance::from(handle)) {}
  explicit HearsHost(VkPhysicalDevice handle) noexcept : HearsHost(*PhysicalDevice::from(handle)->instance) {}
  explicit HearsHost(VkDevice handle, HearWhen when = HearWhen::kAny) noexcept
      : HearsHost(*Device::from(handle), when) {}
  explicit HearsHost(VkQueue handle, HearWhen when = HearWhen::kAny) noexcept
      : HearsHost(*Queue::from(handle)->device, when) {}
  HearsHost(const HearsHost&) = delete;
  HearsHost& operator=(const HearsHost&) = delete;
  ~HearsHost() {
    if (instance_ != nullptr) [[unlikely]]
      hear();
  }

 private:
  void hear() noexcept;

  Instance* instance_;
  HearWhen when_;
};

}  // namespace viaduct::guest
