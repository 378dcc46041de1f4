// PageTracker: the kernel's word on which pages of a piece of private memory were written, where it gives one
// (Linux 6.7: userfaultfd's asynchronous write protection, told by the ioctl PAGEMAP_SCAN). Nothing is called
// when a page is written: the kernel notes it in the page tables and lets the writer go on, be it a thread, a
// system call or another process. In a process that was forked the memory is not tracked any more.
//
// A page counts as written from its first write on until protect() names it. Of what never was touched
// nothing is told. What a device writes into pages that it has pinned earlier (direct I/O, io_uring's fixed
// buffers) the kernel does not see: protect() must not be called for a page while such a write is under way.
//
// Any thread, one at a time. The memory outlives the tracker.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "base/unique_fd.hpp"

namespace viaduct::transport {

class PageTracker {
 public:
  // Whole pages of MAP_PRIVATE | MAP_ANONYMOUS. Null: this kernel, or this process's confinement, has no such
  // thing, or VIADUCT_PERF says no_page_tracking.
  static std::unique_ptr<PageTracker> start(std::byte* memory, std::size_t size) noexcept;

  // In bytes from the memory's begin, whole pages.
  struct Extent {
    std::uint64_t from, to;
  };
  struct Look {
    std::size_t extents;  // found
    std::uint64_t up_to;  // there are no others before
  };
  // Fills in the first of what is written in [from, to). Where the kernel refuses, all of it counts as
  // written.
  Look written(std::uint64_t from, std::uint64_t to, std::span<Extent> out) noexcept;

  // What is written there from now on is told again. False: it stays told.
  bool protect(Extent pages) noexcept;

  // How many comparisons of a page cost as much as the fault that its writer pays for once it is protected,
  // measured at the start: some 5 on a machine of its own, hundreds in a virtual machine within another. From
  // 4 to 255.
  std::uint8_t looks_a_fault() const noexcept { return looks_a_fault_; }

 private:
  PageTracker(std::byte* memory, UniqueFd faults, UniqueFd pagemap) noexcept
      : memory_(memory), faults_(std::move(faults)), pagemap_(std::move(pagemap)) {}
  std::optional<Look> scan(std::uint64_t from, std::uint64_t to, std::span<Extent> out) noexcept;
  std::uint64_t fault_ns(std::uint64_t page) noexcept;

  std::byte* const memory_;
  const UniqueFd faults_;
  const UniqueFd pagemap_;
  std::uint8_t looks_a_fault_ = 0xff;
};

}  // namespace viaduct::transport
