#include "transport/mirror/packing.hpp"

#include <algorithm>
#include <cstring>

#include "base/clock.hpp"
#include "base/switches.hpp"

namespace viaduct::transport {

namespace {

constexpr double kUnpacking = 1.25;  // of the price: unpacking, and what is copied besides

char* chars(std::byte* bytes) noexcept { return reinterpret_cast<char*>(bytes); }
const char* chars(const std::byte* bytes) noexcept { return reinterpret_cast<const char*>(bytes); }

}  // namespace

bool Payoff::Record::pays(std::uint64_t bytes_per_s) const noexcept {
  return saved * 1e9 / static_cast<double>(bytes_per_s) > price_ns;
}

bool Payoff::worth_trying(std::size_t size, std::uint64_t bytes_per_s) noexcept {
  if (size < kLeastBytes || bytes_per_s == 0) return false;
  Record& record = size < kLarge ? small_ : large_;
  if (record.pays(bytes_per_s)) return true;
  record.passed += size;
  if (record.passed < record.pause) return false;
  record.passed = 0;
  return true;
}

void Payoff::tried(std::size_t size, std::size_t packed, std::uint64_t ns,
                   std::uint64_t bytes_per_s) noexcept {
  Record& record = size < kLarge ? small_ : large_;
  const auto bytes = static_cast<double>(size);
  record.saved = static_cast<double>(size - packed) / bytes;
  const double price = static_cast<double>(ns) * kUnpacking / bytes;
  record.price_ns = record.tried ? (3 * record.price_ns + price) / 4 : price;
  record.tried = true;
  const std::uint64_t most = packed == size ? kMostPauseOfCheap : kMostPause;
  record.pause = record.pays(bytes_per_s) ? kLeastPause : std::min(2 * record.pause, most);
}

Packer::Packer(const Lz4& lz4)
    : lz4_(lz4),
      state_(lz4.state_bytes),
      packed_(kMaxMirrorPayload),
      always_(debug_enabled(DebugSwitch::compression)) {}

std::span<const std::byte> Packer::pack(std::span<const std::byte> messages,
                                        std::uint64_t bytes_per_s) noexcept {
  if (!always_ && !payoff_.worth_trying(messages.size(), bytes_per_s)) return {};
  const auto unpacked = static_cast<std::uint32_t>(messages.size());
  constexpr std::size_t kHead = sizeof(MirrorHeader) + sizeof(unpacked);
  // What does not shrink by an eighth counts as not shrinking, and LZ4 gives up early.
  const std::size_t room = std::min(packed_.size() - kHead, messages.size() - messages.size() / 8);
  const std::uint64_t begin = now_ns();
  const int size = lz4_.compress(state_.data(), chars(messages.data()), chars(packed_.data() + kHead),
                                 static_cast<int>(messages.size()), static_cast<int>(room), 1);
  const bool shrunk = size > 0;
  payoff_.tried(messages.size(), shrunk ? static_cast<std::size_t>(size) : messages.size(), now_ns() - begin,
                bytes_per_s);
  if (!shrunk) return {};
  const MirrorHeader header{static_cast<std::uint32_t>(MirrorKind::packed),
                            static_cast<std::uint32_t>(sizeof(unpacked)) + static_cast<std::uint32_t>(size)};
  std::memcpy(packed_.data(), &header, sizeof(header));
  std::memcpy(packed_.data() + sizeof(header), &unpacked, sizeof(unpacked));
  return std::span<const std::byte>(packed_).first(kHead + static_cast<std::size_t>(size));
}

Unpacker::Unpacker(const Lz4& lz4) : lz4_(lz4), bytes_(kMaxUnpacked) {}

std::span<const std::byte> Unpacker::unpack(std::span<const std::byte> payload, const char*& wrong) noexcept {
  std::uint32_t size = 0;
  if (payload.size() <= sizeof(size)) {
    wrong = "a packed message is cut off";
    return {};
  }
  std::memcpy(&size, payload.data(), sizeof(size));
  payload = payload.subspan(sizeof(size));
  if (size == 0 || size > bytes_.size()) {
    wrong = "a packed message says that it unpacks to more than the limit, or to nothing";
    return {};
  }
  const int got = lz4_.decompress(chars(payload.data()), chars(bytes_.data()),
                                  static_cast<int>(payload.size()), static_cast<int>(size));
  if (got < 0 || static_cast<std::uint32_t>(got) != size) {
    wrong = "a packed message is no LZ4 block of the size that it says";
    return {};
  }
  return std::span<const std::byte>(bytes_).first(size);
}

std::size_t packable(std::span<const std::byte> messages) noexcept {
  std::size_t size = 0;
  while (size < messages.size()) {
    MirrorHeader header;
    std::memcpy(&header, messages.data() + size, sizeof(header));
    const std::size_t next = size + sizeof(header) + header.size;
    if (next > kMaxUnpacked) break;
    size = next;
  }
  return size;
}

}  // namespace viaduct::transport
