// The messages that carry a region over its control stream where there is no shared memory (RegionKind none).
// They begin after the welcome, in both directions, and are all that the stream carries from then on.
//
// Each side has a region of its own with the same layout. What travels is what one side wrote and the other
// must see; the stream's order is the order of the stores, so bytes come before the counter that publishes
// them.
//
//   0      4      8
//   +------+------+- - - - - -+
//   | kind | size |  payload  |     size <= kMaxMirrorPayload, little-endian, nothing is padded
//   +------+------+- - - - - -+
//
//   guest to host   track       u64 token, u64 offset, u64 size: from here on the range of the arena holds
//                               zeroes on both sides, and patches name it by the token
//                   untrack     u64 token
//                   bytes       u64 offset, then bytes of a span, for chunks or the arena
//                   publish     RingDescriptor: of the next sequence number; `published` becomes that number
//   both            patch       u64 token, then runs (transport/mirror/patch.hpp)
//                   unpacks     u32 1: who sends it reads packed messages of LZ4 blocks. The host says so
//                               first, to a guest whose hello says that it knows these two; then the guest
//                   packed      u32 size, then an LZ4 block that unpacks to so many bytes: whole messages
//                               (neither packed nor unpacks), of kMaxUnpacked bytes at most; to those only
//                               who sent unpacks
//   host to guest   words       u64 consumed, u32 session_status, u32 messages
//                   completion  u32 slot, i32 result, u64 value
//                   reply       u64 sequence, u32 slot, u32 size, u32 total_size, u32 flags, then the bytes
#pragma once

#include <cstddef>
#include <cstdint>

namespace viaduct::transport {

enum class MirrorKind : std::uint32_t {
  track = 1,
  untrack = 2,
  patch = 3,
  bytes = 4,
  publish = 5,
  words = 6,
  completion = 7,
  reply = 8,
  unpacks = 9,
  packed = 10,
};

inline constexpr std::size_t kMaxMirrorPayload = std::size_t{128} << 10;

inline constexpr std::uint32_t kPackedAsLz4 = 1;

struct MirrorHeader {
  std::uint32_t kind;
  std::uint32_t size;
};
// The largest message fits.
inline constexpr std::size_t kMaxUnpacked = kMaxMirrorPayload + sizeof(MirrorHeader);
struct MirrorTrack {
  std::uint64_t token;
  std::uint64_t offset;
  std::uint64_t size;
};
struct MirrorWords {
  std::uint64_t consumed;
  std::uint32_t session_status;
  std::uint32_t messages;
  bool operator==(const MirrorWords&) const = default;
};
struct MirrorCompletion {
  std::uint32_t slot;
  std::int32_t result;
  std::uint64_t value;
};
struct MirrorReply {
  std::uint64_t sequence;
  std::uint32_t slot;
  std::uint32_t size;
  std::uint32_t total_size;
  std::uint32_t flags;
};
static_assert(sizeof(MirrorHeader) == 8 && sizeof(MirrorTrack) == 24 && sizeof(MirrorWords) == 16);
static_assert(sizeof(MirrorCompletion) == 16 && sizeof(MirrorReply) == 24);

}  // namespace viaduct::transport
