// Every command and every struct of the registry: what goes in on one side comes out on the other.
#include <gtest/gtest.h>

#include <set>
#include <string>

#include "tests/unit/protocol/codec_fixture.hpp"

namespace viaduct::protocol::testing {
namespace {

constexpr std::size_t kArenaCap = 64u << 20;
constexpr int kRounds = 12;

class CommandRoundTrip : public ::testing::TestWithParam<std::size_t> {
 protected:
  const CommandCodec& codec() const { return kCommandCodecs[GetParam()]; }
};

TEST_P(CommandRoundTrip, ArgumentsAndOutputsArriveUnchanged) {
  const CommandCodec& c = codec();
  const TestTables tables;
  for (int round = 0; round < kRounds; ++round) {
    SCOPED_TRACE(std::string(c.name) + " round " + std::to_string(round));
    Arena guest_memory(kArenaCap), host_memory(kArenaCap);
    Rng rng(GetParam() * 1000 + static_cast<std::size_t>(round), guest_memory);
    void* guest = guest_memory.allocate(c.args_size);
    c.random_args(rng, guest);

    SizeCounter counter;
    c.measure_request(counter, guest);
    Bytes request(counter.finish());
    Writer writer(request.data());
    c.write_request(writer, guest);
    ASSERT_EQ(writer.finish(), request.size()) << "measured and written sizes differ";

    Decoder decoder = make_decoder(request.span(), host_memory, tables.tables(), c.recorded);
    void* host = host_memory.allocate(c.args_size);
    ASSERT_TRUE(c.decode(decoder, host)) << decoder.reason() << " at " << decoder.error_offset();
    EXPECT_LT(decoder.remaining(), 8u) << "the decoder left bytes";

    GuestDigest sent(false);
    HostDigest got(false);
    c.digest_inputs(sent, guest);
    c.digest_inputs(got, host);
    ASSERT_EQ(sent.result(), got.result()) << "the arguments changed on the way";

    Rng driver(GetParam() * 77 + static_cast<std::size_t>(round), host_memory);
    c.random_outputs(driver, host);
    SizeCounter reply_counter;
    c.measure_reply(reply_counter, host);
    Bytes reply(reply_counter.finish());
    Writer reply_writer(reply.data());
    c.write_reply(reply_writer, host);
    ASSERT_EQ(reply_writer.finish(), reply.size());

    Reader reader(reply.span());
    ASSERT_TRUE(c.read_reply(reader, guest)) << reader.reason() << " at " << reader.error_offset();
    EXPECT_LT(reader.remaining(), 8u) << "the reader left bytes";
    HostDigest wrote(true);
    GuestDigest read(true);
    c.digest_outputs(wrote, host);
    c.digest_outputs(read, guest);
    ASSERT_EQ(wrote.result(), read.result()) << "the outputs changed on the way";
  }
}

std::string name_of_command(const ::testing::TestParamInfo<std::size_t>& info) {
  return kCommandCodecs[info.param].name;
}
INSTANTIATE_TEST_SUITE_P(Every, CommandRoundTrip,
                         ::testing::ValuesIn(positions(kCommandCodecs, [](auto&) { return true; })),
                         name_of_command);

class StructAsInput : public ::testing::TestWithParam<std::size_t> {};

TEST_P(StructAsInput, ArrivesUnchanged) {
  const StructCodec& c = kStructCodecs[GetParam()];
  const TestTables tables;
  for (int round = 0; round < kRounds; ++round) {
    SCOPED_TRACE(std::string(c.name) + " round " + std::to_string(round));
    Arena guest_memory(kArenaCap), host_memory(kArenaCap);
    Rng rng(GetParam() * 1000 + static_cast<std::size_t>(round), guest_memory);
    void* guest = guest_memory.allocate(c.size);
    // An inner struct's counts may come from an outer one.
    SizeCounter counter;
    for (int i = 0; i < 3; ++i) counter.context[i] = rng.context[i] = rng.count();
    c.random(rng, guest);
    c.measure(counter, guest);
    Bytes bytes(counter.finish());
    Writer writer(bytes.data());
    for (int i = 0; i < 3; ++i) writer.context[i] = counter.context[i];
    c.write(writer, guest);
    ASSERT_EQ(writer.finish(), bytes.size());

    Decoder decoder(bytes.span(), 0, host_memory, tables.tables());
    for (int i = 0; i < 3; ++i) decoder.context[i] = counter.context[i];
    void* host = host_memory.allocate(c.size);
    c.read(decoder, host);
    ASSERT_TRUE(decoder.ok()) << decoder.reason() << " at " << decoder.error_offset();
    EXPECT_LT(decoder.remaining(), 8u);
    GuestDigest sent(false);
    HostDigest got(false);
    for (int i = 0; i < 3; ++i) sent.context[i] = got.context[i] = counter.context[i];
    c.digest(sent, guest);
    c.digest(got, host);
    ASSERT_EQ(sent.result(), got.result());
  }
}

class StructAsOutput : public ::testing::TestWithParam<std::size_t> {};

TEST_P(StructAsOutput, ArrivesUnchanged) {
  const StructCodec& c = kStructCodecs[GetParam()];
  const TestTables tables;
  for (int round = 0; round < kRounds; ++round) {
    SCOPED_TRACE(std::string(c.name) + " round " + std::to_string(round));
    Arena guest_memory(kArenaCap), host_memory(kArenaCap);
    Rng rng(GetParam() * 1000 + static_cast<std::size_t>(round), guest_memory);
    Rng driver(GetParam() * 99 + static_cast<std::size_t>(round), host_memory);
    std::uint32_t context[3];
    for (int i = 0; i < 3; ++i) context[i] = rng.context[i] = driver.context[i] = rng.count();
    const auto with_context = [&](auto& object) {
      for (int i = 0; i < 3; ++i) object.context[i] = context[i];
    };
    void* guest = guest_memory.allocate(c.size);
    void* host = host_memory.allocate(c.size);
    if (c.make_output != nullptr) c.make_output(rng, guest);
    if (c.write_skeleton != nullptr) {
      Bytes skeleton = encode(
          [&](SizeCounter& s) {
            with_context(s);
            c.measure_skeleton(s, guest);
          },
          [&](Writer& s) {
            with_context(s);
            c.write_skeleton(s, guest);
          });
      Decoder decoder(skeleton.span(), 0, host_memory, tables.tables());
      with_context(decoder);
      c.read_skeleton(decoder, host);
      ASSERT_TRUE(decoder.ok()) << decoder.reason();
    }
    c.random_output(driver, host);
    Bytes reply = encode(
        [&](SizeCounter& s) {
          with_context(s);
          c.measure_output(s, host);
        },
        [&](Writer& s) {
          with_context(s);
          c.write_output(s, host);
        });
    Reader reader(reply.span());
    with_context(reader);
    c.fill(reader, guest);
    ASSERT_TRUE(reader.ok()) << reader.reason() << " at " << reader.error_offset();
    EXPECT_LT(reader.remaining(), 8u);
    GuestDigest got(true);
    GuestDigest wrote(true);
    with_context(got);
    with_context(wrote);
    c.digest(wrote, host);
    c.digest(got, guest);
    ASSERT_EQ(wrote.result(), got.result());
  }
}

std::string name_of_struct(const ::testing::TestParamInfo<std::size_t>& info) {
  return kStructCodecs[info.param].name;
}
INSTANTIATE_TEST_SUITE_P(Every, StructAsInput,
                         ::testing::ValuesIn(positions(kStructCodecs,
                                                       [](auto& c) { return c.random != nullptr; })),
                         name_of_struct);
INSTANTIATE_TEST_SUITE_P(Every, StructAsOutput,
                         ::testing::ValuesIn(positions(kStructCodecs,
                                                       [](auto& c) { return c.fill != nullptr; })),
                         name_of_struct);

TEST(Coverage, EveryCommandOfTheRegistryHasACodecOrAReason) {
  EXPECT_EQ(kCommandCodecs.size() + kCoverage.commands_without_wire, kCoverage.registry_commands);
  EXPECT_GT(kCommandCodecs.size(), 450u);
  std::set<std::string> names;
  for (const CommandCodec& c : kCommandCodecs) names.insert(c.name);
  EXPECT_EQ(names.size(), kCommandCodecs.size());
}

TEST(Coverage, EveryStructOfTheRegistryHasACodecOrAReason) {
  EXPECT_EQ(kStructCodecs.size() + kCoverage.structs_dropped + kCoverage.unions_inside,
            kCoverage.registry_structs);
  EXPECT_GT(kStructCodecs.size(), 800u);
  for (const StructCodec& c : kStructCodecs) EXPECT_TRUE(c.random != nullptr || c.fill != nullptr) << c.name;
  std::set<std::string> names;
  for (const StructCodec& c : kStructCodecs) names.insert(c.name);
  EXPECT_EQ(names.size(), kStructCodecs.size());
}

TEST(Coverage, CommandsAreNumberedByNameAndHashed) {
  for (std::uint32_t i = 0; i < kCommandCount; ++i) {
    std::uint32_t hash = 0x811C9DC5u;
    for (const char* p = kCommandInfo[i].name; *p != 0; ++p) {
      hash = (hash ^ static_cast<unsigned char>(*p)) * 0x01000193u;
    }
    EXPECT_EQ(hash, kCommandInfo[i].name_hash) << kCommandInfo[i].name;
    if (i != 0) {
      EXPECT_LT(std::string(kCommandInfo[i - 1].name), kCommandInfo[i].name);
    }
  }
}

}  // namespace
}  // namespace viaduct::protocol::testing
