// Bytes that no honest guest sends: whatever they are, the decoder stops cleanly and within its memory.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <string>

#include "tests/unit/protocol/codec_fixture.hpp"

namespace viaduct::protocol::testing {
namespace {

constexpr std::size_t kGuestCap = 64u << 20;
constexpr std::size_t kHostCap = 4u << 20;

// Decodes `bytes` from memory of their exact size and, if that works, does with the result what a worker
// does.
DecodeStatus decode(const CommandCodec& c, std::span<const std::byte> bytes, const HandleTables& tables) {
  Arena memory(kHostCap);
  Bytes copy(bytes.size());
  std::memcpy(copy.data(), bytes.data(), bytes.size());
  Decoder decoder = make_decoder(copy.span(), memory, tables, c.recorded);
  void* args = memory.allocate(c.args_size);
  const bool ok = c.decode(decoder, args);
  EXPECT_EQ(ok, decoder.status() == DecodeStatus::kOk);
  EXPECT_LE(memory.used(), kHostCap);
  if (ok) {
    HostDigest digest(true);
    c.digest_inputs(digest, args);  // walks every pointer
    SizeCounter counter;
    c.measure_reply(counter, args);
    Bytes reply(counter.finish());
    Writer writer(reply.data());
    c.write_reply(writer, args);
  } else {
    EXPECT_NE(decoder.reason(), nullptr);
  }
  return decoder.status();
}

class Hostile : public ::testing::TestWithParam<std::size_t> {
 protected:
  const CommandCodec& codec() const { return kCommandCodecs[GetParam()]; }
  Bytes request(std::uint64_t seed) {
    guest_memory_.reset();
    Rng rng(seed, guest_memory_);
    void* guest = guest_memory_.allocate(codec().args_size);
    codec().random_args(rng, guest);
    return encode_request(codec(), guest);
  }
  Arena guest_memory_{kGuestCap};
  TestTables tables_;
};

TEST_P(Hostile, TruncatedRequestsAreRefused) {
  Bytes whole = request(GetParam());
  SizeCounter counter;  // the bytes that are not padding: cutting into them must be noticed
  Rng rng(GetParam(), guest_memory_);
  void* guest = guest_memory_.allocate(codec().args_size);
  codec().random_args(rng, guest);
  codec().measure_request(counter, guest);
  const std::size_t used = counter.size();
  const std::size_t step = std::max<std::size_t>(4, used / 64 / 4 * 4);
  for (std::size_t size = 0; size < used; size += step) {
    SCOPED_TRACE(std::string(codec().name) + " cut to " + std::to_string(size));
    EXPECT_EQ(decode(codec(), whole.span().first(size), tables_.tables()), DecodeStatus::kBadData);
  }
}

TEST_P(Hostile, FlippedBytesNeverLeaveTheRecord) {
  for (std::uint64_t round = 0; round < 24; ++round) {
    Bytes bytes = request(GetParam() * 31 + round);
    if (bytes.size() == 0) return;
    Arena scratch(1024);
    Rng rng(round, scratch);
    for (std::uint32_t flips = 1 + rng.below(4); flips != 0; --flips) {
      const std::uint32_t at = rng.below(static_cast<std::uint32_t>(bytes.size()));
      static constexpr unsigned char kValues[] = {0x00, 0x01, 0x7f, 0x80, 0xff};
      bytes.data()[at] = static_cast<std::byte>(kValues[rng.below(5)]);
    }
    decode(codec(), bytes.span(), tables_.tables());
  }
}

TEST_P(Hostile, RandomBytesNeverLeaveTheRecord) {
  for (std::uint64_t round = 0; round < 24; ++round) {
    Arena scratch(1024);
    Rng rng(GetParam() * 131 + round, scratch);
    Bytes bytes(rng.below(64) * 8);
    for (std::size_t i = 0; i + 4 <= bytes.size(); i += 4) {
      const std::uint32_t word = rng.below(3) == 0 ? static_cast<std::uint32_t>(rng.next()) : rng.below(5);
      std::memcpy(bytes.data() + i, &word, 4);
    }
    decode(codec(), bytes.span(), tables_.tables());
  }
}

TEST_P(Hostile, ObjectsThatAreGoneMakeTheCommandStale) {
  TestTables gone;
  for (std::size_t type = 1; type < kObjectTypeCount; ++type) {
    for (std::uint32_t i = 0; i < kTestIndices; ++i) gone.slot(static_cast<ObjectType>(type), i).flags = 0;
  }
  Bytes bytes = request(GetParam() * 7);
  EXPECT_NE(decode(codec(), bytes.span(), gone.tables()), DecodeStatus::kBadData);
}

class HostileReply : public Hostile {};

TEST_P(HostileReply, RepliesThatLieAreRefusedOrFit) {
  for (std::uint64_t round = 0; round < 12; ++round) {
    guest_memory_.reset();
    Rng rng(GetParam() * 17 + round, guest_memory_);
    void* guest = guest_memory_.allocate(codec().args_size);
    codec().random_args(rng, guest);
    Bytes bytes(rng.below(32) * 8);
    for (std::size_t i = 0; i + 4 <= bytes.size(); i += 4) {
      const std::uint32_t word = rng.below(4) == 0 ? 0xffffffffu : rng.below(9);
      std::memcpy(bytes.data() + i, &word, 4);
    }
    Reader reader(bytes.span());
    const bool ok = codec().read_reply(reader, guest);
    EXPECT_EQ(ok, reader.ok());
  }
}

std::string name_of(const ::testing::TestParamInfo<std::size_t>& info) {
  return kCommandCodecs[info.param].name;
}
INSTANTIATE_TEST_SUITE_P(Every, Hostile,
                         ::testing::ValuesIn(positions(kCommandCodecs, [](auto&) { return true; })), name_of);
INSTANTIATE_TEST_SUITE_P(Every, HostileReply,
                         ::testing::ValuesIn(positions(kCommandCodecs, [](auto& c) { return c.has_reply; })),
                         name_of);

}  // namespace
}  // namespace viaduct::protocol::testing
