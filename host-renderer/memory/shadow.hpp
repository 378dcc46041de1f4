// Mapped memory where the driver cannot take the region's pages (decision 4, mode c), on the whole or for
// some resources: each mapped allocation has ordinary driver memory, permanently mapped in the worker, and a
// snapshot of what both sides last agreed on. guest_to_driver() carries over the bytes that differ in the
// region, driver_to_guest() those that differ in the driver's memory; a byte that neither side touched is
// never written, so the two may write neighbouring bytes.
//
// Called at publish points (submit, event and semaphore signals) and before completions and replies; any
// thread. The documented limit: work that already executes does not see what the guest writes after its
// submission.
#pragma once

#include "protocol/wire/object_id.hpp"
#include "transport/mirror/host_mirror.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

namespace viaduct::host {

// Wherever `from` differs from `snapshot`, copies the byte to `to` and `snapshot`. `from` may change
// meanwhile: each word of it is read once. Returns how many bytes were carried over. All three are 8-aligned.
std::size_t merge_changes(std::byte* to, const std::byte* from, std::byte* snapshot,
                          std::size_t size) noexcept;

class Shadow {
 public:
  // Makes the region hold what the driver's memory holds and starts to track. False when the snapshot cannot
  // be allocated.
  bool map(protocol::ObjectId memory, std::byte* region, std::byte* driver, std::size_t size) noexcept;
  // Carries the guest's last writes over and stops tracking; unknown ids are ignored.
  void unmap(protocol::ObjectId memory) noexcept;

  void guest_to_driver() noexcept;
  void driver_to_guest() noexcept;

  std::size_t tracked() const noexcept { return count_.load(std::memory_order_relaxed); }

  // Where the guest's region is another one: what driver_to_guest() brought into this one, and what the
  // device wrote there itself, is then published. Before any other use.
  void publish_with(transport::MemoryPublisher& publisher) noexcept {
    publisher_ = &publisher;
    count_.store(1, std::memory_order_relaxed);
  }

 private:
  struct Entry {
    protocol::ObjectId memory;
    std::byte* region;
    std::byte* driver;
    std::size_t size;
    std::unique_ptr<std::byte[]> snapshot;
  };

  void recount() noexcept;

  mutable std::mutex mutex_;
  std::vector<Entry> entries_;
  transport::MemoryPublisher* publisher_ = nullptr;
  // entries_.size(), and one more with a publisher, for those who come with every submission and mostly find
  // nothing. What a submission must see was mapped by the thread that submits; a completion comes after its
  // submission.
  std::atomic<std::size_t> count_{0};
};

}  // namespace viaduct::host
