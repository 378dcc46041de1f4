// The host's tables from guest names to driver handles: one dense array a type, indexed by the name's index.
//
// Read without a lock: a lookup costs one bounds check and one generation compare. The owner
// (host-renderer/objects) writes on the decode thread; other threads may look up names meanwhile, as long as
// whoever told them a name did so after its slot was written. A slot may be *pending* then: its object is
// being made on another thread, and who looks the name up waits for that. The decoder never owns a table.
#pragma once

#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "generated/protocol/object_type.hpp"
#include "protocol/wire/object_id.hpp"

namespace viaduct::protocol {

inline constexpr std::uint32_t kSlotAlive = 1;    // `driver` is a live handle
inline constexpr std::uint32_t kSlotFailed = 2;   // the guest named it, the driver refused to make it
inline constexpr std::uint32_t kSlotPending = 4;  // it is being made; becomes one of the others

struct HandleSlot {
  std::uint32_t generation = 0;
  std::uint32_t flags = 0;
  std::uint64_t driver = 0;
  void* object = nullptr;  // the host's own bookkeeping for it, or null
};
static_assert(sizeof(HandleSlot) == 16 + sizeof(void*));
// find_alive() compares generation and flags as one number, which settle() stores as one.
static_assert(offsetof(HandleSlot, generation) == 0 && offsetof(HandleSlot, flags) == 4 &&
              std::endian::native == std::endian::little);

inline std::uint64_t slot_state(const HandleSlot& slot) {
  auto& word = reinterpret_cast<std::uint64_t&>(const_cast<HandleSlot&>(slot));
  return std::atomic_ref(word).load(std::memory_order_acquire);
}
inline std::uint32_t slot_flags(const HandleSlot& slot) {
  return static_cast<std::uint32_t>(slot_state(slot) >> 32);
}
// A pending slot's object was made, or not (`flags`). Any thread, once.
inline void settle(HandleSlot& slot, std::uint64_t driver, std::uint32_t flags) {
  slot.driver = driver;
  auto& word = reinterpret_cast<std::uint64_t&>(slot);
  std::atomic_ref(word).store(slot.generation | std::uint64_t{flags} << 32, std::memory_order_release);
}

// Who makes objects beside the decode thread.
class PendingObjects {
 public:
  // Until the slot is not pending any more. Any thread but those that make them.
  virtual void wait(const HandleSlot& slot) noexcept = 0;

 protected:
  ~PendingObjects() = default;
};

struct HandleTable {
  // Room is made first and counted then.
  std::atomic<HandleSlot*> slots{nullptr};
  std::atomic<std::uint32_t> count{0};

  void set(HandleSlot* first, std::uint32_t how_many) {
    slots.store(first, std::memory_order_relaxed);
    count.store(how_many, std::memory_order_release);
  }
  // Null beyond the table.
  [[gnu::always_inline]] const HandleSlot* at(std::uint32_t index) const {
    return index < count.load(std::memory_order_acquire) ? slots.load(std::memory_order_relaxed) + index
                                                         : nullptr;
  }
};

struct HandleTables {
  std::array<HandleTable, kObjectTypeCount> by_type{};
  PendingObjects* pending = nullptr;  // null: no slot ever is

  const HandleTable& of(ObjectType type) const { return by_type[static_cast<std::size_t>(type)]; }
  HandleTable& of(ObjectType type) { return by_type[static_cast<std::size_t>(type)]; }

  // The slot a name refers to, alive or failed; null when the name is stale or of another type.
  const HandleSlot* find(ObjectType type, ObjectId id) const {
    const HandleTable& table = of(type);
    const HandleSlot* slot = table.at(id_index(id));
    if (id_type(id) != type || slot == nullptr) return nullptr;
    const std::uint64_t state = slot_state(*slot);
    if (static_cast<std::uint32_t>(state) != id_generation(id)) return nullptr;
    if (state >> 32 == kSlotPending && pending != nullptr) pending->wait(*slot);
    return state >> 32 != 0 ? slot : nullptr;
  }

  // The same for one that must be alive, in few instructions: of a name of another type the difference is no
  // index. Null for one that is pending too: then find_settled() waits.
  [[gnu::always_inline]] const HandleSlot* find_alive(ObjectType type, ObjectId id) const {
    const HandleTable& table = of(type);
    const std::uint32_t index =
        static_cast<std::uint32_t>(id) - (static_cast<std::uint32_t>(type) << kObjectIndexBits);
    const HandleSlot* slot = table.at(index);
    if (slot == nullptr) return nullptr;
    return slot_state(*slot) == (id_generation(id) | std::uint64_t{kSlotAlive} << 32) ? slot : nullptr;
  }
  [[gnu::cold, gnu::noinline]] const HandleSlot* find_settled(ObjectType type, ObjectId id) const {
    const HandleSlot* slot = find(type, id);
    return slot != nullptr && (slot_flags(*slot) & kSlotAlive) != 0 ? slot : nullptr;
  }
};

}  // namespace viaduct::protocol
