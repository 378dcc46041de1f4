// The fuzzer without a fuzzing engine: the same inputs on every machine. VIADUCT_FUZZ_SECONDS lets it run on.
#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>

#include "tests/fuzz/decoder_target.hpp"

namespace viaduct::fuzz {
namespace {

TEST(DecoderFuzz, MutatedRequestsOfEveryCommandAreDecodedOrRefused) {
  const char* seconds = std::getenv("VIADUCT_FUZZ_SECONDS");
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(seconds ? std::atoi(seconds) : 0);
  const std::uint64_t fixed_rounds = 60000;
  std::uint64_t round = 0;
  while (round < fixed_rounds || std::chrono::steady_clock::now() < end) {
    std::vector<std::uint8_t> input = valid_input(round);
    run_decoder(input);
    mutate(input, round);
    run_decoder(input);
    mutate(input, ~round);
    run_decoder(input);
    ++round;
  }
  EXPECT_GE(round, fixed_rounds);
  RecordProperty("rounds", static_cast<int>(round));
}

}  // namespace
}  // namespace viaduct::fuzz
