// Patches: which bytes of a range changed, exactly. A byte that its side did not write is not in a patch, so
// two sides may write neighbouring bytes at the same time.
//
// A patch is a sequence of runs of 8-byte words, counted from the start of the range:
//
//   0      4                        8
//   +------+-----------------------+- - - -      bit 31 of count set: every byte changed, count * 8 bytes
//   | word | count and bit 31      |  bytes      otherwise, for each word, a byte whose bit i says that byte
//   i
//   +------+-----------------------+- - - -      changed, and the changed bytes
//
// Pure functions on memory that others may write meanwhile: each word is read once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace viaduct::transport {

inline constexpr std::uint32_t kWholeWords = 1u << 31;
// The most that a page can add to a patch.
inline constexpr std::size_t kMaxPagePatch = 12 * 1024;

// Appends the runs by which [from, from + size) of `bytes` differs from `snapshot` (both of the whole range,
// 8-aligned, as `from` and `size` are multiples of the page size), and makes the snapshot equal. Stops where
// `patch` exceeds `most` - kMaxPagePatch. Gives the place up to which it looked. `quiet`, of each page from
// the range's begin, if it is not null: at how many looks in a row it had not changed, up to 255.
std::size_t append_changes(const std::byte* bytes, std::byte* snapshot, std::size_t from, std::size_t size,
                           std::vector<std::byte>& patch, std::size_t most, std::uint8_t* quiet = nullptr);

// Applies a patch to the range and its snapshot. False if it is malformed or reaches beyond `size`, a
// multiple of 8; then a part of it may have been applied.
[[nodiscard]] bool apply_patch(std::span<const std::byte> patch, std::byte* bytes, std::byte* snapshot,
                               std::size_t size) noexcept;

}  // namespace viaduct::transport
