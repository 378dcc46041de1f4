#include "generated/host/overrides.hpp"
#include "generated/protocol/requests.hpp"
#include "host-renderer/memory/shadow.hpp"
#include "host-renderer/queue/device_waits.hpp"
#include "host-renderer/worker/command_context.hpp"
#include "host-renderer/worker/session.hpp"
#include "protocol/wire/writer.hpp"

#include "base/clock.hpp"

#include <algorithm>
#include <cstring>
#include <memory>
#include <vector>

namespace viaduct::host {
namespace {

void before_reply(Device& device) noexcept { device.shadow->driver_to_guest(); }

template <class Args, class WriteReply>
void answer(ReplyBuilder& reply, const Args& args, const WriteReply& write_reply) {
  protocol::SizeCounter counter;
  write_reply(counter, args);
  const std::size_t size = counter.finish();
  if (std::byte* memory = reply.reserve(size)) {
    protocol::Writer writer(memory);
    write_reply(writer, args);
    writer.finish();
  }
  reply.commit();
}

// Calls `slice(timeout)` until it gives something else than VK_TIMEOUT, the time is over or the device is.
template <class Slice>
VkResult wait_in_slices(Device& device, const Waiters& waiters, std::uint64_t timeout_ns,
                        const Slice& slice) {
  const Deadline deadline = Deadline::after_ns(timeout_ns);
  for (;;) {
    const std::uint64_t left = deadline.remaining_ns();
    const VkResult result = slice(std::min(left, DeviceWaits::kSliceNs));
    if (result != VK_TIMEOUT) {
      return result;
    }
    if (device.lost.load(std::memory_order_relaxed) || device.waits->abandoned() || waiters.stopping()) {
      return VK_ERROR_DEVICE_LOST;
    }
    if (left <= DeviceWaits::kSliceNs && deadline.expired()) {
      return VK_TIMEOUT;
    }
  }
}

// A job that holds the device for as long as it runs.
template <class Job>
void run_on_waiter(CommandContext& ctx, Job job) {
  Device* device = ctx.device;
  device->waits->enter();
  auto reply = std::make_shared<ReplyBuilder>(std::move(*ctx.reply));
  ctx.reply = nullptr;
  ctx.session.waiters().run([device, reply, job = std::move(job)]() mutable {
    job(*device, *reply);
    device->waits->leave();
  });
}

}  // namespace

void on_vkWaitSemaphores(CommandContext& ctx, protocol::vkWaitSemaphores_args& a) {
  Device& device = *ctx.device;
  // One that is satisfied already, or only polls, is answered here.
  a.result = device.table.vkWaitSemaphores(a.device, a.pWaitInfo, 0);
  if (a.result == VK_TIMEOUT && a.timeout != 0 && ctx.reply != nullptr) {
    const std::uint32_t count = a.pWaitInfo->semaphoreCount;
    std::vector<VkSemaphore> semaphores(a.pWaitInfo->pSemaphores, a.pWaitInfo->pSemaphores + count);
    std::vector<std::uint64_t> values(a.pWaitInfo->pValues, a.pWaitInfo->pValues + count);
    run_on_waiter(
        ctx, [semaphores = std::move(semaphores), values = std::move(values), flags = a.pWaitInfo->flags,
              timeout = a.timeout, &waiters = ctx.session.waiters()](Device& on, ReplyBuilder& reply) {
          VkSemaphoreWaitInfo info{};
          info.sType = VK_STRUCTURE_TYPE_SEMAPHORE_WAIT_INFO;
          info.flags = flags;
          info.semaphoreCount = static_cast<std::uint32_t>(semaphores.size());
          info.pSemaphores = semaphores.data();
          info.pValues = values.data();
          protocol::vkWaitSemaphores_args answered;
          answered.result = wait_in_slices(on, waiters, timeout, [&](std::uint64_t slice) {
            return on.table.vkWaitSemaphores(on.handle, &info, slice);
          });
          before_reply(on);
          answer(reply, answered,
                 [](auto& sink, const auto& args) { protocol::write_reply_vkWaitSemaphores(sink, args); });
        });
    return;
  }
  before_reply(device);
}

namespace {

// 32 pipeline statistics at most (a bit each) and the availability, 8 bytes each:
// VkQueryPipelineStatisticFlags.
constexpr std::size_t kQueryPadding = 33 * 8;

// The driver writes `queryCount` results `stride` apart and need not look at dataSize (the specification
// makes that the caller's affair). So the last result must begin inside, and what a result of the largest
// kind could write beyond the end falls into padding.
bool pad_query_results(CommandContext& ctx, protocol::vkGetQueryPoolResults_args& a) noexcept {
  const std::uint64_t value = (a.flags & VK_QUERY_RESULT_64_BIT) != 0 ? 8 : 4;
  const std::uint64_t later = a.queryCount > 1 ? a.queryCount - 1 : 0;
  if (a.queryCount == 0) {
    a.result = VK_SUCCESS;
    return false;
  }
  if (a.dataSize < value || (later != 0 && a.stride > (a.dataSize - value) / later)) {
    a.result = VK_ERROR_UNKNOWN;  // an invalid call of the application, not a malformed record
    return false;
  }
  auto* padded = ctx.decoder.make<std::byte>(a.dataSize + kQueryPadding);
  if (padded == nullptr) {
    a.result = VK_ERROR_OUT_OF_HOST_MEMORY;
    return false;
  }
  std::memcpy(padded, a.pData, a.dataSize);
  a.pData = padded;
  return true;
}

// Who waits gets whole results, so that partial ones, which a driver may call a success, are not asked for.
VkResult poll_queries(const Device& device, const protocol::vkGetQueryPoolResults_args& a) noexcept {
  constexpr VkQueryResultFlags kWaiting = VK_QUERY_RESULT_WAIT_BIT | VK_QUERY_RESULT_PARTIAL_BIT;
  const bool waits = (a.flags & VK_QUERY_RESULT_WAIT_BIT) != 0;
  return device.table.vkGetQueryPoolResults(device.handle, a.queryPool, a.firstQuery, a.queryCount,
                                            a.dataSize, a.pData, a.stride,
                                            waits ? a.flags & ~kWaiting : a.flags);
}

}  // namespace

void on_vkGetQueryPoolResults(CommandContext& ctx, protocol::vkGetQueryPoolResults_args& a) {
  if (!pad_query_results(ctx, a)) {
    return;
  }
  Device& device = *ctx.device;
  const bool waits = (a.flags & VK_QUERY_RESULT_WAIT_BIT) != 0;
  // A driver may wait for the device although it is not asked to (lavapipe does), and the device for what
  // comes later on the ring. While work is pending the driver is therefore not asked on this thread.
  const bool idle = std::all_of(device.queues.begin(), device.queues.end(),
                                [](const auto& queue) { return queue->completion->idle(); });
  if (idle || ctx.reply == nullptr) {
    a.result = poll_queries(device, a);
    if (a.result != VK_NOT_READY || !waits || ctx.reply == nullptr) {
      return;
    }
  }
  // Begins as the application's memory: what no query writes stays as it is.
  auto* sent = static_cast<const std::byte*>(a.pData);
  auto data = std::make_shared<std::vector<std::byte>>(sent, sent + a.dataSize + kQueryPadding);
  run_on_waiter(
      ctx, [data, waits, asked = a, &waiters = ctx.session.waiters()](Device& on, ReplyBuilder& reply) {
        protocol::vkGetQueryPoolResults_args answered = asked;
        answered.pData = data->data();
        // Polled, because a driver's own wait cannot be called off when the device is lost.
        std::uint64_t pause_ns = 20'000;
        answered.result = wait_in_slices(on, waiters, UINT64_MAX, [&](std::uint64_t) {
          const VkResult result = poll_queries(on, answered);
          if (result != VK_NOT_READY || !waits) {
            return result;
          }
          const timespec pause{0, static_cast<long>(pause_ns)};
          ::nanosleep(&pause, nullptr);
          pause_ns = std::min<std::uint64_t>(pause_ns * 2, 1'000'000);
          return VK_TIMEOUT;
        });
        answer(reply, answered,
               [](auto& sink, const auto& args) { protocol::write_reply_vkGetQueryPoolResults(sink, args); });
      });
}

void on_vkSignalSemaphore(CommandContext& ctx, protocol::vkSignalSemaphore_args& a) {
  ctx.device->shadow->guest_to_driver();
  a.result = ctx.device->table.vkSignalSemaphore(a.device, a.pSignalInfo);
}

void on_vkGetSemaphoreCounterValue(CommandContext& ctx, protocol::vkGetSemaphoreCounterValue_args& a) {
  a.result = ctx.device->table.vkGetSemaphoreCounterValue(a.device, a.semaphore, a.pValue);
  before_reply(*ctx.device);
}

void on_vkSetEvent(CommandContext& ctx, protocol::vkSetEvent_args& a) {
  ctx.device->shadow->guest_to_driver();
  a.result = ctx.device->table.vkSetEvent(a.device, a.event);
}

void on_vkGetEventStatus(CommandContext& ctx, protocol::vkGetEventStatus_args& a) {
  a.result = ctx.device->table.vkGetEventStatus(a.device, a.event);
  before_reply(*ctx.device);
}

}  // namespace viaduct::host
