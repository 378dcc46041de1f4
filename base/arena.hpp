// Arena: bump allocation for the decoded arguments of one command, freed all at once by reset().
//
// One thread at a time. Memory is zeroed unless it is asked for otherwise, and never destroyed object by
// object: only trivially destructible types belong here. The sum of all allocations since the last reset is
// capped; past the cap (or when the system has no memory) allocate gives nullptr and exhausted() stays true
// until reset, so a decoder may check once per command.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <type_traits>

namespace viaduct {

class Arena {
 public:
  explicit Arena(std::size_t cap) noexcept : cap_(cap) {}
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;
  ~Arena() {
    free_after(nullptr);
    std::free(first_);
  }

  // `align` is a power of two, at most 64.
  void* allocate(std::size_t size, std::size_t align = 8) noexcept {
    void* memory = allocate_uninitialized(size, align);
    if (memory != nullptr) std::memset(memory, 0, size);
    return memory;
  }
  // For who writes all of it.
  void* allocate_uninitialized(std::size_t size, std::size_t align = 8) noexcept {
    const std::uintptr_t start = (cursor_ + align - 1) & ~static_cast<std::uintptr_t>(align - 1);
    if (start <= end_ && size <= end_ - start && size <= cap_ - used_) {
      used_ += size;
      cursor_ = start + size;
      return reinterpret_cast<void*>(start);
    }
    return allocate_slow(size, align);
  }

  template <class T>
  T* make_array(std::size_t n) noexcept {
    static_assert(std::is_trivially_destructible_v<T>);
    if (n > std::numeric_limits<std::size_t>::max() / sizeof(T)) {
      exhausted_ = true;
      return nullptr;
    }
    return static_cast<T*>(allocate(n * sizeof(T), alignof(T)));
  }

  bool exhausted() const noexcept { return exhausted_; }
  std::size_t used() const noexcept { return used_; }

  // Frees everything; keeps the first block for the next command.
  void reset() noexcept {
    if (used_ == 0 && !exhausted_) return;
    free_after(nullptr);
    used_ = 0;
    exhausted_ = false;
    if (first_ != nullptr) enter(first_);
  }

 private:
  struct alignas(64) Block {
    Block* previous;
    std::size_t capacity;
  };
  static constexpr std::size_t kFirstBlock = 64 * 1024 - sizeof(Block);

  void enter(Block* block) noexcept {
    cursor_ = reinterpret_cast<std::uintptr_t>(block + 1);
    end_ = cursor_ + block->capacity;
  }

  void* allocate_slow(std::size_t size, std::size_t align) noexcept {
    if (exhausted_ || size > cap_ - used_) {
      exhausted_ = true;
      return nullptr;
    }
    const Block* newest = latest_ != nullptr ? latest_ : first_;
    const std::size_t doubled =
        newest != nullptr ? std::min<std::size_t>(newest->capacity * 2, 1 << 20) : kFirstBlock;
    const std::size_t capacity = std::max(size, doubled);
    void* memory = nullptr;
    if (capacity > std::numeric_limits<std::size_t>::max() / 2 ||
        (memory = std::aligned_alloc(64, (sizeof(Block) + capacity + 63) & ~std::size_t{63})) == nullptr) {
      exhausted_ = true;
      return nullptr;
    }
    auto* block = static_cast<Block*>(memory);
    block->capacity = capacity;
    block->previous = nullptr;
    if (first_ == nullptr) {
      first_ = block;
    } else {
      block->previous = latest_;
      latest_ = block;
    }
    enter(block);
    return allocate_uninitialized(size, align);
  }

  void free_after(Block* keep) noexcept {
    while (latest_ != keep) {
      Block* previous = latest_->previous;
      std::free(latest_);
      latest_ = previous;
    }
  }

  std::uintptr_t cursor_ = 0;
  std::uintptr_t end_ = 0;
  std::size_t used_ = 0;
  const std::size_t cap_;
  Block* first_ = nullptr;
  Block* latest_ = nullptr;  // newest of the blocks after the first
  bool exhausted_ = false;
};

}  // namespace viaduct
