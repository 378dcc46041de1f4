#include "base/mapping.hpp"

#include <sys/mman.h>

#include <cerrno>

namespace viaduct {

Mapping& Mapping::operator=(Mapping&& other) noexcept {
  if (this != &other) {
    reset();
    data_ = std::exchange(other.data_, nullptr);
    size_ = std::exchange(other.size_, 0);
  }
  return *this;
}

Result<Mapping> Mapping::map(int fd, std::size_t size, std::size_t offset, bool writable) {
  const int protection = writable ? PROT_READ | PROT_WRITE : PROT_READ;
  return of(::mmap(nullptr, size, protection, MAP_SHARED, fd, static_cast<off_t>(offset)), size);
}

Result<Mapping> Mapping::reserve(std::size_t size) {
  constexpr int kFlags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
  return of(::mmap(nullptr, size, PROT_READ | PROT_WRITE, kFlags, -1, 0), size);
}

Result<Mapping> Mapping::of(void* address, std::size_t size) {
  if (address == MAP_FAILED) return fail(Errc::io, "mmap", errno);
  Mapping mapping;
  mapping.data_ = static_cast<std::byte*>(address);
  mapping.size_ = size;
  return mapping;
}

void Mapping::reset() noexcept {
  if (data_ != nullptr) ::munmap(data_, size_);
  data_ = nullptr;
  size_ = 0;
}

}  // namespace viaduct
