// The session's objects: one dense table a Vulkan object type, found by the index in a guest's id and checked
// by generation. An id that the guest never named, freed, or whose creation failed is *stale*: the decoder
// skips that command (decision 6's posted failures) instead of ending the session.
//
// The decode thread alone inserts and erases; while it erases, no other thread may look up names. Names of
// objects that another thread makes are inserted as pending; find() waits for those, and so does erase().
// Slots never move (each table is one reservation of address space that grows in place), so a pointer to a
// slot stays good, and readers take no lock.
#pragma once

#include "protocol/wire/handle_table.hpp"
#include "protocol/wire/object_id.hpp"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace viaduct::host {

class ObjectTables {
 public:
  // index_limit: how many objects of one type a session may name at a time.
  explicit ObjectTables(std::uint32_t index_limit = protocol::kMaxObjectsOfType);
  ~ObjectTables();
  ObjectTables(const ObjectTables&) = delete;
  ObjectTables& operator=(const ObjectTables&) = delete;

  // False when the id is malformed: wrong type byte, generation 0, or an index beyond the limit. A live slot
  // is overwritten: only a guest that names two objects the same sees the difference.
  bool insert(protocol::ObjectType type, protocol::ObjectId id, std::uint64_t driver, void* object = nullptr);
  bool insert_failed(protocol::ObjectType type, protocol::ObjectId id);
  // One that another thread makes; what the slot held before is not waited for. Then settle(), on any thread:
  // 0 for `driver` is a failure.
  bool insert_pending(protocol::ObjectType type, protocol::ObjectId id);
  void settle(protocol::ObjectType type, protocol::ObjectId id, std::uint64_t driver) noexcept;
  // `pending` outlives all lookups.
  void set_pending(protocol::PendingObjects& pending) noexcept { tables_.pending = &pending; }
  void erase(protocol::ObjectType type, protocol::ObjectId id) noexcept;

  // Null when stale or failed.
  protocol::HandleSlot* find(protocol::ObjectType type, protocol::ObjectId id) const noexcept;
  template <class T>
  T* object(protocol::ObjectType type, protocol::ObjectId id) const noexcept {
    const protocol::HandleSlot* slot = find(type, id);
    return slot != nullptr ? static_cast<T*>(slot->object) : nullptr;
  }

  const protocol::HandleTables& tables() const noexcept { return tables_; }
  std::uint64_t live() const noexcept { return live_; }

 private:
  bool put(protocol::ObjectType type, protocol::ObjectId id, std::uint32_t flags, std::uint64_t driver,
           void* object);
  protocol::HandleSlot* slot_for(protocol::ObjectType type, protocol::ObjectId id);

  protocol::HandleTables tables_{};
  std::uint32_t index_limit_;
  std::uint64_t live_ = 0;
};

}  // namespace viaduct::host
