// Memory for one request that is encoded before it is known whether it must be sent. Small ones stay on the
// stack.
#pragma once

#include <cstddef>
#include <memory>
#include <new>

namespace viaduct::protocol {

class CallBuffer {
 public:
  // 8-aligned memory; null where there is none. Call once.
  std::byte* reserve(std::size_t size) {
    if (size <= sizeof(small_)) return small_;
    large_.reset(new (std::nothrow) std::byte[size]);
    return large_.get();
  }

 private:
  alignas(8) std::byte small_[1024];
  std::unique_ptr<std::byte[]> large_;
};

}  // namespace viaduct::protocol
