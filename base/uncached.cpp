#include "base/uncached.hpp"

#include <algorithm>
#include <cstdint>
#include <cstring>
#if defined(__x86_64__)
#include <smmintrin.h>
#endif

namespace viaduct {
namespace {

constexpr std::size_t kLine = 64;

#if defined(__x86_64__)
// `from` is aligned to a line, and so is the size.
__attribute__((target("sse4.1"))) void stream_lines(std::byte* to, const std::byte* from,
                                                    std::size_t size) noexcept {
  _mm_mfence();  // a streaming load may be served from before a store or load that precedes it
  for (std::size_t at = 0; at < size; at += kLine) {
    auto* line = reinterpret_cast<__m128i*>(const_cast<std::byte*>(from + at));
    const __m128i a = _mm_stream_load_si128(line);
    const __m128i b = _mm_stream_load_si128(line + 1);
    const __m128i c = _mm_stream_load_si128(line + 2);
    const __m128i d = _mm_stream_load_si128(line + 3);
    auto* out = reinterpret_cast<__m128i*>(to + at);
    _mm_storeu_si128(out, a);
    _mm_storeu_si128(out + 1, b);
    _mm_storeu_si128(out + 2, c);
    _mm_storeu_si128(out + 3, d);
  }
}
bool can_stream() noexcept { return __builtin_cpu_supports("sse4.1") != 0; }
#else
void stream_lines(std::byte* to, const std::byte* from, std::size_t size) noexcept {
  std::memcpy(to, from, size);
}
bool can_stream() noexcept { return false; }
#endif

}  // namespace

void copy_from_uncached(std::byte* to, const std::byte* from, std::size_t size) noexcept {
  const std::size_t into_line = reinterpret_cast<std::uintptr_t>(from) % kLine;
  const std::size_t before = std::min(size, (kLine - into_line) % kLine);
  if (size < kLine || !can_stream()) {
    std::memcpy(to, from, size);
    return;
  }
  std::memcpy(to, from, before);
  const std::size_t lines = (size - before) / kLine * kLine;
  stream_lines(to + before, from + before, lines);
  std::memcpy(to + before + lines, from + before + lines, size - before - lines);
}

}  // namespace viaduct
