#include "transport/ring/chunk_pool.hpp"

#include "transport/wait/atomics.hpp"

namespace viaduct::transport {

ChunkPool::ChunkPool(RegionView region) : region_(region), capacity_(region.layout().chunk_count()) {
  free_.reserve(capacity_);
  for (std::uint32_t i = capacity_; i > 0; --i) free_.push_back(i - 1);
  retired_.resize(capacity_);
}

Chunk ChunkPool::chunk_at(std::uint32_t index) const noexcept {
  return {index, region_.layout().chunk_offset(index), region_.chunk(index)};
}

std::optional<Chunk> ChunkPool::acquire() noexcept {
  const std::lock_guard lock(mutex_);
  if (retired_count_ > 0) {
    const Retired& oldest = retired_[retired_head_];
    // Acquire: the host's reads of the chunk come before what is written into it now.
    if (load_acquire(region_.host().consumed) >= oldest.sequence) {
      const std::uint32_t index = oldest.index;
      retired_head_ = (retired_head_ + 1) % capacity_;
      --retired_count_;
      return chunk_at(index);
    }
  }
  if (free_.empty()) return std::nullopt;
  const std::uint32_t index = free_.back();
  free_.pop_back();
  return chunk_at(index);
}

void ChunkPool::retire(const Chunk& chunk, std::uint64_t sequence) noexcept {
  const std::lock_guard lock(mutex_);
  retired_[(retired_head_ + retired_count_) % capacity_] = {chunk.index, sequence};
  ++retired_count_;
}

void ChunkPool::release(const Chunk& chunk) noexcept {
  const std::lock_guard lock(mutex_);
  free_.push_back(chunk.index);
}

std::uint64_t ChunkPool::oldest_retired() const noexcept {
  const std::lock_guard lock(mutex_);
  return retired_count_ > 0 ? retired_[retired_head_].sequence : 0;
}

}  // namespace viaduct::transport
