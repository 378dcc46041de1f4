// A region on plain memory, and a doorbell that only counts, for tests that need no second process.
#pragma once

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "transport/region/region.hpp"
#include "transport/wait/doorbell.hpp"

namespace viaduct::transport {

class PlainRegion {
 public:
  explicit PlainRegion(std::uint64_t arena_size = 1 << 20, std::uint64_t control_size = 2 << 20)
      : layout_{control_size + arena_size, control_size},
        memory_(static_cast<std::byte*>(std::aligned_alloc(kPageSize, layout_.region_size))) {
    std::memset(memory_.get(), 0, layout_.region_size);
  }
  RegionView view(Caching caching = Caching::cached) const {
    return RegionView(memory_.get(), layout_, caching);
  }

 private:
  struct Free {
    void operator()(std::byte* memory) const { std::free(memory); }
  };
  RegionLayout layout_;
  std::unique_ptr<std::byte, Free> memory_;
};

class CountingDoorbell final : public Doorbell {
 public:
  void ring() noexcept override { ++rings; }
  int fd() const noexcept override { return -1; }
  void drain() noexcept override {}
  std::atomic<int> rings{0};
};

}  // namespace viaduct::transport
