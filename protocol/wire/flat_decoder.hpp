// The reader of the records that are sent most: recorded commands whose arguments are numbers, names and
// arrays in place, without structs that nest. It does what Decoder does with the same bytes, and reports to
// one.
//
// Where a body's size never varies (kChecked false) the size is asked for once, before the first field.
//
// The whole state is a few words that never leave the function which decodes: the compiler keeps them in
// registers, where a Decoder's cursor is stored and loaded again for every field. That is why everything here
// is inlined, and why what goes wrong is told to the Decoder by value. It begins at a record's begin, where
// nothing has failed yet. What is beyond these operations does
// not compile, and the generator (emit_requests.py) then uses the Decoder itself.
#pragma once

#include "protocol/wire/decoder.hpp"

namespace viaduct::protocol {

template <bool kChecked>
class BasicFlatDecoder {
 public:
  [[gnu::always_inline]] explicit BasicFlatDecoder(Decoder& record)
      : record_(record), begin_(record.position()), at_(begin_), end_(begin_ + record.remaining()) {}

  // Ends the decoding.
  [[gnu::always_inline]] bool ok() const {
    record_.skip(static_cast<std::size_t>(at_ - begin_));
    return ok_;
  }
  // Bad data leaves nothing to read; a stale name does not stop the decoding.
  [[gnu::always_inline]] bool ok_to_read() const { return !bad_; }
  [[gnu::always_inline]] ObjectId command_buffer_id() const { return record_.command_buffer_id(); }
  [[gnu::always_inline]] VkCommandBuffer command_buffer() {
    if (record_.command_buffer_id() == 0) [[unlikely]]
      fail("command outside a command buffer");
    return record_.command_buffer();
  }

  [[gnu::always_inline]] std::uint32_t u32() { return number<std::uint32_t>(); }
  [[gnu::always_inline]] std::uint64_t u64() { return number<std::uint64_t>(); }
  [[gnu::always_inline]] void raw(void* to, std::size_t size) {
    const std::byte* from = take((size + 3) & ~std::size_t{3});
    if (!kChecked || from != nullptr) [[likely]] {
      std::memcpy(to, from, size);
    } else {
      std::memset(to, 0, size);
    }
  }
  [[gnu::always_inline]] std::uint32_t count(std::size_t min_size) {
    const std::uint32_t n = u32();
    if (n > remaining() / min_size) [[unlikely]] {
      fail("count is larger than the record");
      return 0;
    }
    return n;
  }
  template <class T>
  [[gnu::always_inline]] const T* flat(std::size_t n) {
    static_assert(alignof(T) <= 8);
    if (n == 0) return nullptr;
    // A record is 8-aligned, so an address is as good as an offset.
    take((8 - (reinterpret_cast<std::uintptr_t>(at_) & 7)) & 7);
    if (n > remaining() / sizeof(T)) [[unlikely]] {
      fail("array runs past the end");
      return nullptr;
    }
    const std::byte* from = take((n * sizeof(T) + 3) & ~std::size_t{3});
    return reinterpret_cast<const T*>(from);
  }
  // Not zeroed, unlike a Decoder's: who calls writes every element.
  template <class T>
  [[gnu::always_inline]] T* make(std::size_t n) {
    if (n == 0) return nullptr;
    T* p = n > SIZE_MAX / sizeof(T)
               ? nullptr
               : static_cast<T*>(record_.arena().allocate_uninitialized(n * sizeof(T), alignof(T)));
    if (p == nullptr) [[unlikely]]
      fail("arguments exceed the memory limit");
    return p;
  }
  template <class T>
  [[gnu::always_inline]] std::pair<T*, ObjectId*> make_named(std::size_t n) {
    return Decoder::split_named<T>(make<std::uint64_t>(2 * n), n);
  }
  [[gnu::always_inline]] std::uint64_t lookup(ObjectType type, ObjectId id) {
    if (id == 0) return 0;
    const HandleSlot* slot = record_.tables().find_alive(type, id);
    if (slot == nullptr) [[unlikely]]
      slot = record_.tables().find_settled(type, id);
    if (slot == nullptr) [[unlikely]] {
      ok_ = false;
      if (id_type(id) != type) {
        fail("handle of another type");
      } else {
        record_.stale_at(offset());
      }
      return 0;
    }
    return slot->driver;
  }
  [[gnu::always_inline]] void check(bool condition, const char* reason) {
    if (!condition) [[unlikely]]
      fail(reason);
  }

 private:
  [[gnu::always_inline]] std::size_t remaining() const { return static_cast<std::size_t>(end_ - at_); }
  [[gnu::always_inline]] std::size_t offset() const {
    return record_.offset() + static_cast<std::size_t>(at_ - begin_);
  }
  [[gnu::always_inline]] void fail(const char* reason) {
    record_.fail_at(offset(), reason);
    ok_ = false;
    bad_ = true;
    end_ = at_;
  }
  [[gnu::always_inline]] const std::byte* take(std::size_t size) {
    if (kChecked && size > remaining()) [[unlikely]] {
      if (!bad_) fail("record ends early");
      return nullptr;
    }
    const std::byte* from = at_;
    at_ += size;
    return from;
  }
  template <class T>
  [[gnu::always_inline]] T number() {
    T value = 0;
    const std::byte* from = take(sizeof(T));
    if (!kChecked || from != nullptr) [[likely]]
      std::memcpy(&value, from, sizeof(T));
    return value;
  }

  Decoder& record_;
  const std::byte* const begin_;
  const std::byte* at_;
  const std::byte* end_;
  bool ok_ = true;
  bool bad_ = false;
};

using FlatDecoder = BasicFlatDecoder<true>;
using FixedDecoder = BasicFlatDecoder<false>;

}  // namespace viaduct::protocol
