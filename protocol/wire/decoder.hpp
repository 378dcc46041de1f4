// The host's reader of one request record.
//
// It works on a private copy that the guest can no longer change (the caller made it), allocates only from
// the arena it is given (reset per command, capped), and turns names into driver handles. Arrays of flat
// types are used in place. Two kinds of failure: kBadData ends the session, kStaleHandle (a name whose object
// is gone or was never made) spoils one command. Used by one thread.
#pragma once

#include <vulkan/vulkan.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>
#include <span>
#include <type_traits>
#include <utility>

#include "base/arena.hpp"
#include "protocol/wire/handle_table.hpp"
#include "protocol/wire/reader.hpp"

namespace viaduct::protocol {

// Caps that hold whatever the bytes say.
inline constexpr std::uint32_t kMaxNesting = 24;       // structs within chains within structs
inline constexpr std::uint32_t kMaxChainLength = 128;  // structs in one pNext chain

class Decoder : public Reader {
 public:
  // `record` begins with its header (`start` bytes are skipped) and is 8-aligned.
  Decoder(std::span<const std::byte> record, std::size_t start, Arena& arena, const HandleTables& tables)
      : Reader(record, start), arena_(&arena), tables_(&tables) {}

  // The next record, for the same command buffer.
  void next(std::span<const std::byte> record, std::size_t start) {
    restart(record, start);  // nothing is watched and nothing nested after a record that was not bad
  }

  // The command buffer that the span names; vkCmd* records do not carry it.
  void set_command_buffer(ObjectId id, VkCommandBuffer driver) {
    command_buffer_id_ = id;
    command_buffer_ = driver;
  }
  ObjectId command_buffer_id() const { return command_buffer_id_; }
  VkCommandBuffer command_buffer() {
    if (command_buffer_id_ == 0) fail("command outside a command buffer");
    return command_buffer_;
  }

  Arena& arena() { return *arena_; }
  const HandleTables& tables() const { return *tables_; }

  // Arena memory for n objects, zeroed; null (and failed) when the cap is reached. n may be 0: null. Bytes
  // are aligned as malloc() does it, since only the driver knows what they are
  // (VUID-vkGetShaderBinaryDataEXT-None-08499 wants 16).
  template <class T>
  T* make(std::size_t n) {
    if (n == 0) return nullptr;
    constexpr std::size_t kAlign = std::is_same_v<T, std::byte> ? 16 : alignof(T);
    T* p = n > SIZE_MAX / sizeof(T) ? nullptr : static_cast<T*>(arena_->allocate(n * sizeof(T), kAlign));
    if (p == nullptr) fail("arguments exceed the memory limit");
    return p;
  }

  // Zeroed memory for n handles and the names that they were looked up by; null for both as make() is.
  template <class T>
  std::pair<T*, ObjectId*> make_named(std::size_t n) {
    return split_named<T>(make<std::uint64_t>(2 * n), n);
  }
  // The names lie before the handles, which are no larger.
  template <class T>
  static std::pair<T*, ObjectId*> split_named(std::uint64_t* memory, std::size_t n) {
    static_assert(sizeof(T) <= sizeof(ObjectId) && alignof(T) <= alignof(ObjectId));
    return {memory == nullptr ? nullptr : reinterpret_cast<T*>(memory + n), memory};
  }

  // An array of n flat elements in place. T's alignment is at most 8.
  template <class T>
  const T* flat(std::size_t n) {
    static_assert(alignof(T) <= 8);
    if (n == 0) return nullptr;
    align8();
    if (n > remaining() / sizeof(T)) {
      fail("array runs past the end");
      return nullptr;
    }
    return reinterpret_cast<const T*>(bytes(n * sizeof(T)));
  }
  // The same, copied: for elements that are patched.
  template <class T>
  T* flat_copy(std::size_t n) {
    const T* from = flat<T>(n);
    T* to = from == nullptr ? nullptr : make<T>(n);
    if (to != nullptr) std::memcpy(static_cast<void*>(to), from, n * sizeof(T));
    return to;
  }

  // Bytes aligned as make() aligns them: copied where they do not lie so.
  const std::byte* aligned_bytes(std::size_t n) {
    const std::byte* from = flat<std::byte>(n);
    if (from == nullptr || reinterpret_cast<std::uintptr_t>(from) % 16 == 0) return from;
    auto* to = make<std::byte>(n);
    if (to != nullptr) std::memcpy(to, from, n);
    return to;
  }

