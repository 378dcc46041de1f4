// Completion slots: how the host tells a queue's progress, and how the guest reads it.
//
// A slot has one writer at a time (the queue's completion thread). value never goes back. A result other than
// VK_SUCCESS means lost and is latched by the reader. After store_completion the writer calls
// PeerWaker::wake_if_parked(). The guest's ready() is: value >= target or result != 0.
#pragma once

#include <cstdint>

#include "transport/region/region.hpp"
#include "transport/wait/atomics.hpp"

namespace viaduct::transport {

struct Completion {
  std::uint64_t value;
  std::int32_t result;
};

inline void store_completion(CompletionSlot& slot, std::uint64_t value, std::int32_t result = 0) noexcept {
  store_release(slot.result, result);
  store_release(slot.value, value);  // after the result: who sees the value sees the result
}

inline Completion load_completion(const CompletionSlot& slot) noexcept {
  Completion completion;
  completion.value = load_acquire(slot.value);
  completion.result = load_acquire(slot.result);
  return completion;
}

// As the guest looks at it: who sees a value may read what the host wrote before it.
inline Completion load_completion(const RegionView& region, std::uint32_t slot) noexcept {
  const Completion completion = load_completion(region.completion(slot));
  region.order_loads();
  return completion;
}

}  // namespace viaduct::transport
