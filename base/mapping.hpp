// Mapping: the one owner of a shared mmap of a file descriptor's bytes, or of memory of this process alone.
// Unmaps on destruction. Moves, never copies.
//
// The descriptor may be closed while the mapping lives. The caller is responsible for the file not shrinking
// under the mapping (regions are sealed against it; see transport/region/region.hpp).
#pragma once

#include <cstddef>
#include <span>
#include <utility>

#include "base/result.hpp"

namespace viaduct {

class Mapping {
 public:
  Mapping() noexcept = default;
  Mapping(Mapping&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  Mapping& operator=(Mapping&& other) noexcept;
  ~Mapping() { reset(); }

  // MAP_SHARED. `offset` must be a multiple of the page size.
  static Result<Mapping> map(int fd, std::size_t size, std::size_t offset = 0, bool writable = true);
  // MAP_PRIVATE, of no file, zeroes; its address space is taken, its memory as it is touched.
  static Result<Mapping> reserve(std::size_t size);

  std::byte* data() const noexcept { return data_; }
  std::size_t size() const noexcept { return size_; }
  std::span<std::byte> span() const noexcept { return {data_, size_}; }
  explicit operator bool() const noexcept { return data_ != nullptr; }
  void reset() noexcept;

 private:
  static Result<Mapping> of(void* address, std::size_t size);

  std::byte* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace viaduct
