// ChunkPool: the guest's 16 KiB pieces of the control area, into which records are written.
//
// Thread-safe. acquire() gives a chunk that nobody reads, or none when all are taken or unconsumed: the
// caller then either waits for the host (Parker::wait_consumed(oldest_retired())) or writes elsewhere;
// recording must not fail. retire(chunk, sequence) hands a published chunk back: it is given out again once
// the host's `consumed` has reached the sequence of the chunk's last span. release(chunk) hands back one of
// which nothing was published. Recently used chunks are preferred, so that few stay warm.
#pragma once

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <vector>

#include "transport/region/region.hpp"

namespace viaduct::transport {

struct Chunk {
  std::uint32_t index = 0;
  std::uint64_t offset = 0;  // in the region
  std::byte* data = nullptr;
  static constexpr std::size_t size = kChunkSize;
};

class ChunkPool {
 public:
  explicit ChunkPool(RegionView region);

  std::optional<Chunk> acquire() noexcept;
  void retire(const Chunk& chunk, std::uint64_t sequence) noexcept;
  void release(const Chunk& chunk) noexcept;

  // The sequence after whose consumption acquire() can succeed again; 0 if no chunk is retired (all are being
  // written: waiting for the host would not help).
  std::uint64_t oldest_retired() const noexcept;
  std::uint32_t capacity() const noexcept { return capacity_; }

 private:
  struct Retired {
    std::uint32_t index;
    std::uint64_t sequence;
  };
  Chunk chunk_at(std::uint32_t index) const noexcept;

  const RegionView region_;
  const std::uint32_t capacity_;
  mutable std::mutex mutex_;
  std::vector<std::uint32_t> free_;  // reserved for all, so that handing back cannot fail
  // A circular queue of fixed capacity, in the order of retiring (which is that of publishing, nearly).
  std::vector<Retired> retired_;
  std::uint32_t retired_head_ = 0;
  std::uint32_t retired_count_ = 0;
};

}  // namespace viaduct::transport
