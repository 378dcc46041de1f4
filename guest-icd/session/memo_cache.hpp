// Replies of queries whose answer cannot change, keyed by the bytes of the encoded request. Reads take no
// lock: entries are immutable, pushed at the head of a bucket and freed only with the cache. Bounded by
// bytes: when full, nothing more is remembered and callers ask the host again. VIADUCT_PERF=no_memo switches
// it off.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <mutex>
#include <new>
#include <span>

#include "base/hash.hpp"

namespace viaduct::guest {

class MemoCache {
 public:
  explicit MemoCache(std::size_t byte_limit = std::size_t{32} << 20, bool enabled = true) noexcept
      : byte_limit_(enabled ? byte_limit : 0) {}
  MemoCache(const MemoCache&) = delete;
  MemoCache& operator=(const MemoCache&) = delete;
  ~MemoCache();

  /// Calls use(reply bytes) and returns true when the key is known.
  template <class Use>
  bool find(std::span<const std::byte> key, Use&& use) const noexcept {
    const Entry* entry = lookup(hash_bytes(key), key);
    if (entry == nullptr) return false;
    use(entry->reply());
    return true;
  }
  /// Remembers a reply. A key inserted twice keeps both; the newer is found.
  void insert(std::span<const std::byte> key, std::span<const std::byte> reply) noexcept;

  std::size_t bytes() const noexcept { return bytes_.load(std::memory_order_relaxed); }

 private:
  struct Entry {
    Entry* next;
    std::uint64_t hash;
    std::uint32_t key_size;
    std::uint32_t reply_size;
    const std::byte* data() const noexcept { return reinterpret_cast<const std::byte*>(this + 1); }
    std::span<const std::byte> key() const noexcept { return {data(), key_size}; }
    // Replies start 8-aligned behind the key.
    std::span<const std::byte> reply() const noexcept { return {data() + aligned(key_size), reply_size}; }
    static std::size_t aligned(std::size_t size) noexcept { return (size + 7) & ~std::size_t{7}; }
  };
  const Entry* lookup(std::uint64_t hash, std::span<const std::byte> key) const noexcept {
    const Entry* entry = buckets_[hash % kBuckets].load(std::memory_order_acquire);
    for (; entry != nullptr; entry = entry->next) {
      if (entry->hash == hash && entry->key_size == key.size() &&
          std::memcmp(entry->data(), key.data(), key.size()) == 0) {
        return entry;
      }
    }
    return nullptr;
  }

  static constexpr std::size_t kBuckets = 4096;
  std::array<std::atomic<Entry*>, kBuckets> buckets_{};
  std::mutex insert_mutex_;
  std::atomic<std::size_t> bytes_{0};
  std::size_t byte_limit_;
};

}  // namespace viaduct::guest
