// IdAllocator: names for objects, made by the guest: a dense index and a generation that tells reuses apart.
//
// Thread-safe. allocate() gives generation << 32 | index with generation >= 1, so 0 is never a name; it gives
// 0 when `limit` names are alive. release() of a name that is not alive is ignored. An index is reused
// last-in first-out so that tables on the other side stay small; its generation goes up at each reuse and
// skips 0 when it wraps.
#pragma once

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <new>
#include <vector>

namespace viaduct {

class IdAllocator {
 public:
  static constexpr std::uint32_t kMaxLimit = 1u << 24;

  explicit IdAllocator(std::uint32_t limit = kMaxLimit) noexcept
      : limit_(limit < kMaxLimit ? limit : kMaxLimit) {}

  std::uint64_t allocate() noexcept {
    const std::lock_guard lock(mutex_);
    if (free_.empty()) {
      if (slots_.size() >= limit_) return 0;
      try {
        // Room for every release is made here, so that release cannot fail.
        free_.reserve(grown(free_.capacity(), slots_.size() + 1));
        slots_.push_back(Slot{1, true});
      } catch (const std::bad_alloc&) {
        return 0;
      }
      return std::uint64_t{1} << 32 | (slots_.size() - 1);
    }
    const std::uint32_t index = free_.back();
    free_.pop_back();
    Slot& slot = slots_[index];
    slot.alive = true;
    return std::uint64_t{slot.generation} << 32 | index;
  }

  void release(std::uint64_t id) noexcept {
    const auto index = static_cast<std::uint32_t>(id);
    const auto generation = static_cast<std::uint32_t>(id >> 32);
    const std::lock_guard lock(mutex_);
    if (index >= slots_.size()) return;
    Slot& slot = slots_[index];
    if (!slot.alive || slot.generation != generation) return;
    slot.alive = false;
    if (++slot.generation == 0) slot.generation = 1;
    free_.push_back(index);
  }

  std::size_t alive() const noexcept {
    const std::lock_guard lock(mutex_);
    return slots_.size() - free_.size();
  }

 private:
  struct Slot {
    std::uint32_t generation;
    bool alive;
  };
  static std::size_t grown(std::size_t capacity, std::size_t needed) noexcept {
    return capacity >= needed ? capacity : needed * 2;
  }

  mutable std::mutex mutex_;
  std::vector<Slot> slots_;
  std::vector<std::uint32_t> free_;
  const std::uint32_t limit_;
};

}  // namespace viaduct
