// The host's tables from guest names to driver handles: one dense array a type, indexed by the name's index.
//
// The decode thread reads without a lock. The owner (host-renderer/objects) writes slots on that same
// thread, so a lookup costs one bounds check and one generation compare. The decoder never owns a table.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "generated/protocol/object_type.hpp"
#include "protocol/wire/object_id.hpp"

namespace viaduct::protocol {

inline constexpr std::uint32_t kSlotAlive = 1;   // `driver` is a live handle
inline constexpr std::uint32_t kSlotFailed = 2;  // the guest named it, the driver refused to make it

struct HandleSlot {
  std::uint32_t generation = 0;
  std::uint32_t flags = 0;
  std::uint64_t driver = 0;
  void* object = nullptr;  // the host's own bookkeeping for it, or null
};
static_assert(sizeof(HandleSlot) == 16 + sizeof(void*));
// find_alive() compares generation and flags as one number.
static_assert(offsetof(HandleSlot, generation) == 0 && offsetof(HandleSlot, flags) == 4 &&
              std::endian::native == std::endian::little);

struct HandleTable {
  HandleSlot* slots = nullptr;
  std::uint32_t count = 0;
};

struct HandleTables {
  std::array<HandleTable, kObjectTypeCount> by_type{};

  const HandleTable& of(ObjectType type) const { return by_type[static_cast<std::size_t>(type)]; }
  HandleTable& of(ObjectType type) { return by_type[static_cast<std::size_t>(type)]; }

  // The slot a name refers to, alive or failed; null when the name is stale or of another type.
  const HandleSlot* find(ObjectType type, ObjectId id) const {
    const HandleTable& table = of(type);
    const std::uint32_t index = id_index(id);
    if (id_type(id) != type || index >= table.count) return nullptr;
    const HandleSlot& slot = table.slots[index];
    return slot.generation == id_generation(id) && slot.flags != 0 ? &slot : nullptr;
  }

  // The same for one that must be alive, in few instructions: of a name of another type the difference is no
  // index.
  [[gnu::always_inline]] const HandleSlot* find_alive(ObjectType type, ObjectId id) const {
    const HandleTable& table = of(type);
    const std::uint32_t index =
        static_cast<std::uint32_t>(id) - (static_cast<std::uint32_t>(type) << kObjectIndexBits);
    if (index >= table.count) return nullptr;
    const HandleSlot& slot = table.slots[index];
    std::uint64_t held = 0;
    std::memcpy(&held, &slot, sizeof(held));
    return held == (id_generation(id) | std::uint64_t{kSlotAlive} << 32) ? &slot : nullptr;
  }
};

}  // namespace viaduct::protocol
