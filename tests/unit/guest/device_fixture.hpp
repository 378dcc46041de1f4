// An instance, a physical device, a device and a queue that exist in the guest only, on a FakeHost's session.
#pragma once

#include <memory>

#include "guest-icd/objects/device.hpp"
#include "guest-icd/queue/queue.hpp"
#include "tests/unit/guest/fake_host.hpp"

namespace viaduct::test {

struct DeviceFixture {
  explicit DeviceFixture(FakeHost::Answer answer = {})
      : host(std::move(answer)),
        // The fake host owns the session; this reference keeps nothing alive.
        instance(std::shared_ptr<guest::Session>(std::shared_ptr<void>(), &host.session()), 1ull << 32 | 1),
        physical(instance, 1ull << 32 | 2),
        device(physical, 1ull << 32 | 3) {
    const auto slot = host.session().take_queue_slot();
    device.queues.push_back(std::make_unique<guest::Queue>(device, 1ull << 32 | 4, slot->index));
  }
  guest::Queue& queue() { return *device.queues[0]; }

  FakeHost host;
  guest::Instance instance;
  guest::PhysicalDevice physical;
  guest::Device device;
};

}  // namespace viaduct::test
