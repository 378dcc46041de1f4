#include "transport/ring/chunk_pool.hpp"

#include <gtest/gtest.h>

#include <set>
#include <vector>

#include "tests/unit/transport/plain_region.hpp"
#include "transport/wait/atomics.hpp"

namespace viaduct::transport {
namespace {

TEST(ChunkPool, GivesDistinctChunksInsideTheControlAreaAndThenNone) {
  const PlainRegion region;
  ChunkPool pool(region.view());
  std::set<std::uint64_t> offsets;
  while (const auto chunk = pool.acquire()) {
    EXPECT_GE(chunk->offset, RegionLayout::kChunkOffset);
    EXPECT_LE(chunk->offset + Chunk::size, region.view().layout().control_size);
    EXPECT_EQ(chunk->data, region.view().bytes(chunk->offset));
    EXPECT_TRUE(offsets.insert(chunk->offset).second);
  }
  EXPECT_EQ(offsets.size(), pool.capacity());
  EXPECT_EQ(pool.oldest_retired(), 0u);
}

TEST(ChunkPool, ARetiredChunkComesBackOnlyAfterTheHostConsumedIt) {
  const PlainRegion region;
  ChunkPool pool(region.view());
  std::vector<Chunk> chunks;
  while (const auto chunk = pool.acquire()) chunks.push_back(*chunk);
  pool.retire(chunks[3], 10);
  pool.retire(chunks[4], 11);
  EXPECT_EQ(pool.oldest_retired(), 10u);
  EXPECT_FALSE(pool.acquire());
  store_release(region.view().host().consumed, 10);
  const auto reused = pool.acquire();
  ASSERT_TRUE(reused);
  EXPECT_EQ(reused->index, chunks[3].index);
  EXPECT_FALSE(pool.acquire());
  EXPECT_EQ(pool.oldest_retired(), 11u);
}

TEST(ChunkPool, AReleasedChunkIsFreeAtOnce) {
  const PlainRegion region;
  ChunkPool pool(region.view());
  std::vector<Chunk> chunks;
  while (const auto chunk = pool.acquire()) chunks.push_back(*chunk);
  pool.release(chunks[0]);
  EXPECT_TRUE(pool.acquire());
}

TEST(ChunkPool, AHostThatKeepsUpLeavesMostChunksUntouched) {
  const PlainRegion region;
  ChunkPool pool(region.view());
  std::set<std::uint32_t> touched;
  for (std::uint64_t sequence = 1; sequence < 5000; ++sequence) {
    const auto chunk = pool.acquire();
    ASSERT_TRUE(chunk);
    touched.insert(chunk->index);
    pool.retire(*chunk, sequence);
    if (sequence > 2) store_release(region.view().host().consumed, sequence - 2);
  }
  EXPECT_LE(touched.size(), 4u);
}

}  // namespace
}  // namespace viaduct::transport
