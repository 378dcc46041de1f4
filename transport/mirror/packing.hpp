// Packed messages: whole messages of a mirror's stream, compressed, where that is quicker than sending them.
//
// Payoff decides. What it goes by is measured: the rate at which the stream takes bytes while there are more
// (LinkRate), what was left of the last block that was compressed, and the time that the last few took, on
// the clock: on a processor that others use too, it takes longer. A block is worth compressing if the time
// that its saved bytes take on the stream exceeds the price, that time and a quarter (unpacking takes a sixth
// to a tenth of packing). Where it would not be, a block is tried now and then, less and less often while
// that stays so: what does not shrink costs next to nothing to try (LZ4 skips through random bytes at 15
// GB/s, machine code takes it 1.6 ns a byte), what shrinks on a stream that is too fast costs more.
//
// Packer and Unpacker have their memory from the start. One thread at a time each.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "transport/mirror/lz4.hpp"
#include "transport/mirror/message.hpp"

namespace viaduct::transport {

class Payoff {
 public:
  // Of smaller ones less is saved (a third of 1 KiB of machine code, which is 3 us on 1 Gbit/s) than their
  // price with the question for the rate is.
  static constexpr std::size_t kLeastBytes = 4096;

  // `bytes_per_s`: the stream's rate, 0 if it is not known.
  bool worth_trying(std::size_t size, std::uint64_t bytes_per_s) noexcept;
  // `packed`: what was left, `size` if it did not shrink; `ns`: the time it took.
  void tried(std::size_t size, std::size_t packed, std::uint64_t ns, std::uint64_t bytes_per_s) noexcept;

 private:
  static constexpr std::uint64_t kLeastPause = std::uint64_t{256} << 10;
  static constexpr std::uint64_t kMostPauseOfCheap = std::uint64_t{1} << 20;
  static constexpr std::uint64_t kMostPause = std::uint64_t{16} << 20;

  // Small blocks and large ones each have their record: a byte of a small one has the higher price.
  static constexpr std::size_t kLarge = std::size_t{32} << 10;

  struct Record {
    bool pays(std::uint64_t bytes_per_s) const noexcept;

    // A byte of it: of the last attempt, and of the last few.
    bool tried = false;
    double saved = 1;
    double price_ns = 0;
    std::uint64_t pause = kLeastPause;  // bytes from one attempt to the next while it does not pay
    std::uint64_t passed = 0;           // of those
  };

  Record small_, large_;
};

class Packer {
 public:
  // `lz4` outlives this. May throw std::bad_alloc.
  explicit Packer(const Lz4& lz4);

  // For tests, as VIADUCT_DEBUG=compression: what shrinks is packed, however fast the stream.
  void pack_whatever_shrinks() noexcept { always_ = true; }
  // Asked first, since knowing the rate costs a system call.
  bool wants(std::size_t size) const noexcept { return size >= Payoff::kLeastBytes; }
  // The packed message, header included, that unpacks to `messages` (whole ones, at most kMaxUnpacked); empty
  // if they are to be sent as they are. Valid until the next call.
  std::span<const std::byte> pack(std::span<const std::byte> messages, std::uint64_t bytes_per_s) noexcept;

 private:
  const Lz4& lz4_;
  std::vector<std::byte> state_;
  std::vector<std::byte> packed_;
  Payoff payoff_;
  bool always_;
};

class Unpacker {
 public:
  explicit Unpacker(const Lz4& lz4);

  // Of a packed message's payload, which is hostile, the messages; null, and the reason in `wrong`, if it
  // makes no sense. Valid until the next call.
  std::span<const std::byte> unpack(std::span<const std::byte> payload, const char*& wrong) noexcept;

 private:
  const Lz4& lz4_;
  std::vector<std::byte> bytes_;
};

// How many bytes the whole messages at the front of `messages` have, of as many as fit into kMaxUnpacked. All
// are whole and none is larger: this side made them.
std::size_t packable(std::span<const std::byte> messages) noexcept;

}  // namespace viaduct::transport
