// A memfd of the swapchain's own, mapped, that a display server maps too. Never a part of the session's
// region: a display server must not see what guest and host share. Sealed against shrinking, so no server can
// be made to fault.
#pragma once

#include <cstddef>

#include "base/unique_fd.hpp"

namespace viaduct::guest::wsi {

class SharedPixels {
 public:
  SharedPixels() = default;
  ~SharedPixels();
  SharedPixels(const SharedPixels&) = delete;
  SharedPixels& operator=(const SharedPixels&) = delete;

  /// False when memory or descriptors ran out; the object is then empty.
  bool allocate(std::size_t size) noexcept;
  void reset() noexcept;

  int fd() const noexcept { return fd_.get(); }
  std::byte* data() noexcept { return data_; }
  std::size_t size() const noexcept { return size_; }

 private:
  UniqueFd fd_;
  std::byte* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace viaduct::guest::wsi
