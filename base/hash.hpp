// Hashes: FNV-1a for names that go on the wire, and a fast 64-bit hash for keys that stay in one process.
//
// Neither resists an adversary: a table keyed by hash_bytes compares the whole key as well.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

namespace viaduct {

// FNV-1a, 32 bits (http://www.isthe.com/chongo/tech/comp/fnv/): part of the handshake, so it never changes.
constexpr std::uint32_t fnv1a32(std::string_view text) noexcept {
  std::uint32_t hash = 0x811c9dc5u;
  for (const char c : text) {
    hash ^= static_cast<std::uint8_t>(c);
    hash *= 0x01000193u;
  }
  return hash;
}

namespace detail {
inline std::uint64_t mix64(std::uint64_t a, std::uint64_t b) noexcept {
#if defined(__SIZEOF_INT128__)
  __extension__ using Wide = unsigned __int128;
  const Wide product = static_cast<Wide>(a) * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
#else
  std::uint64_t x = a ^ (b << 32 | b >> 32);
  x *= 0x9e3779b97f4a7c15u;
  x ^= x >> 32;
  x *= 0xd6e8feb86659fd93u;
  return x ^ (x >> 29);
#endif
}
}  // namespace detail

// Not stable between builds or byte orders: never on the wire.
inline std::uint64_t hash_bytes(std::span<const std::byte> bytes) noexcept {
  constexpr std::uint64_t kA = 0x9e3779b97f4a7c15u;
  constexpr std::uint64_t kB = 0xc2b2ae3d27d4eb4fu;
  const std::byte* at = bytes.data();
  std::size_t left = bytes.size();
  std::uint64_t hash = kB ^ left;
  while (left >= 16) {
    std::uint64_t words[2];
    std::memcpy(words, at, 16);
    hash = detail::mix64(words[0] ^ kA ^ hash, words[1] ^ kB) + hash;
    at += 16;
    left -= 16;
  }
  if (left > 0) {
    std::uint64_t words[2] = {0, 0};
    std::memcpy(words, at, left);
    hash = detail::mix64(words[0] ^ kA ^ hash, words[1] ^ kB) + hash;
  }
  return detail::mix64(hash ^ kA, kB ^ bytes.size());
}

}  // namespace viaduct
