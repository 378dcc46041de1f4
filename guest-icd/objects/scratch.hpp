// Short-lived arrays for one entry point: copies of application structs that are changed before they are
// encoded. The first few KiB are on the stack, the rest on the heap; all is freed at once. Not thread-safe.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <span>
#include <type_traits>

namespace viaduct::guest {

class Scratch {
 public:
  Scratch() = default;
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  ~Scratch() {
    while (heap_ != nullptr) {
      Heap* next = heap_->next;
      std::free(heap_);
      heap_ = next;
    }
  }

  /// Uninitialised; nullptr when n is 0 or memory is exhausted.
  template <class T>
  T* array(std::size_t n) noexcept {
    static_assert(std::is_trivially_copyable_v<T> && alignof(T) <= 16);
    return static_cast<T*>(allocate(n * sizeof(T)));
  }
  template <class T>
  T* copy(const T* from, std::size_t n) noexcept {
    if (from == nullptr) return nullptr;
    T* to = array<T>(n);
    if (to != nullptr) std::memcpy(static_cast<void*>(to), from, n * sizeof(T));
    return to;
  }

 private:
  struct alignas(16) Heap {
    Heap* next;
  };
  void* allocate(std::size_t size) noexcept {
    if (size == 0) return nullptr;
    size = (size + 15) & ~std::size_t{15};
    if (size <= sizeof(inline_) - used_) {
      void* memory = inline_ + used_;
      used_ += size;
      return memory;
    }
    void* memory = std::malloc(sizeof(Heap) + size);
    if (memory == nullptr) return nullptr;
    heap_ = new (memory) Heap{heap_};
    return heap_ + 1;
  }

  alignas(16) std::byte inline_[4096];
  std::size_t used_ = 0;
  Heap* heap_ = nullptr;
};

}  // namespace viaduct::guest
