#include "guest-icd/wsi/shared_pixels.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

namespace viaduct::guest::wsi {

SharedPixels::~SharedPixels() { reset(); }

void SharedPixels::reset() noexcept {
  if (data_ != nullptr) ::munmap(data_, size_);
  data_ = nullptr;
  size_ = 0;
  fd_ = UniqueFd();
}

bool SharedPixels::allocate(std::size_t size) noexcept {
  reset();
  fd_ = UniqueFd(::memfd_create("viaduct-swapchain", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (fd_.get() < 0) return false;
  if (::ftruncate(fd_.get(), static_cast<off_t>(size)) != 0) {
    reset();
    return false;
  }
  ::fcntl(fd_.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL);
  void* mapped = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd_.get(), 0);
  if (mapped == MAP_FAILED) {
    reset();
    return false;
  }
  data_ = static_cast<std::byte*>(mapped);
  size_ = size;
  return true;
}

}  // namespace viaduct::guest::wsi
