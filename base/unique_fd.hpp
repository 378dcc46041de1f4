// UniqueFd: the one owner of a file descriptor. Closes it on destruction and on reset. Moves, never copies.
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include <utility>

#include "base/result.hpp"

namespace viaduct {

class UniqueFd {
 public:
  UniqueFd() noexcept = default;
  explicit UniqueFd(int fd) noexcept : fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(other.release()) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept {
    if (this != &other) reset(other.release());
    return *this;
  }
  ~UniqueFd() { reset(); }

  int get() const noexcept { return fd_; }
  [[nodiscard]] int release() noexcept { return std::exchange(fd_, -1); }
  void reset(int fd = -1) noexcept {
    const int old = std::exchange(fd_, fd);
    if (old >= 0) ::close(old);
  }
  explicit operator bool() const noexcept { return fd_ >= 0; }

  // A close-on-exec duplicate.
  Result<UniqueFd> dup() const {
    const int copy = ::fcntl(fd_, F_DUPFD_CLOEXEC, 0);
    if (copy < 0) return fail(Errc::io, "dup", errno);
    return UniqueFd(copy);
  }

 private:
  int fd_ = -1;
};

}  // namespace viaduct
