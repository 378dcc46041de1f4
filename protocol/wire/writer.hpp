// The two sinks of every encoder: SizeCounter measures, Writer stores. Each generated `write_` function is
// one template over the sink, so that both agree by construction: measure, get that much memory, write.
//
// Writer is unchecked: its owner must provide the measured size. Offsets are relative to the start of the
// record or reply, which is 8-aligned on both sides; only align8 depends on them. Padding is written as
// zeros, so equal arguments give equal bytes (the guest's caches use request bytes as keys).
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "protocol/wire/object_id.hpp"
#include "protocol/wire/record.hpp"

namespace viaduct::protocol {

constexpr std::size_t align_up(std::size_t size, std::size_t to) { return (size + to - 1) & ~(to - 1); }

class SizeCounter {
 public:
  explicit SizeCounter(std::size_t start = 0) : size_(start) {}

  void u32(std::uint32_t) { size_ += 4; }
  void u64(std::uint64_t) { size_ += 8; }
  void raw(const void*, std::size_t size) { size_ += size; }
  void bytes(const void*, std::size_t size) { size_ += align_up(size, 4); }
  void align8() { size_ = align_up(size_, 8); }
  void string(const char* text) { size_ += 4 + (text == nullptr ? 0 : align_up(std::strlen(text), 4)); }

  std::size_t size() const { return size_; }
  // The size of the whole record: a multiple of 8.
  std::size_t finish() {
    align8();
    return size_;
  }

  // Counts that an outer struct has and an inner one's arrays need (policy.toml, `context`).
  std::uint32_t context[3] = {};

 private:
  std::size_t size_;
};

inline void store_u32(std::byte* at, std::uint32_t value) { std::memcpy(at, &value, 4); }
inline void store_u64(std::byte* at, std::uint64_t value) { std::memcpy(at, &value, 8); }

class Writer {
 public:
  // Writes from base + start on.
  explicit Writer(std::byte* base, std::size_t start = 0) : base_(base), at_(base + start) {}

  void u32(std::uint32_t value) {
    std::memcpy(at_, &value, 4);
    at_ += 4;
  }
  void u64(std::uint64_t value) {
    std::memcpy(at_, &value, 8);
    at_ += 8;
  }
  // `size` must be a multiple of 4.
  void raw(const void* data, std::size_t size) {
    std::memcpy(at_, data, size);
    at_ += size;
  }
  void bytes(const void* data, std::size_t size) {
    if (size == 0) return;
    std::memcpy(at_, data, size);
    at_ += size;
    for (; (size & 3) != 0; ++size) *at_++ = std::byte{0};
  }
  void align8() {
    for (; ((at_ - base_) & 7) != 0; ++at_) *at_ = std::byte{0};
  }
  void string(const char* text) {
    if (text == nullptr) return u32(kNullString);
    const std::size_t length = std::strlen(text);
    u32(static_cast<std::uint32_t>(length));
    bytes(text, length);
  }

  std::size_t size() const { return static_cast<std::size_t>(at_ - base_); }
  std::size_t finish() {
    align8();
    return size();
  }

  std::uint32_t context[3] = {};  // see SizeCounter

 private:
  std::byte* base_;
  std::byte* at_;
};

}  // namespace viaduct::protocol
