// The handshake's decoders against mutated frames: the same inputs on every machine. VIADUCT_FUZZ_SECONDS
// lets it run on. What a decoder accepts must mean the same when it is encoded and decoded again.
#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <random>

#include "protocol/control/handshake.hpp"

namespace viaduct::protocol {
namespace {

using Bytes = std::vector<std::byte>;

std::vector<Bytes> seeds() {
  Hello hello;
  hello.program = "vkcube";
  hello.regions = kAllRegionKinds;
  hello.commands = {{1, 10}, {2, 20}};
  hello.token = "0123456789abcdef";
  Welcome welcome;
  welcome.region_size = 64u << 20;
  welcome.control_size = 8u << 20;
  welcome.driver_name = "llvmpipe";
  welcome.commands = {{1, 10}};
  welcome.structs = {{3, 30}};
  RegionOffer offer;
  offer.file_size = offer.slice_size = 64u << 20;
  offer.control_size = 8u << 20;
  offer.nonce_offset = 4096;
  RegionProof proof;
  proof.message = "no device 1af4:1110";
  return {encode_hello(hello),
          encode_welcome(welcome),
          encode_region_offer(offer),
          encode_region_proof(proof),
          encode_refusal({RefusalCode::limit, "all sessions are taken"}),
          encode_device_query({.token = "token"}),
          encode_device_info({.device_type = 3, .gl_server = true})};
}

template <class Decode, class Encode>
bool round_trip(const Bytes& bytes, Decode decode, Encode encode) {
  const auto first = decode(bytes);
  if (!first) return false;
  const Bytes again = encode(*first);
  const auto second = decode(again);
  EXPECT_TRUE(second && encode(*second) == again);
  return true;
}

int accepted(const Bytes& bytes) {
  int count = 0;
  count += round_trip(bytes, decode_hello, encode_hello);
  count += round_trip(bytes, decode_welcome, encode_welcome);
  count += round_trip(bytes, decode_region_offer, encode_region_offer);
  count += round_trip(bytes, decode_region_proof, encode_region_proof);
  count += round_trip(bytes, decode_refusal, encode_refusal);
  count += round_trip(bytes, decode_device_query, encode_device_query);
  count += round_trip(bytes, decode_device_info, encode_device_info);
  return count;
}

void mutate(Bytes& bytes, std::mt19937& random) {
  const auto any = [&random](std::size_t below) { return std::size_t{random()} % below; };
  switch (any(4)) {
    case 0:
      bytes.resize(any(bytes.size() + 40));
      break;
    case 1:  // a word that is a count, a length, an offset
      for (std::size_t at = any(bytes.size() / 4 + 1) * 4, i = 0; i < 4 && at + i < bytes.size(); ++i) {
        constexpr unsigned char kExtremes[] = {0, 1, 0x7f, 0x80, 0xff};
        bytes[at + i] = std::byte{kExtremes[any(5)]};
      }
      break;
    default:
      for (std::size_t i = any(4) + 1; i > 0 && !bytes.empty(); --i) {
        bytes[any(bytes.size())] = static_cast<std::byte>(random());
      }
  }
}

TEST(HandshakeFuzz, every_seed_is_accepted) {
  for (const Bytes& seed : seeds()) EXPECT_GE(accepted(seed), 1);
}

TEST(HandshakeFuzz, mutated_frames_are_refused_or_mean_what_they_say) {
  const char* seconds = std::getenv("VIADUCT_FUZZ_SECONDS");
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(seconds ? std::atoi(seconds) : 0);
  const std::vector<Bytes> all = seeds();
  std::mt19937 random(7);
  int rounds = 0;
  int survived = 0;
  while (rounds < 100'000 || std::chrono::steady_clock::now() < end) {
    Bytes bytes = all[random() % all.size()];
    for (std::size_t i = random() % 3 + 1; i > 0; --i) mutate(bytes, random);
    survived += accepted(bytes) > 0 ? 1 : 0;
    ++rounds;
  }
  EXPECT_GT(survived, 0) << "the mutations are too wild to test anything behind the first check";
}

}  // namespace
}  // namespace viaduct::protocol
