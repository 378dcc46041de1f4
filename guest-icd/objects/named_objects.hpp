// The application's handles of devices, queues and command buffers by their ids, for messages of the host
// that speak of them. Filled only where an instance enabled a debug extension. Any thread; a handle that goes
// while it is looked up is found or not, and never followed.
#pragma once

#include <atomic>
#include <cstdint>

#include "generated/protocol/object_type.hpp"
#include "guest-icd/objects/dispatchable.hpp"
#include "guest-icd/objects/object_table.hpp"
#include "protocol/wire/object_id.hpp"

namespace viaduct::guest {

class NamedObjects {
 public:
  /// Where there is no memory the object stays unknown.
  void add(const Dispatchable& object) noexcept {
    Table* table = table_of(object.header.id);
    Entry* entry = table != nullptr ? table->make(object.header.id) : nullptr;
    if (entry == nullptr) return;
    entry->handle.store(reinterpret_cast<std::uintptr_t>(&object), std::memory_order_relaxed);
    entry->id.store(object.header.id, std::memory_order_release);
  }
  void remove(const Dispatchable& object) noexcept {
    Table* table = table_of(object.header.id);
    Entry* entry = table != nullptr ? table->find(object.header.id) : nullptr;
    if (entry != nullptr) entry->id.store(0, std::memory_order_release);
  }
  /// 0: unknown.
  std::uint64_t handle(std::uint64_t id) noexcept {
    Table* table = table_of(id);
    Entry* entry = table != nullptr ? table->find(id) : nullptr;
    if (entry == nullptr || entry->id.load(std::memory_order_acquire) != id) return 0;
    return entry->handle.load(std::memory_order_relaxed);
  }

 private:
  struct Entry {
    std::atomic<std::uint64_t> id{0};
    std::atomic<std::uint64_t> handle{0};
  };
  using Table = ObjectTable<Entry>;

  Table* table_of(std::uint64_t id) noexcept {
    switch (protocol::id_type(id)) {
      case protocol::ObjectType::kDevice:
        return &devices_;
      case protocol::ObjectType::kQueue:
        return &queues_;
      case protocol::ObjectType::kCommandBuffer:
        return &command_buffers_;
      default:
        return nullptr;
    }
  }

  Table devices_, queues_, command_buffers_;
};

}  // namespace viaduct::guest
