// What it costs to pack and unpack a message of a mirror: random bytes, which do not shrink, and this
// program's own, each time others of them. "left" is the part that remains, of those that were packed.
#include <benchmark/benchmark.h>

#include <cstring>
#include <fstream>
#include <iterator>
#include <random>
#include <vector>

#include "transport/mirror/linked_lz4.hpp"
#include "transport/mirror/packing.hpp"

namespace viaduct::transport {
namespace {

using Bytes = std::vector<std::byte>;

Bytes random_bytes() {
  Bytes bytes(std::size_t{4} << 20);
  std::mt19937_64 random(1);
  for (std::size_t i = 0; i < bytes.size(); i += 8) {
    const std::uint64_t value = random();
    std::memcpy(bytes.data() + i, &value, 8);
  }
  return bytes;
}

Bytes own_code() {
  std::ifstream file("/proc/self/exe", std::ios::binary);
  const std::vector<char> chars((std::istreambuf_iterator<char>(file)), {});
  const auto bytes = std::as_bytes(std::span(chars));
  return {bytes.begin(), bytes.end()};
}

void pack(benchmark::State& state, const Bytes& bytes) {
  const auto size = static_cast<std::size_t>(state.range(0));
  Packer packer(linked_lz4());
  packer.pack_whatever_shrinks();
  std::size_t at = 0, packed = 0, of = 0;
  for (auto _ : state) {
    const auto made = packer.pack(std::span(bytes).subspan(at, size), 0);
    benchmark::DoNotOptimize(made.data());
    if (!made.empty()) {
      packed += made.size();
      of += size;
    }
    at = (at + size) % (bytes.size() - size);
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations()) * state.range(0));
  if (of != 0) state.counters["left"] = static_cast<double>(packed) / static_cast<double>(of);
}

void BM_PackRandom(benchmark::State& state) { pack(state, random_bytes()); }
void BM_PackCode(benchmark::State& state) { pack(state, own_code()); }

void BM_UnpackCode(benchmark::State& state) {
  const auto size = static_cast<std::size_t>(state.range(0));
  const Bytes code = own_code();
  Packer packer(linked_lz4());
  packer.pack_whatever_shrinks();
  Unpacker unpacker(linked_lz4());
  std::span<const std::byte> made;
  for (std::size_t at = code.size() / 3; made.empty(); at += size)
    made = packer.pack(std::span(code).subspan(at, size), 0);
  made = made.subspan(sizeof(MirrorHeader));
  const char* wrong = nullptr;
  for (auto _ : state) benchmark::DoNotOptimize(unpacker.unpack(made, wrong).data());
  if (wrong != nullptr) state.SkipWithError(wrong);
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations()) * state.range(0));
}

constexpr std::int64_t kSmall = 512, kLarge = 128 << 10;
BENCHMARK(BM_PackRandom)->RangeMultiplier(4)->Range(kSmall, kLarge);
BENCHMARK(BM_PackCode)->RangeMultiplier(4)->Range(kSmall, kLarge);
BENCHMARK(BM_UnpackCode)->RangeMultiplier(4)->Range(kSmall, kLarge);

}  // namespace
}  // namespace viaduct::transport
