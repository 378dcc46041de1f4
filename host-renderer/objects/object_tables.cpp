#include "host-renderer/objects/object_tables.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <new>

namespace viaduct::host {
namespace {

constexpr std::uint32_t kGrowth = 4096;  // slots that become visible at a time

std::size_t reservation(std::uint32_t slots) {
  return static_cast<std::size_t>(slots) * sizeof(protocol::HandleSlot);
}

}  // namespace

ObjectTables::ObjectTables(std::uint32_t index_limit)
    : index_limit_(std::min(index_limit, protocol::kObjectIndexMask + 1)) {}

ObjectTables::~ObjectTables() {
  for (protocol::HandleTable& table : tables_.by_type) {
    if (protocol::HandleSlot* slots = table.slots.load(std::memory_order_relaxed)) {
      ::munmap(slots, reservation(index_limit_));
    }
  }
}

protocol::HandleSlot* ObjectTables::slot_for(protocol::ObjectType type, protocol::ObjectId id) {
  const std::uint32_t index = protocol::id_index(id);
  if (static_cast<std::size_t>(type) >= protocol::kObjectTypeCount || protocol::id_type(id) != type ||
      protocol::id_generation(id) == 0 || index >= index_limit_) {
    return nullptr;
  }
  protocol::HandleTable& table = tables_.of(type);
  protocol::HandleSlot* slots = table.slots.load(std::memory_order_relaxed);
  if (slots == nullptr) {
    // Untouched pages cost nothing; a slot of zeros (generation 0) matches no id.
    void* memory = ::mmap(nullptr, reservation(index_limit_), PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) {
      return nullptr;
    }
    slots = static_cast<protocol::HandleSlot*>(memory);
    table.set(slots, 0);
  }
  if (index >= table.count.load(std::memory_order_relaxed)) {
    table.count.store(std::min(index_limit_, (index / kGrowth + 1) * kGrowth), std::memory_order_release);
  }
  return slots + index;
}

bool ObjectTables::put(protocol::ObjectType type, protocol::ObjectId id, std::uint32_t flags,
                       std::uint64_t driver, void* object) {
  protocol::HandleSlot* slot = slot_for(type, id);
  if (slot == nullptr) {
    return false;
  }
  live_ += slot->flags == 0 ? 1 : 0;
  *slot = {protocol::id_generation(id), flags, driver, object};
  return true;
}

bool ObjectTables::insert(protocol::ObjectType type, protocol::ObjectId id, std::uint64_t driver,
                          void* object) {
  return put(type, id, protocol::kSlotAlive, driver, object);
}

bool ObjectTables::insert_failed(protocol::ObjectType type, protocol::ObjectId id) {
  return put(type, id, protocol::kSlotFailed, 0, nullptr);
}

bool ObjectTables::insert_pending(protocol::ObjectType type, protocol::ObjectId id) {
  return put(type, id, protocol::kSlotPending, 0, nullptr);
}

void ObjectTables::settle(protocol::ObjectType type, protocol::ObjectId id, std::uint64_t driver) noexcept {
  const protocol::HandleSlot* slot = tables_.of(type).at(protocol::id_index(id));
  // Somebody who names two objects the same has but one of them.
  if (slot == nullptr || protocol::slot_state(*slot) !=
                             (protocol::id_generation(id) | std::uint64_t{protocol::kSlotPending} << 32)) {
    return;
  }
  protocol::settle(*const_cast<protocol::HandleSlot*>(slot), driver,
                   driver != 0 ? protocol::kSlotAlive : protocol::kSlotFailed);
}

void ObjectTables::erase(protocol::ObjectType type, protocol::ObjectId id) noexcept {
  const protocol::HandleSlot* found = tables_.find(type, id);
  if (found != nullptr) {
    *const_cast<protocol::HandleSlot*>(found) = {};
    --live_;
  }
}

protocol::HandleSlot* ObjectTables::find(protocol::ObjectType type, protocol::ObjectId id) const noexcept {
  const protocol::HandleSlot* slot = id == 0 ? nullptr : tables_.find(type, id);
  const bool alive = slot != nullptr && (protocol::slot_flags(*slot) & protocol::kSlotAlive) != 0;
  return alive ? const_cast<protocol::HandleSlot*>(slot) : nullptr;
}

}  // namespace viaduct::host
