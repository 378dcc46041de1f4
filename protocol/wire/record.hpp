// The frame of every request on the ring. All records start at a multiple of 8 and are a multiple of 8 long.
//
//   offset 0   u32  command index (bits 0..30), reply wanted (bit 31)
//   offset 4   u32  size in bytes, this header included
//   offset 8   u32  reply slot       \ only when a reply is wanted
//   offset 12  u32  zero             /
//   then the body
#pragma once

#include <cstddef>
#include <cstdint>

namespace viaduct::protocol {

inline constexpr std::uint32_t kReplyWanted = 0x80000000u;
inline constexpr std::size_t kPostHeaderSize = 8;
inline constexpr std::size_t kCallHeaderSize = 16;
inline constexpr std::uint32_t kNullString = 0xffffffffu;

struct RecordHeader {
  std::uint32_t command;
  std::uint32_t size;
};
static_assert(sizeof(RecordHeader) == kPostHeaderSize);

}  // namespace viaduct::protocol
