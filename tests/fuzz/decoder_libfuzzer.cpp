// libFuzzer's entry point for the decoder: built where the compiler is clang (cmake -DVIADUCT_LIBFUZZER=ON).
#include <cstring>

#include "tests/fuzz/decoder_target.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  viaduct::fuzz::run_decoder({data, size});
  return 0;
}

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t max_size);

// Random bytes hardly get past a chain's first sType, so a part of the inputs starts from valid requests.
extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t max_size,
                                               unsigned int seed) {
  if (size >= 2 && seed % 8 != 0) return LLVMFuzzerMutate(data, size, max_size);
  std::vector<std::uint8_t> input = viaduct::fuzz::valid_input(seed);
  if (seed % 3 != 0) viaduct::fuzz::mutate(input, seed);
  if (input.size() > max_size) return LLVMFuzzerMutate(data, size, max_size);
  std::memcpy(data, input.data(), input.size());
  return input.size();
}
