// A checked cursor over bytes that a peer wrote. It fails stickily: the first error is kept with its reason
// and offset, and every read after it gives zeros, so callers check once at the end. It never reads outside
// its span and never allocates. The guest reads replies with it; the host's Decoder builds on it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include "protocol/wire/record.hpp"

namespace viaduct::protocol {

enum class DecodeStatus : std::uint8_t { kOk, kStaleHandle, kBadData };

class Reader {
 public:
  // `data` must be 8-aligned and is not copied.
  explicit Reader(std::span<const std::byte> data, std::size_t start = 0)
      : at_(start), base_(data.data()), size_(data.size()) {
    if (at_ > size_) fail("shorter than its header");
  }

  bool ok() const { return status_ == DecodeStatus::kOk; }
  DecodeStatus status() const { return status_; }
  const char* reason() const { return reason_; }
  std::size_t error_offset() const { return error_offset_; }
  std::size_t offset() const { return at_; }
  std::size_t remaining() const { return size_ - at_; }
  const std::byte* position() const { return base_ + at_; }

  std::uint32_t u32() {
    std::uint32_t value = 0;
    if (const std::byte* p = take(4)) std::memcpy(&value, p, 4);
    return value;
  }
  std::uint64_t u64() {
    std::uint64_t value = 0;
    if (const std::byte* p = take(8)) std::memcpy(&value, p, 8);
    return value;
  }
  // Copies `size` bytes; the cursor moves by `size` rounded up to 4. Zeros on failure.
  void raw(void* to, std::size_t size) {
    const std::byte* p = take((size + 3) & ~std::size_t{3});
    if (size == 0) return;
    if (p != nullptr) {
      std::memcpy(to, p, size);
    } else {
      std::memset(to, 0, size);
    }
  }
  void align8() { take((8 - (at_ & 7)) & 7); }
  // Bytes in place, padded to 4; null on failure or when size is 0.
  const std::byte* bytes(std::size_t size) {
    if (size > remaining()) {
      fail("bytes run past the end");
      return nullptr;
    }
    const std::byte* p = take((size + 3) & ~std::size_t{3});
    return size == 0 ? nullptr : p;
  }
  // An element count, refused unless that many elements of at least `min_size` bytes can follow.
  std::uint32_t count(std::size_t min_size) {
    const std::uint32_t n = u32();
    if (n > remaining() / min_size) {
      fail("count is larger than the record");
      return 0;
    }
    return n;
  }
  void check(bool condition, const char* reason) {
    if (!condition) fail(reason);
  }
  void fail(const char* reason) { fail_as(DecodeStatus::kBadData, reason); }

  std::uint32_t context[3] = {};  // capacities of inner arrays (policy.toml, `context`)

 protected:
  // Bad data outranks a stale handle; otherwise the first error stands.
  void fail_as(DecodeStatus status, const char* reason) { fail_as(status, reason, at_); }
  void fail_as(DecodeStatus status, const char* reason, std::size_t offset) {
    if (status_ >= status) return;
    status_ = status;
    reason_ = reason;
    error_offset_ = offset;
  }
  void restart(std::span<const std::byte> data, std::size_t start) {
    base_ = data.data();
    size_ = data.size();
    at_ = start;
    status_ = DecodeStatus::kOk;
    if (at_ > size_) fail("shorter than its header");
  }
  const std::byte* take(std::size_t size) {
    if (status_ == DecodeStatus::kBadData) return nullptr;
    if (size > size_ - at_) {
      fail("record ends early");
      return nullptr;
    }
    const std::byte* p = base_ + at_;
    at_ += size;
    return p;
  }

  std::size_t at_;

 private:
  const std::byte* base_;
  std::size_t size_;
  DecodeStatus status_ = DecodeStatus::kOk;
  const char* reason_ = nullptr;
  std::size_t error_offset_ = 0;
};

}  // namespace viaduct::protocol
