// The layout of a session's region: what lies where, and who may write it.
//
//   0                          control_size                       region_size
//   +------------------------------+-------------------------------------+
//   | control area (8 MiB default) | arena (sparse; 4 KiB pages)         |
//   +------------------------------+-------------------------------------+
//   control area:
//     0x000000  RegionHeader      written by the host before the guest has the region, read once by the guest
//     0x000100  GuestWords        single writer: the guest
//     0x000200  HostWords         single writer: the worker
//     0x001000  CompletionSlot    x 256, written by the worker
//     0x005000  RingDescriptor    x 4096, written by the guest
//     0x025000  ReplySlot         x 64 (64-byte header, 16 KiB payload), written by the worker
//     0x126000  chunks            16 KiB each, up to control_size, written by the guest
//
// All words are little-endian and naturally aligned. Shared counters are single-writer words: nobody does a
// read-modify-write on them. A guest can write anything anywhere at any time: the host computes the layout
// from its own two sizes and believes nothing that it reads here without a check.
#pragma once

#include <cstddef>
#include <cstdint>

namespace viaduct::transport {

inline constexpr std::uint64_t kRegionMagic = 0x314e475243544456u;  // "VDTCRGN1"
inline constexpr std::uint32_t kRegionVersion = 1;

inline constexpr std::size_t kPageSize = 4096;
inline constexpr std::size_t kChunkSize = 16 * 1024;
inline constexpr std::uint32_t kRingCapacity = 4096;  // a power of two
inline constexpr std::uint32_t kCompletionSlots = 256;
inline constexpr std::uint32_t kReplySlots = 64;
inline constexpr std::size_t kReplyPayload = 16 * 1024;
inline constexpr std::size_t kDefaultControlSize = 8u << 20;

// 256 bytes.
//   0        8         12         16            24           32
//   +--------+---------+----------+-------------+------------+----------
//   | magic  | version | reserved | region_size | control_   | offsets...
//   +--------+---------+----------+-------------+------------+----------
struct RegionHeader {
  std::uint64_t magic;
  std::uint32_t version;
  std::uint32_t reserved0;
  std::uint64_t region_size;
  std::uint64_t control_size;
  std::uint64_t completion_offset;
  std::uint64_t ring_offset;
  std::uint64_t reply_offset;
  std::uint64_t chunk_offset;
  std::uint32_t ring_capacity;
  std::uint32_t completion_slots;
  std::uint32_t reply_slots;
  std::uint32_t chunk_size;
  std::uint64_t reserved[22];
};
static_assert(sizeof(RegionHeader) == 256);
static_assert(offsetof(RegionHeader, ring_capacity) == 64);

// One line that the host polls (published), one that it reads only after it stored something (parked,
// wanted).
//   0x00 published        how many descriptors have been written, ever
//   0x80 parked           0: no guest thread sleeps; otherwise the number of this sleep (never the same
//   twice) 0x88 consumed_wanted  0: nobody waits for `consumed`; otherwise ring the doorbell only once it
//   reaches this
struct GuestWords {
  std::uint64_t published;
  std::uint64_t reserved0[15];
  std::uint64_t parked;
  std::uint64_t consumed_wanted;
  std::uint64_t reserved1[14];
};
static_assert(sizeof(GuestWords) == 256);
static_assert(offsetof(GuestWords, parked) == 128 && offsetof(GuestWords, consumed_wanted) == 136);

//   0x00 consumed         how many descriptors' spans have been copied out; their memory is the guest's again
//   0x08 session_status   a SessionStatus; once it is not `running` it never changes
//   0x0c messages         how many messages for the guest were queued, ever (modulo 2^32)
//   0x80 parked           0: the decode thread is awake; otherwise the number of this sleep
struct HostWords {
  std::uint64_t consumed;
  std::uint32_t session_status;
  std::uint32_t messages;
  std::uint64_t reserved1[14];
  std::uint64_t parked;
  std::uint64_t reserved2[15];
};
static_assert(sizeof(HostWords) == 256);
static_assert(offsetof(HostWords, session_status) == 8 && offsetof(HostWords, messages) == 12 &&
              offsetof(HostWords, parked) == 128);

enum class SessionStatus : std::uint32_t {
  running = 0,
  ended = 1,        // in order
  bad_data = 2,     // the guest's bytes made no sense
  device_lost = 3,  // the host's device is lost
  limit = 4,        // a limit that ends sessions was passed
  internal = 5,
};

// 64 bytes. `result` is stored before `value` (release): who sees a value sees a result at least as new.
//   0       8        12
//   +-------+--------+----------
//   | value | result | reserved
//   +-------+--------+----------
struct CompletionSlot {
  std::uint64_t value;
  std::int32_t result;  // a VkResult; not 0: lost, latched
  std::uint32_t reserved0;
  std::uint64_t reserved1[6];
};
static_assert(sizeof(CompletionSlot) == 64);

enum class SpanKind : std::uint32_t {
  stream = 1,          // a sequence of records, command_buffer_id is 0
  command_buffer = 2,  // records of one command buffer
};

// 32 bytes.
//   0        8      12     16                  24         32
//   +--------+------+------+-------------------+----------+
//   | offset | size | kind | command_buffer_id | sequence |
//   +--------+------+------+-------------------+----------+
// `offset` counts from the start of the region and, like `size`, is a multiple of 8. `sequence` is the
// descriptor's ordinal from 1; it lies in ring entry (sequence - 1) mod kRingCapacity.
struct RingDescriptor {
  std::uint64_t offset;
  std::uint32_t size;
  std::uint32_t kind;
  std::uint64_t command_buffer_id;
  std::uint64_t sequence;
};
static_assert(sizeof(RingDescriptor) == 32);

// 64 bytes and the payload. `sequence` counts the replies that were written into this slot; it is stored last
// (release). With kReplyMore in flags the payload holds the first `size` bytes of `total_size`.
//   0          8      12           16      20
//   +----------+------+------------+-------+---------- - - -+-----------+
//   | sequence | size | total_size | flags | reserved       | payload   |
//   +----------+------+------------+-------+---------- - - -+-----------+
struct ReplySlot {
  std::uint64_t sequence;
  std::uint32_t size;
  std::uint32_t total_size;
  std::uint32_t flags;
  std::uint32_t reserved0;
  std::uint64_t reserved1[5];
  std::byte payload[kReplyPayload];
};
static_assert(sizeof(ReplySlot) == 64 + kReplyPayload && offsetof(ReplySlot, payload) == 64);
inline constexpr std::uint32_t kReplyMore = 1u;

// Where everything is, a pure function of the two sizes; each side computes its own.
struct RegionLayout {
  std::uint64_t region_size = 0;
  std::uint64_t control_size = 0;

