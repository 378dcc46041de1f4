#include "guest-icd/session/memo_cache.hpp"

#include <cstdlib>
#include <limits>

namespace viaduct::guest {

MemoCache::~MemoCache() {
  for (auto& bucket : buckets_) {
    for (Entry* entry = bucket.load(std::memory_order_relaxed); entry != nullptr;) {
      Entry* next = entry->next;
      std::free(entry);
      entry = next;
    }
  }
}

void MemoCache::insert(std::span<const std::byte> key, std::span<const std::byte> reply) noexcept {
  constexpr std::size_t kMax = std::numeric_limits<std::uint32_t>::max() / 2;
  if (key.size() > kMax || reply.size() > kMax) return;
  const std::size_t size = sizeof(Entry) + Entry::aligned(key.size()) + reply.size();
  const std::lock_guard lock(insert_mutex_);
  if (bytes_.load(std::memory_order_relaxed) + size > byte_limit_) return;
  void* memory = std::malloc(size);
  if (memory == nullptr) return;
  const std::uint64_t hash = hash_bytes(key);
  std::atomic<Entry*>& bucket = buckets_[hash % kBuckets];
  Entry* entry =
      new (memory) Entry{bucket.load(std::memory_order_relaxed), hash, static_cast<std::uint32_t>(key.size()),
                         static_cast<std::uint32_t>(reply.size())};
  std::byte* data = reinterpret_cast<std::byte*>(entry + 1);
  std::memcpy(data, key.data(), key.size());
  std::memcpy(data + Entry::aligned(key.size()), reply.data(), reply.size());
  bytes_.fetch_add(size, std::memory_order_relaxed);
  bucket.store(entry, std::memory_order_release);
}

}  // namespace viaduct::guest
