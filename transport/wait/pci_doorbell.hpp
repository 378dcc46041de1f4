// PciBell: rings the host by a store into the doorbell register of an ivshmem device, which the hypervisor
// turns into an eventfd's ring. For its ring() alone. Any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>

#include "base/mapping.hpp"
#include "transport/wait/doorbell.hpp"

namespace viaduct::transport {

class PciBell final : public Doorbell {
 public:
  // The registers' offset (QEMU's docs/specs/ivshmem-spec, "Device registers").
  static constexpr std::size_t kRegister = 12;

  // `registers`: BAR 0, mapped. `value`: the peer and its vector.
  PciBell(Mapping registers, std::uint32_t value) noexcept
      : registers_(std::move(registers)), value_(value) {}

  void ring() noexcept override {
    *reinterpret_cast<volatile std::uint32_t*>(registers_.data() + kRegister) = value_;
  }
  int fd() const noexcept override { return -1; }
  void drain() noexcept override {}

 private:
  Mapping registers_;
  std::uint32_t value_;
};

}  // namespace viaduct::transport
