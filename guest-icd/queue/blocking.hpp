// Calls that the host answers only when others have acted: a wait for a semaphore, for a query.
#pragma once

#include <vulkan/vulkan.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <thread>

#include "base/clock.hpp"
#include "guest-icd/session/session.hpp"

namespace viaduct::guest {

/// Asks the host until it says something else than `not_yet` or until the deadline, and gives what it said
/// last. ask(true) may wait on the host and holds a reply slot until then. When that many threads wait already
/// that one more might leave the acting thread without a slot, ask(false), which the host answers at once, is
/// repeated instead. Any thread.
template <class Ask>
VkResult ask_until(Session& session, const Deadline& deadline, VkResult not_yet, Ask ask) noexcept {
  constexpr std::uint64_t kPauseNs = 2'000'000;
  for (;;) {
    const bool blocking = !deadline.expired() && session.begin_blocking_call();
    const VkResult result = ask(blocking);
    if (blocking) session.end_blocking_call();
    if (blocking || result != not_yet || deadline.expired()) return result;
    std::this_thread::sleep_for(std::chrono::nanoseconds(std::min(deadline.remaining_ns(), kPauseNs)));
  }
}

}  // namespace viaduct::guest
