// Reading queries, with or without waiting for them.
#include "generated/guest/calls.hpp"
#include "generated/guest/entrypoints.hpp"
#include "guest-icd/objects/device.hpp"
#include "guest-icd/objects/host_messages.hpp"
#include "guest-icd/queue/blocking.hpp"

namespace viaduct::guest::entry {

VKAPI_ATTR VkResult VKAPI_CALL vkGetQueryPoolResults(VkDevice device, VkQueryPool queryPool,
                                                     uint32_t firstQuery, uint32_t queryCount,
                                                     size_t dataSize, void* pData, VkDeviceSize stride,
                                                     VkQueryResultFlags flags) noexcept {
  Device* self = Device::from(device);
  const HearsHost hears(*self);
  // What a wait for whole results leaves of the flags when it is only asked whether they are there.
  constexpr VkQueryResultFlags kWaiting = VK_QUERY_RESULT_WAIT_BIT | VK_QUERY_RESULT_PARTIAL_BIT;
  const auto read = [&](VkQueryResultFlags how) {
    return call_vkGetQueryPoolResults(*self->channel, device, queryPool, firstQuery, queryCount, dataSize,
                                      pData, stride, how);
  };
  if ((flags & VK_QUERY_RESULT_WAIT_BIT) == 0) return read(flags);
  return ask_until(*self->session, Deadline::never(), VK_NOT_READY,
                   [&](bool may_wait) { return read(may_wait ? flags : flags & ~kWaiting); });
}

}  // namespace viaduct::guest::entry
