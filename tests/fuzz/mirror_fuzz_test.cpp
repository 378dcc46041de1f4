// What a worker reads of a guest without shared memory, against mutated streams, packed ones too: the same
// inputs on every machine. VIADUCT_FUZZ_SECONDS lets it run on. Whatever arrives, the words that the host
// writes stay its own.
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>

#include <chrono>
#include <cstdlib>
#include <cstring>
#include <random>
#include <thread>

#include "transport/mirror/host_mirror.hpp"
#include "transport/mirror/linked_lz4.hpp"
#include "transport/mirror/packing.hpp"
#include "transport/mirror/patch.hpp"
#include "transport/stream/socket_io.hpp"
#include "transport/stream/unix_stream.hpp"
#include "transport/wait/atomics.hpp"

namespace viaduct::transport {
namespace {

using Bytes = std::vector<std::byte>;
constexpr RegionLayout kLayout{(2 << 20) + (1 << 20), 2 << 20};
constexpr std::uint64_t kArena = kLayout.control_size;

template <class T>
void put(Bytes& to, const T& value) {
  const auto bytes = std::as_bytes(std::span(&value, 1));
  to.insert(to.end(), bytes.begin(), bytes.end());
}
void put_message(Bytes& to, MirrorKind kind, const Bytes& payload) {
  put(to, MirrorHeader{static_cast<std::uint32_t>(kind), static_cast<std::uint32_t>(payload.size())});
  to.insert(to.end(), payload.begin(), payload.end());
}

// What an honest guest sends.
Bytes honest() {
  Bytes stream;
  Bytes payload;
  put(payload, MirrorTrack{5, kArena, 16 * kPageSize});
  put_message(stream, MirrorKind::track, payload);
  payload.clear();
  put(payload, MirrorTrack{6, kArena + 32 * kPageSize, 4 * kPageSize});
  put_message(stream, MirrorKind::track, payload);
  Bytes bytes(16 * kPageSize), snapshot(16 * kPageSize);
  for (std::size_t i = 0; i < 900; i += 3) bytes[i] = std::byte{9};
  std::memset(bytes.data() + 3 * kPageSize, 4, 600);
  payload.clear();
  put(payload, std::uint64_t{5});
  append_changes(bytes.data(), snapshot.data(), 0, bytes.size(), payload, kMaxMirrorPayload);
  put_message(stream, MirrorKind::patch, payload);
  payload.clear();
  put(payload, RegionLayout::kChunkOffset);
  payload.resize(payload.size() + 128, std::byte{1});
  put_message(stream, MirrorKind::bytes, payload);
  for (std::uint64_t sequence = 1; sequence <= 2; ++sequence) {
    payload.clear();
    put(payload, RingDescriptor{RegionLayout::kChunkOffset, 64, 1, 0, sequence});
    put_message(stream, MirrorKind::publish, payload);
  }
  payload.clear();
  put(payload, std::uint64_t{6});
  put_message(stream, MirrorKind::untrack, payload);
  return stream;
}

// The same in a packed message, or `inner` in one.
Bytes packed(const Bytes& inner) {
  Bytes stream;
  Bytes payload;
  put(payload, kPackedAsLz4);
  put_message(stream, MirrorKind::unpacks, payload);
  Packer packer(linked_lz4());
  packer.pack_whatever_shrinks();
  const auto message = packer.pack(inner, 0);
  stream.insert(stream.end(), message.begin(), message.end());
  return stream;
}

void mutate(Bytes& bytes, std::mt19937& random) {
  const auto any = [&random](std::size_t below) { return std::size_t{random()} % below; };
  switch (any(5)) {
    case 0:
      bytes.resize(any(bytes.size() + 40));
      break;
    case 1:
    case 2:  // a word that is a size, an offset, a token
      for (std::size_t at = any(bytes.size() / 4 + 1) * 4, i = 0; i < 4 && at + i < bytes.size(); ++i) {
        constexpr unsigned char kExtremes[] = {0, 1, 0x7f, 0x80, 0xff};
        bytes[at + i] = std::byte{kExtremes[any(5)]};
      }
      break;
    case 3: {  // the headers are where most decisions are made
      const std::size_t at = any(std::min<std::size_t>(bytes.size(), 120) + 1);
      if (at < bytes.size()) bytes[at] = static_cast<std::byte>(random());
      break;
    }
    default:
      for (std::size_t i = any(4) + 1; i > 0 && !bytes.empty(); --i) {
        bytes[any(bytes.size())] = static_cast<std::byte>(random());
      }
  }
}

// What only the host writes, guest().parked and consumed_wanted being its own mirror's.
Bytes host_part(RegionView view) {
  Bytes all;
  const auto take = [&](std::uint64_t from, std::uint64_t to) {
    all.insert(all.end(), view.bytes(from), view.bytes(to));
  };
  take(0, RegionLayout::kGuestWordsOffset);
  take(RegionLayout::kHostWordsOffset, RegionLayout::kRingOffset);
  take(RegionLayout::kReplyOffset, RegionLayout::kChunkOffset);
  return all;
}

// Whether the stream was accepted to its end.
bool feed(const Bytes& stream) {
  const Region region = *Region::initialise(*Region::create_memfd("fuzz", kLayout), kLayout);
  const Bytes before = host_part(region.view());
  SocketPair pair = *make_socket_pair(SOCK_STREAM);
  auto host = *HostMirror::create(region, pair.second.get(), &linked_lz4());
  EXPECT_TRUE(host->start());
  if (!stream.empty()) (void)send_on_socket(pair.first.get(), stream, {}, Deadline::after_ms(10'000));
  ::shutdown(pair.first.get(), SHUT_WR);
  pollfd gone{host->gone_fd(), 0, 0};
  EXPECT_EQ(::poll(&gone, 1, 20'000), 1);
  EXPECT_EQ(host_part(region.view()), before);
  EXPECT_LE(load_acquire(region.view().guest().published), 2u);
  return host->error() == nullptr;
}

TEST(MirrorFuzz, an_honest_stream_is_accepted) {
  EXPECT_TRUE(feed(honest()));
  EXPECT_TRUE(feed(packed(honest())));
  EXPECT_LT(packed(honest()).size(), honest().size());
}

// ThreadSanitizer looks at the threads of a session, of which a few show all, and takes its time.
#ifdef __SANITIZE_THREAD__
constexpr int kPart = 5;
#else
constexpr int kPart = 1;
#endif

// Feeds what `make` makes, `all` times or until the time is over; some of it is accepted and some is not.
template <class Make>
void feed_many(int all, const Make& make) {
  const int least = all / kPart;
  const char* seconds = std::getenv("VIADUCT_FUZZ_SECONDS");
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(seconds ? std::atoi(seconds) : 0);
  std::mt19937 random(3);
  int rounds = 0;
  int accepted = 0;
  while (rounds < least || std::chrono::steady_clock::now() < end) {
    accepted += feed(make(random)) ? 1 : 0;
    ++rounds;
  }
  EXPECT_GT(accepted, 0) << "the mutations are too wild to test anything behind the first check";
  EXPECT_LT(accepted, rounds) << "nothing is ever refused";
}

Bytes mutated(Bytes bytes, std::mt19937& random) {
  for (std::size_t i = random() % 3 + 1; i > 0; --i) mutate(bytes, random);
  return bytes;
}

TEST(MirrorFuzz, mutated_streams_end_the_session_or_do_no_harm) {
  feed_many(500, [seed = honest()](std::mt19937& random) { return mutated(seed, random); });
}

TEST(MirrorFuzz, mutated_packed_messages_end_the_session_or_do_no_harm) {
  feed_many(250, [seed = packed(honest())](std::mt19937& random) { return mutated(seed, random); });
}

TEST(MirrorFuzz, mutated_streams_that_travel_packed_end_the_session_or_do_no_harm) {
  feed_many(250, [seed = honest()](std::mt19937& random) {
    const Bytes inner = mutated(seed, random);
    // A mutation may have left nothing that can be packed.
    const Bytes stream = packed(inner);
    return stream.size() > 2 * sizeof(MirrorHeader) ? stream : inner;
  });
}

}  // namespace
}  // namespace viaduct::transport
