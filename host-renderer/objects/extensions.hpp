// Which extensions pass between the guest and the host's driver.
//
// Offered to the guest: what the host's driver has, both ends know and the policy does not block. Enabled on
// the host: what the guest asked for of that (its own window-system extensions fall away) plus what Viaduct
// needs itself.
#pragma once

#include "generated/host/driver_tables.hpp"
#include "host-renderer/worker/driver.hpp"

#include <span>
#include <string_view>
#include <vector>

namespace viaduct::host {

struct PhysicalDevice;

// Known to this build's registry and not blocked by the policy.
bool may_be_offered(std::string_view extension) noexcept;

std::vector<VkExtensionProperties> driver_device_extensions(const PhysicalDevice& physical);
std::vector<VkExtensionProperties> offered_device_extensions(const PhysicalDevice& physical);

std::vector<VkExtensionProperties> offered_instance_extensions(const Driver& driver);

// The pointers are those of `asked`, or literals.
std::vector<const char*> host_instance_extensions(const Driver& driver, std::span<const char* const> asked);
std::vector<const char*> host_device_extensions(const PhysicalDevice& physical,
                                                std::span<const char* const> asked);

}  // namespace viaduct::host