  // A string that ends with a zero, or null. Embedded zeros are refused.
  const char* string() {
    const std::uint32_t length = u32();
    if (length == kNullString || !ok_to_read()) return nullptr;
    if (length > remaining()) {
      fail("string runs past the end");
      return nullptr;
    }
    const std::byte* from = bytes(length);
    char* to = make<char>(std::size_t{length} + 1);
    if (to == nullptr) return nullptr;
    if (length != 0 && from != nullptr) {
      std::memcpy(to, from, length);
      check(std::memchr(to, 0, length) == nullptr, "string holds a zero");
    }
    return to;
  }

  // The driver's handle for a name. Null for the null name; kStaleHandle for one that is not alive.
  std::uint64_t lookup(ObjectType type, ObjectId id) {
    if (id == 0) return 0;
    if (type == watched_type_ && watched_ != nullptr) {
      *watched_ = id;
      watched_ = nullptr;
    }
    const HandleSlot* slot = tables_->find_alive(type, id);
    if (slot == nullptr) [[unlikely]]
      slot = tables_->find_settled(type, id);
    if (slot == nullptr) [[unlikely]] {
      if (id_type(id) != type) {
        fail("handle of another type");
      } else {
        fail_as(DecodeStatus::kStaleHandle, "handle is not alive");
      }
      return 0;
    }
    return slot->driver;
  }
  template <class Handle>
  Handle handle(ObjectType type) {
    return handle_from_bits<Handle>(lookup(type, u64()));
  }
  // For destroy commands: an object that the driver refused to make is the null handle, not an error.
  template <class Handle>
  Handle dying_handle(ObjectType type, ObjectId id) {
    const HandleSlot* slot = id == 0 ? nullptr : tables_->find(type, id);
    if (slot != nullptr && (slot_flags(*slot) & kSlotAlive) == 0) return handle_from_bits<Handle>(0);
    return handle_from_bits<Handle>(lookup(type, id));
  }
  // A name for an object about to be made. Zero is refused unless the slot may stay empty.
  ObjectId new_id(ObjectType type, bool optional = false) {
    const ObjectId id = u64();
    if (id == 0) {
      check(optional, "new object without a name");
    } else {
      check(id_type(id) == type && id_generation(id) != 0, "new object's name is malformed");
    }
    return id;
  }

  // Stores the next name of this type that is looked up: how a command learns a name inside a struct.
  void watch(ObjectType type, ObjectId* to) {
    watched_type_ = type;
    watched_ = to;
  }
  void unwatch() { watched_ = nullptr; }

  // Presentable images are ordinary images on the host, so the layout for presenting is GENERAL there.
  static VkImageLayout layout(std::uint32_t wire) {
    return wire == VK_IMAGE_LAYOUT_PRESENT_SRC_KHR ? VK_IMAGE_LAYOUT_GENERAL
                                                   : static_cast<VkImageLayout>(wire);
  }

  // A FlatDecoder's failures, the offset within the record.
  [[gnu::cold, gnu::noinline]] void fail_at(std::size_t offset, const char* reason) {
    fail_as(DecodeStatus::kBadData, reason, offset);
  }
  // What it has read; at most what remains.
  void skip(std::size_t size) { at_ += size; }
  [[gnu::cold, gnu::noinline]] void stale_at(std::size_t offset) {
    fail_as(DecodeStatus::kStaleHandle, "handle is not alive", offset);
  }

  bool enter() {
    if (++nesting_ > kMaxNesting) fail("nested too deeply");
    return ok_to_read();
  }
  void leave() { --nesting_; }
  // A stale handle does not stop the decoding: the record must still be well-formed.
  bool ok_to_read() const { return status() != DecodeStatus::kBadData; }

 private:
  Arena* arena_;
  const HandleTables* tables_;
  ObjectId command_buffer_id_ = 0;
  VkCommandBuffer command_buffer_ = VK_NULL_HANDLE;
  ObjectType watched_type_{};
  ObjectId* watched_ = nullptr;
  std::uint32_t nesting_ = 0;
};

}  // namespace viaduct::protocol
