// Calibrated timestamps. The host answers for the device's clock only, since a guest need not share another
// clock with it; the guest's own clocks are read here, before and after the host was asked, and the time
// between is part of the deviation.
#include <time.h>

#include <algorithm>
#include <array>
#include <optional>
#include <span>

#include "generated/guest/calls.hpp"
#include "generated/guest/entrypoints.hpp"
#include "guest-icd/objects/device.hpp"
#include "guest-icd/objects/instance.hpp"

namespace viaduct::guest {
namespace {

constexpr std::array kOwnDomains{VK_TIME_DOMAIN_CLOCK_MONOTONIC_EXT, VK_TIME_DOMAIN_CLOCK_MONOTONIC_RAW_EXT};

std::uint64_t read_clock(clockid_t clock) noexcept {
  timespec now{};
  ::clock_gettime(clock, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000u + static_cast<std::uint64_t>(now.tv_nsec);
}

std::optional<clockid_t> clock_of(VkTimeDomainEXT domain) noexcept {
  if (domain == VK_TIME_DOMAIN_CLOCK_MONOTONIC_EXT) return CLOCK_MONOTONIC;
  if (domain == VK_TIME_DOMAIN_CLOCK_MONOTONIC_RAW_EXT) return CLOCK_MONOTONIC_RAW;
  return std::nullopt;
}

}  // namespace

namespace entry {

VKAPI_ATTR VkResult VKAPI_CALL vkGetPhysicalDeviceCalibrateableTimeDomainsEXT(
    VkPhysicalDevice physicalDevice, uint32_t* pTimeDomainCount, VkTimeDomainEXT* pTimeDomains) noexcept {
  std::array<VkTimeDomainEXT, 8> domains{};
  auto count = static_cast<std::uint32_t>(domains.size() - kOwnDomains.size());
  const VkResult result = call_vkGetPhysicalDeviceCalibrateableTimeDomainsEXT(
      Channel::of(physicalDevice), physicalDevice, &count, domains.data());
  // Loss is no result of this call, and the guest's own clocks are still there.
  if (result < 0 && result != VK_ERROR_DEVICE_LOST) return result;
  std::copy(kOwnDomains.begin(), kOwnDomains.end(), domains.begin() + count);
  const std::span<const VkTimeDomainEXT> all(domains.data(), count + kOwnDomains.size());
  if (pTimeDomains == nullptr) {
    *pTimeDomainCount = static_cast<std::uint32_t>(all.size());
    return VK_SUCCESS;
  }
  *pTimeDomainCount = std::min(*pTimeDomainCount, static_cast<std::uint32_t>(all.size()));
  std::copy_n(all.begin(), *pTimeDomainCount, pTimeDomains);
  return *pTimeDomainCount < all.size() ? VK_INCOMPLETE : VK_SUCCESS;
}

VKAPI_ATTR VkResult VKAPI_CALL vkGetCalibratedTimestampsEXT(
    VkDevice device, uint32_t timestampCount, const VkCalibratedTimestampInfoEXT* pTimestampInfos,
    uint64_t* pTimestamps, uint64_t* pMaxDeviation) noexcept {
  const std::uint64_t before = read_clock(CLOCK_MONOTONIC_RAW);
  std::uint64_t host_deviation = 0;
  for (std::uint32_t i = 0; i < timestampCount; ++i) {
    if (clock_of(pTimestampInfos[i].timeDomain)) continue;
    std::uint64_t deviation = 0;
    const VkResult result = call_vkGetCalibratedTimestampsEXT(
        *Device::from(device)->channel, device, 1, &pTimestampInfos[i], &pTimestamps[i], &deviation);
    // Not among the results of this call: what was asked for cannot be known any more.
    if (result != VK_SUCCESS) return result == VK_ERROR_DEVICE_LOST ? VK_ERROR_OUT_OF_HOST_MEMORY : result;
    host_deviation = std::max(host_deviation, deviation);
  }
  for (std::uint32_t i = 0; i < timestampCount; ++i) {
    if (const auto clock = clock_of(pTimestampInfos[i].timeDomain)) pTimestamps[i] = read_clock(*clock);
  }
  *pMaxDeviation = host_deviation + (read_clock(CLOCK_MONOTONIC_RAW) - before);
  return VK_SUCCESS;
}

}  // namespace entry
}  // namespace viaduct::guest
