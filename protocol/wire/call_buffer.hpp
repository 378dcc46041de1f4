// Memory for one request that is encoded before it is known whether it must be sent. Small ones stay on the
// stack.
#pragma once

#include <cstddef>
#include <memory>
#include <new>

namespace viaduct::protocol {

class CallBuffer {
 public:
  // 8-aligned memory; aborts only where operator new would (a request of that size was measured from the
  // application's own structs). Call once.
  std::byte* reserve(std::size_t size) {
    if (size <= sizeof(small_)) return small_;
    large_ = std::make_unique<std::byte[]>(size);
    return large_.get();
  }
  const std::byte* data() const { return large_ ? large_.get() : small_; }

 private:
  alignas(8) std::byte small_[1024];
  std::unique_ptr<std::byte[]> large_;
};

}  // namespace viaduct::protocol
