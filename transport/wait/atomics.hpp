// Operations on words that two processes share, with their memory order in their names.
//
// Each is one aligned load or store of the word; none is a read-modify-write, which a BAR does not offer. The
// word is read or written once, exactly: what a load gave is the caller's private copy.
//
// The sleep handshake, on both sides:
//   sleeper:    store_relaxed(parked, n); full_fence(); look at the counter; park if it has not moved
//   publisher:  store_release(counter);   full_fence(); if (load_relaxed(parked) != 0) ring the doorbell
// A store may be reordered after a later load of another word, on x86 as well; the two full fences forbid it,
// so at least one side sees the other's store and no wake-up is lost.
#pragma once

#include <atomic>
#include <cstdint>
#include <type_traits>

namespace viaduct::transport {

template <class T>
[[nodiscard]] inline T load_relaxed(const T& word) noexcept {
  return std::atomic_ref<T>(const_cast<T&>(word)).load(std::memory_order_relaxed);
}
template <class T>
[[nodiscard]] inline T load_acquire(const T& word) noexcept {
  return std::atomic_ref<T>(const_cast<T&>(word)).load(std::memory_order_acquire);
}
template <class T>
inline void store_relaxed(T& word, std::type_identity_t<T> value) noexcept {
  std::atomic_ref<T>(word).store(value, std::memory_order_relaxed);
}
template <class T>
inline void store_release(T& word, std::type_identity_t<T> value) noexcept {
  std::atomic_ref<T>(word).store(value, std::memory_order_release);
}

// Asks for the line of `at` to be brought here for writing; `at` need not exist.
inline void prefetch_for_writing(const void* at) noexcept {
#if defined(__x86_64__)
  // Compilers emit it for newer processors only; older ones do nothing.
  asm volatile("prefetchw (%0)" ::"r"(at));
#else
  __builtin_prefetch(at, 1);
#endif
}

// For memory that is not cached, whose stores and loads the processor may reorder: stores before the fence
// are seen before those after it; loads after it are made after those before it.
inline void store_fence() noexcept {
#if defined(__x86_64__)
  asm volatile("sfence" ::: "memory");
#else
  std::atomic_thread_fence(std::memory_order_release);
#endif
}
inline void load_fence() noexcept {
#if defined(__x86_64__)
  asm volatile("lfence" ::: "memory");
#else
  std::atomic_thread_fence(std::memory_order_acquire);
#endif
}

// Orders every access before it before every access after it, stores before loads included.
inline void full_fence() noexcept {
#if defined(__SANITIZE_THREAD__)
  // ThreadSanitizer does not model fences; a read-modify-write of one common word is at least as strong and
  // it does.
  static std::atomic<std::uint32_t> common{0};
  common.fetch_add(1, std::memory_order_seq_cst);
#endif
#if defined(__x86_64__) && !defined(__SANITIZE_THREAD__)
  // As strong as mfence for ordinary memory, and several times faster.
  asm volatile("lock; orl $0, (%%rsp)" ::: "memory", "cc");
#elif !defined(__SANITIZE_THREAD__)
  std::atomic_thread_fence(std::memory_order_seq_cst);
#endif
}

}  // namespace viaduct::transport
