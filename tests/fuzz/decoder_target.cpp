#include "tests/fuzz/decoder_target.hpp"

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "tests/unit/protocol/codec_fixture.hpp"

namespace viaduct::fuzz {
namespace {

using namespace viaduct::protocol;
using namespace viaduct::protocol::testing;

constexpr std::size_t kMemoryCap = 8u << 20;

const CommandCodec& codec_of(std::span<const std::uint8_t> input) {
  const std::size_t index = input[0] | static_cast<std::size_t>(input[1]) << 8;
  return kCommandCodecs[index % kCommandCodecs.size()];
}

void require(bool condition, const char* what, const char* command) {
  if (condition) return;
  std::fprintf(stderr, "%s: %s\n", command, what);
  std::abort();
}

}  // namespace

void run_decoder(std::span<const std::uint8_t> input) {
  if (input.size() < 2) return;
  static const TestTables tables;
  static Arena& memory = *new Arena(kMemoryCap);
  memory.reset();
  const CommandCodec& codec = codec_of(input);
  Bytes record(input.size() - 2);
  if (record.size() != 0) std::memcpy(record.data(), input.data() + 2, record.size());
  Decoder decoder = make_decoder(record.span(), memory, tables.tables(), codec.recorded);
  void* args = memory.allocate(codec.args_size);
  const bool ok = codec.decode(decoder, args);
  require(ok == decoder.ok(), "decode and status disagree", codec.name);
  require(decoder.ok() || decoder.reason() != nullptr, "failed without a reason", codec.name);
  require(memory.used() <= kMemoryCap, "memory beyond the cap", codec.name);
  if (!ok) return;
  HostDigest digest(true);
  codec.digest_inputs(digest, args);
  SizeCounter counter;
  codec.measure_reply(counter, args);
  Bytes reply(counter.finish());
  Writer writer(reply.data());
  codec.write_reply(writer, args);
  require(writer.finish() == reply.size(), "measured and written sizes differ", codec.name);
}

std::vector<std::uint8_t> valid_input(std::uint64_t seed) {
  Arena memory(64u << 20);
  Rng rng(seed, memory);
  const std::uint32_t index = rng.below(static_cast<std::uint32_t>(kCommandCodecs.size()));
  const CommandCodec& codec = kCommandCodecs[index];
  void* args = memory.allocate(codec.args_size);
  codec.random_args(rng, args);
  Bytes bytes = encode_request(codec, args);
  std::vector<std::uint8_t> input(2 + bytes.size());
  input[0] = static_cast<std::uint8_t>(index);
  input[1] = static_cast<std::uint8_t>(index >> 8);
  if (bytes.size() != 0) std::memcpy(input.data() + 2, bytes.data(), bytes.size());
  return input;
}

void mutate(std::vector<std::uint8_t>& input, std::uint64_t seed) {
  Arena memory(1024);
  Rng rng(seed, memory);
  static constexpr std::uint32_t kWords[] = {0,          1,          2,          0x7fffffff, 0x80000000,
                                             0xffffffff, 0xfffffffe, 0x00010000, 0x40000000, 0x00ffffff};
  for (std::uint32_t n = 1 + rng.below(4); n != 0 && input.size() > 2; --n) {
    const std::uint32_t body = static_cast<std::uint32_t>(input.size() - 2);
    const std::uint32_t at = 2 + rng.below(body);
    switch (rng.below(5)) {
      case 0:
        input[at] = static_cast<std::uint8_t>(rng.next());
        break;
      case 1:  // a length, a count, a presence, an sType
        if (body >= 4) std::memcpy(&input[2 + rng.below(body / 4) * 4], &kWords[rng.below(10)], 4);
        break;
      case 2:
        input.resize(at);
        break;
      case 3: {  // a count that is nearly right
        if (body < 4) break;
        std::uint8_t* word = &input[2 + rng.below(body / 4) * 4];
        *word = static_cast<std::uint8_t>(*word + (rng.below(2) == 0 ? 1 : -1));
        break;
      }
      default:  // bytes of one place at another
        if (body >= 16) std::memmove(&input[2 + rng.below(body - 8)], &input[2 + rng.below(body - 8)], 8);
        break;
    }
  }
}

}  // namespace viaduct::fuzz