  static constexpr std::uint64_t kGuestWordsOffset = 256;
  static constexpr std::uint64_t kHostWordsOffset = 512;
  static constexpr std::uint64_t kCompletionOffset = kPageSize;
  static constexpr std::uint64_t kRingOffset = kCompletionOffset + kCompletionSlots * sizeof(CompletionSlot);
  static constexpr std::uint64_t kReplyOffset = kRingOffset + kRingCapacity * sizeof(RingDescriptor);
  static constexpr std::uint64_t kChunkOffset =
      (kReplyOffset + kReplySlots * sizeof(ReplySlot) + kPageSize - 1) / kPageSize * kPageSize;
  static constexpr std::uint64_t kMinControlSize = kChunkOffset + 8 * kChunkSize;

  constexpr std::uint64_t arena_offset() const { return control_size; }
  constexpr std::uint64_t arena_size() const { return region_size - control_size; }
  constexpr std::uint32_t chunk_count() const {
    return static_cast<std::uint32_t>((control_size - kChunkOffset) / kChunkSize);
  }
  constexpr std::uint64_t chunk_offset(std::uint32_t index) const {
    return kChunkOffset + std::uint64_t{index} * kChunkSize;
  }
  // Whether the sizes make a region at all.
  constexpr bool valid() const {
    return control_size >= kMinControlSize && control_size % kPageSize == 0 && region_size >= control_size &&
           region_size % kPageSize == 0 && region_size <= (std::uint64_t{1} << 46);
  }
};
static_assert(RegionLayout::kRingOffset == 0x5000 && RegionLayout::kReplyOffset == 0x25000 &&
              RegionLayout::kChunkOffset == 0x126000);
static_assert(RegionLayout{kDefaultControlSize, kDefaultControlSize}.valid());

}  // namespace viaduct::transport
