// Descriptor pools. The guest keeps the specification's accounting of a pool and says yes at once; a driver
// may still find its own pool fragmented, so the host adds a pool of the same sizes then: a set that the
// guest counted on exists.
#pragma once

#include "host-renderer/objects/objects.hpp"

namespace viaduct::host {

class Session;

struct DescriptorPool {
  // Overflow pools beyond this fail the allocation: the guest's accounting cannot need that many.
  static constexpr std::size_t kMaxPools = 16;

  struct Set {
    protocol::ObjectId id;
    std::uint32_t pool;  // index into driver_pools
  };

  Device* device = nullptr;
  protocol::ObjectId id{};
  VkDescriptorPoolCreateFlags flags = 0;
  std::uint32_t max_sets = 0;
  std::uint32_t max_inline_bindings = 0;
  // VkMutableDescriptorTypeCreateInfoEXT of the application's pool: what each mutable size may become.
  std::vector<std::vector<VkDescriptorType>> mutable_types;
  std::vector<VkDescriptorPoolSize> sizes;
  std::vector<VkDescriptorPool> driver_pools;  // the first is the application's
  std::vector<Set> sets;                       // a set's slot object is its position here
};

void drop_descriptor_pool(Session& session, DescriptorPool& pool) noexcept;

}  // namespace viaduct::host
