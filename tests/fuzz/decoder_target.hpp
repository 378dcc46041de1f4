// One input of the decoder's fuzzer: two bytes choose the command, the rest is the request's body.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace viaduct::fuzz {

// Does with the bytes what a worker does up to the driver's call: decode, walk every argument, write the
// reply. Aborts (by sanitizer or assertion) only on a defect of ours.
void run_decoder(std::span<const std::uint8_t> input);

// A valid input: a random command with random arguments. What mutations start from.
std::vector<std::uint8_t> valid_input(std::uint64_t seed);

// Changes a few bytes, words or lengths in the way decoders get wrong.
void mutate(std::vector<std::uint8_t>& input, std::uint64_t seed);

}  // namespace viaduct::fuzz
