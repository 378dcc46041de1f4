#include "host-renderer/memory/shadow.hpp"

#include <algorithm>
#include <cstring>
#include <new>

namespace viaduct::host {
namespace {

constexpr std::size_t kPage = 4096;
constexpr std::size_t kWord = sizeof(std::uint64_t);

// The other side may write while we look: a relaxed atomic load gives one consistent word.
std::uint64_t load_once(const std::byte* at) noexcept {
  return __atomic_load_n(reinterpret_cast<const std::uint64_t*>(at), __ATOMIC_RELAXED);
}

void store_once(std::byte* at, std::uint64_t value) noexcept {
  __atomic_store_n(reinterpret_cast<std::uint64_t*>(at), value, __ATOMIC_RELAXED);
}

std::size_t merge_bytes(std::byte* to, std::uint64_t fresh, std::byte* snapshot, std::size_t count) noexcept {
  std::byte bytes[kWord];
  std::memcpy(bytes, &fresh, kWord);
  std::size_t merged = 0;
  for (std::size_t i = 0; i < count; ++i) {
    if (bytes[i] != snapshot[i]) {
      __atomic_store_n(reinterpret_cast<unsigned char*>(to + i), static_cast<unsigned char>(bytes[i]),
                       __ATOMIC_RELAXED);
      snapshot[i] = bytes[i];
      ++merged;
    }
  }
  return merged;
}

bool every_byte_differs(std::uint64_t a, std::uint64_t b) noexcept {
  const std::uint64_t x = a ^ b;
  constexpr std::uint64_t kLow = 0x0101010101010101u;
  return ((x - kLow) & ~x & (kLow << 7)) == 0;
}

std::size_t merge_page(std::byte* to, const std::byte* from, std::byte* snapshot, std::size_t size) noexcept {
  std::size_t merged = 0;
  std::size_t at = 0;
  for (; at + kWord <= size; at += kWord) {
    const std::uint64_t fresh = load_once(from + at);
    const std::uint64_t known = load_once(snapshot + at);
    if (fresh == known) {
      continue;
    }
    if (every_byte_differs(fresh, known)) {
      store_once(to + at, fresh);
      store_once(snapshot + at, fresh);
      merged += kWord;
    } else {
      merged += merge_bytes(to + at, fresh, snapshot + at, kWord);
    }
  }
  for (; at < size; ++at) {
    const auto fresh = __atomic_load_n(reinterpret_cast<const unsigned char*>(from + at), __ATOMIC_RELAXED);
    if (static_cast<std::byte>(fresh) != snapshot[at]) {
      __atomic_store_n(reinterpret_cast<unsigned char*>(to + at), fresh, __ATOMIC_RELAXED);
      snapshot[at] = static_cast<std::byte>(fresh);
      ++merged;
    }
  }
  return merged;
}

}  // namespace

std::size_t merge_changes(std::byte* to, const std::byte* from, std::byte* snapshot,
                          std::size_t size) noexcept {
  std::size_t merged = 0;
  for (std::size_t at = 0; at < size; at += kPage) {
    const std::size_t length = std::min(kPage, size - at);
    // memcmp is the fast way over what did not change; a page that changes under it is looked at again next
    // time.
    if (std::memcmp(from + at, snapshot + at, length) != 0) {
      merged += merge_page(to + at, from + at, snapshot + at, length);
    }
  }
  return merged;
}

bool Shadow::map(protocol::ObjectId memory, std::byte* region, std::byte* driver, std::size_t size) noexcept {
  unmap(memory);
  std::unique_ptr<std::byte[]> snapshot(new (std::nothrow) std::byte[size]);
  if (!snapshot) {
    return false;
  }
  std::memcpy(snapshot.get(), driver, size);
  std::memcpy(region, snapshot.get(), size);
  {
    const std::lock_guard lock(mutex_);
    entries_.push_back({memory, region, driver, size, std::move(snapshot)});
    recount();
  }
  if (publisher_ != nullptr) publisher_->publish_memory();
  return true;
}

void Shadow::unmap(protocol::ObjectId memory) noexcept {
  const std::lock_guard lock(mutex_);
  const auto found = std::find_if(entries_.begin(), entries_.end(),
                                  [&](const Entry& entry) { return entry.memory == memory; });
  if (found != entries_.end()) {
    merge_changes(found->driver, found->region, found->snapshot.get(), found->size);
    entries_.erase(found);
    recount();
  }
}

void Shadow::guest_to_driver() noexcept {
  if (tracked() == 0) {
    return;
  }
  const std::lock_guard lock(mutex_);
  for (Entry& entry : entries_) {
    merge_changes(entry.driver, entry.region, entry.snapshot.get(), entry.size);
  }
}

void Shadow::driver_to_guest() noexcept {
  if (tracked() == 0) {
    return;
  }
  {
    const std::lock_guard lock(mutex_);
    for (Entry& entry : entries_) {
      merge_changes(entry.region, entry.driver, entry.snapshot.get(), entry.size);
    }
  }
  if (publisher_ != nullptr) publisher_->publish_memory();
}

void Shadow::recount() noexcept {
  count_.store(entries_.size() + (publisher_ != nullptr ? 1 : 0), std::memory_order_relaxed);
}

}  // namespace viaduct::host
