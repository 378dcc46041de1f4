// Guest-side state of non-dispatchable objects, found by the index bits of their id: two levels of arrays,
// values in place, so that a create costs no allocation and a lookup two loads. Blocks are made on demand and
// live as long as the table. Any thread may look up; who creates or destroys an object has it to himself (the
// specification's external synchronisation), and two objects never share an entry.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <new>

namespace viaduct::guest {

template <class T>
class ObjectTable {
 public:
  ObjectTable() = default;
  ObjectTable(const ObjectTable&) = delete;
  ObjectTable& operator=(const ObjectTable&) = delete;
  ~ObjectTable() {
    for (auto& block : blocks_) delete block.load(std::memory_order_relaxed);
  }

  /// The entry of an id just allocated; nullptr when memory is exhausted.
  T* make(std::uint64_t id) noexcept {
    std::atomic<Block*>& slot = blocks_[index(id) / kBlock];
    Block* block = slot.load(std::memory_order_acquire);
    if (block == nullptr) {
      Block* fresh = new (std::nothrow) Block;
      if (fresh == nullptr) return nullptr;
      if (slot.compare_exchange_strong(block, fresh, std::memory_order_acq_rel)) {
        block = fresh;
      } else {
        delete fresh;
      }
    }
    return &(*block)[index(id) % kBlock];
  }

  /// nullptr for id 0 and for an index that was never made.
  T* find(std::uint64_t id) noexcept {
    if (id == 0) return nullptr;
    Block* block = blocks_[index(id) / kBlock].load(std::memory_order_acquire);
    return block == nullptr ? nullptr : &(*block)[index(id) % kBlock];
  }

 private:
  static constexpr std::uint32_t kIndexBits = 24;
  static constexpr std::uint32_t kBlock = 2048;
  using Block = std::array<T, kBlock>;
  static std::uint32_t index(std::uint64_t id) noexcept {
    return static_cast<std::uint32_t>(id & ((1u << kIndexBits) - 1));
  }
  std::array<std::atomic<Block*>, (1u << kIndexBits) / kBlock> blocks_{};
};

}  // namespace viaduct::guest
