// When a block is worth packing, how fast a stream is, and what a packed message may be.
#include "transport/mirror/packing.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cstring>
#include <random>
#include <thread>

#include "base/switches.hpp"
#include "base/unique_fd.hpp"
#include "transport/mirror/link_rate.hpp"
#include "transport/mirror/linked_lz4.hpp"
#include "transport/mirror/mirror_stream.hpp"
#include "transport/stream/unix_stream.hpp"

namespace viaduct::transport {
namespace {

using Bytes = std::vector<std::byte>;
constexpr std::size_t kBlock = std::size_t{128} << 10;
constexpr std::uint64_t kHalfNs =
    180'000;  // what LZ4 takes for a block of machine code, of which half is left
constexpr std::uint64_t k100Mbit = 12'500'000, k1Gbit = 125'000'000, k10Gbit = 1'250'000'000;

TEST(Payoff, HalvingPaysUpToAGigabitAndNotAtTen) {
  for (const auto& [rate, pays] : {std::pair{k100Mbit, true}, {k1Gbit, true}, {k10Gbit, false}}) {
    Payoff payoff;
    EXPECT_TRUE(payoff.worth_trying(kBlock, rate)) << "nothing is known yet";
    payoff.tried(kBlock, kBlock / 2, kHalfNs, rate);
    EXPECT_EQ(payoff.worth_trying(kBlock, rate), pays) << rate;
  }
}

TEST(Payoff, NothingIsTriedOfWhatIsSmallOrOnAStreamThatIsNeverFull) {
  Payoff payoff;
  EXPECT_FALSE(payoff.worth_trying(Payoff::kLeastBytes - 1, 1));
  EXPECT_FALSE(payoff.worth_trying(kBlock, 0));
  EXPECT_TRUE(payoff.worth_trying(Payoff::kLeastBytes, 1));
}

// Of so many bytes in blocks, how many blocks are tried while all are like this.
int tries(Payoff& payoff, std::size_t bytes, std::size_t packed, std::uint64_t ns, std::uint64_t rate) {
  int count = 0;
  for (std::size_t at = 0; at < bytes; at += kBlock) {
    if (!payoff.worth_trying(kBlock, rate)) continue;
    payoff.tried(kBlock, packed, ns, rate);
    ++count;
  }
  return count;
}

TEST(Payoff, WhatDoesNotShrinkIsTriedEachMebibyte) {
  Payoff payoff;
  tries(payoff, std::size_t{8} << 20, kBlock, 9'000, k100Mbit);
  EXPECT_EQ(tries(payoff, std::size_t{64} << 20, kBlock, 9'000, k100Mbit), 64);
}

TEST(Payoff, AStreamThatIsTooFastIsAskedEach16Mebibytes) {
  Payoff payoff;
  tries(payoff, std::size_t{64} << 20, kBlock / 2, kHalfNs, k10Gbit);
  EXPECT_EQ(tries(payoff, std::size_t{256} << 20, kBlock / 2, kHalfNs, k10Gbit), 16);
}

TEST(Payoff, WhenTheStreamSlowsDownPackingBeginsAtOnce) {
  Payoff payoff;
  tries(payoff, std::size_t{64} << 20, kBlock / 2, kHalfNs, k10Gbit);
  EXPECT_FALSE(payoff.worth_trying(kBlock, k10Gbit));
  EXPECT_TRUE(payoff.worth_trying(kBlock, k100Mbit));
}

TEST(Payoff, SmallBlocksThatDoNotPayAreNoReasonToLeaveLargeOnesAsTheyAre) {
  Payoff payoff;
  payoff.tried(kBlock, kBlock / 2, kHalfNs, k1Gbit);
  EXPECT_TRUE(payoff.worth_trying(8192, k1Gbit));
  payoff.tried(8192, 4096, 60'000, k1Gbit);
  EXPECT_FALSE(payoff.worth_trying(8192, k1Gbit));
  EXPECT_TRUE(payoff.worth_trying(kBlock, k1Gbit));
}

TEST(Payoff, WhatShrinksAgainIsPackedAgain) {
  Payoff payoff;
  tries(payoff, std::size_t{16} << 20, kBlock, 9'000, k100Mbit);
  EXPECT_GE(tries(payoff, std::size_t{2} << 20, kBlock / 2, kHalfNs, k100Mbit), 8);
  EXPECT_EQ(tries(payoff, std::size_t{2} << 20, kBlock / 2, kHalfNs, k100Mbit), 16);
}

TEST(LinkRate, IsWhatWasTakenBetweenTwoMomentsOfBeingFull) {
  const SocketPair pair = *make_socket_pair(SOCK_STREAM);
  LinkRate rate(pair.first.get());
  constexpr std::uint64_t kMs = 1'000'000;
  rate.took(200'000);
  rate.full(10 * kMs);
  EXPECT_EQ(rate.bytes_per_s(), 0u) << "what was taken before is the buffer's size";
  rate.writable(14 * kMs);
  rate.took(100'000);
  rate.full(15 * kMs);
  EXPECT_EQ(rate.bytes_per_s(), 20'000'000u);
  // The sender was away for most of the time: that says nothing.
  rate.writable(16 * kMs);
  rate.took(100'000);
  rate.full(100 * kMs);
  EXPECT_EQ(rate.bytes_per_s(), 20'000'000u);
  rate.took(std::size_t{5} << 20);
  EXPECT_EQ(rate.bytes_per_s(), 0u) << "it was never full";
}

TEST(LinkRate, OfTcpIsTheKernels) {
  const UniqueFd listener(::socket(AF_INET, SOCK_STREAM, 0));
  sockaddr_in here{};
  here.sin_family = AF_INET;
  here.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(here);
  auto* address = reinterpret_cast<sockaddr*>(&here);
  ASSERT_EQ(::bind(listener.get(), address, size), 0);
  ASSERT_EQ(::listen(listener.get(), 1), 0);
  ASSERT_EQ(::getsockname(listener.get(), address, &size), 0);
  const UniqueFd sender(::socket(AF_INET, SOCK_STREAM, 0));
  ASSERT_EQ(::connect(sender.get(), address, size), 0);
  const UniqueFd receiver(::accept(listener.get(), nullptr, nullptr));
  const LinkRate rate(sender.get());
  const Bytes bytes(std::size_t{1} << 20);
  std::thread reader([&] {
    Bytes buffer(65536);
    for (std::size_t got = 0; got < bytes.size();) {
      const ssize_t n = ::recv(receiver.get(), buffer.data(), buffer.size(), 0);
      ASSERT_GT(n, 0);
      got += static_cast<std::size_t>(n);
    }
  });
  for (std::size_t sent = 0; sent < bytes.size();) {
    const ssize_t n = ::send(sender.get(), bytes.data() + sent, bytes.size() - sent, 0);
    ASSERT_GT(n, 0);
    sent += static_cast<std::size_t>(n);
  }
  reader.join();
  EXPECT_GT(rate.bytes_per_s(), 0u);
}

void put_message(Bytes& to, MirrorKind kind, const Bytes& payload) {
  const MirrorHeader header{static_cast<std::uint32_t>(kind), static_cast<std::uint32_t>(payload.size())};
  const auto bytes = std::as_bytes(std::span(&header, 1));
  to.insert(to.end(), bytes.begin(), bytes.end());
  to.insert(to.end(), payload.begin(), payload.end());
}

Bytes messages_of(std::size_t payload, std::byte what) {
  Bytes messages;
  put_message(messages, MirrorKind::patch, Bytes(payload, what));
  return messages;
}

class PackingTest : public testing::Test {
 protected:
  PackingTest() { packer_.pack_whatever_shrinks(); }

  Bytes packed(const Bytes& messages) {
    const auto made = packer_.pack(messages, 0);
    return {made.begin(), made.end()};
  }
  // What an inbox says to a stream of these bytes; what it hands on is appended to heard_.
  const char* hear(const Bytes& stream, const Lz4* lz4 = &linked_lz4()) {
    SocketPair pair = *make_socket_pair(SOCK_STREAM);
    std::thread sender([&] {
      (void)::send(pair.first.get(), stream.data(), stream.size(), MSG_NOSIGNAL);
      ::shutdown(pair.first.get(), SHUT_WR);
    });
    MirrorInbox inbox(pair.second.get(), lz4);
    const char* wrong = inbox.run(
        [this](MirrorKind kind, std::span<const std::byte> payload) -> const char* {
          if (kind == MirrorKind::packed) return "not packed to anybody here";
          put_message(heard_, kind, {payload.begin(), payload.end()});
          return nullptr;
        },
        [] {});
    ::shutdown(pair.second.get(), SHUT_RDWR);
    sender.join();
    return wrong;
  }
  static Bytes with_size(const Bytes& packed, std::uint32_t size) {
    Bytes changed = packed;
    std::memcpy(changed.data() + sizeof(MirrorHeader), &size, sizeof(size));
    return changed;
  }

  Packer packer_{linked_lz4()};
  Bytes heard_;
};

TEST_F(PackingTest, WhatWasPackedArrivesAsItWas) {
  Bytes messages = messages_of(3000, std::byte{7});
  for (int i = 0; i < 20; ++i)
    put_message(messages, MirrorKind::bytes,
                Bytes(static_cast<std::size_t>(i) * 50, static_cast<std::byte>(i)));
  const Bytes stream = packed(messages);
  ASSERT_FALSE(stream.empty());
  EXPECT_LT(stream.size(), messages.size() / 8);
  EXPECT_EQ(hear(stream), nullptr);
  EXPECT_EQ(heard_, messages);
}

TEST_F(PackingTest, TheLargestMessageCanBePacked) {
  const Bytes messages = messages_of(kMaxMirrorPayload, std::byte{7});
  EXPECT_EQ(packable(messages), messages.size());
  EXPECT_EQ(hear(packed(messages)), nullptr);
  EXPECT_EQ(heard_, messages);
}

TEST_F(PackingTest, MessagesAreTakenTogetherAsFarAsTheyFit) {
  Bytes messages = messages_of(kMaxMirrorPayload - 100, std::byte{7});
  const std::size_t first = messages.size();
  put_message(messages, MirrorKind::bytes, Bytes(90));
  put_message(messages, MirrorKind::bytes, Bytes(90));
  EXPECT_EQ(packable(messages), first + sizeof(MirrorHeader) + 90);
}

TEST_F(PackingTest, RandomBytesAreNotPacked) {
  std::mt19937 random(3);
  Bytes payload(kBlock - 100);
  for (std::byte& byte : payload) byte = static_cast<std::byte>(random());
  Bytes messages;
  put_message(messages, MirrorKind::patch, payload);
  EXPECT_TRUE(packed(messages).empty());
}

TEST_F(PackingTest, ASizeThatIsNotTheBlocksIsNonsense) {
  const Bytes stream = packed(messages_of(5000, std::byte{1}));
  for (const std::uint32_t size : {5007u, 5009u, 4000u, 100'000u})
    EXPECT_STREQ(hear(with_size(stream, size)), "a packed message is no LZ4 block of the size that it says");
  for (const std::uint32_t size :
       {0u, static_cast<std::uint32_t>(kMaxUnpacked + 1), 0x7fffffffu, 0xffffffffu})
    EXPECT_STREQ(hear(with_size(stream, size)),
                 "a packed message says that it unpacks to more than the limit, or to nothing");
  EXPECT_TRUE(heard_.empty());
}

TEST_F(PackingTest, ABlockThatIsCutOffOrNoneIsNonsense) {
  Bytes stream;
  put_message(stream, MirrorKind::packed, Bytes(4));
  EXPECT_STREQ(hear(stream), "a packed message is cut off");
  stream.clear();
  put_message(stream, MirrorKind::packed, Bytes(300, std::byte{0xff}));
  EXPECT_NE(hear(stream), nullptr);
  const Bytes good = packed(messages_of(5000, std::byte{1}));
  Bytes payload(good.begin() + sizeof(MirrorHeader), good.end() - 3);
  stream.clear();
  put_message(stream, MirrorKind::packed, payload);
  EXPECT_STREQ(hear(stream), "a packed message is no LZ4 block of the size that it says");
  EXPECT_TRUE(heard_.empty());
}

TEST_F(PackingTest, MessagesThatAreNotWholeOrPackedTwiceAreNonsense) {
  Bytes messages = messages_of(5000, std::byte{1});
  messages.pop_back();
  EXPECT_STREQ(hear(packed(messages)), "a packed message ends within a message");
  messages = messages_of(5000, std::byte{1});
  messages.resize(messages.size() + 3);
  EXPECT_STREQ(hear(packed(messages)), "a packed message ends within a message");
  for (const MirrorKind kind : {MirrorKind::packed, MirrorKind::unpacks}) {
    messages.clear();
    put_message(messages, kind, Bytes(5000));
    EXPECT_STREQ(hear(packed(messages)), "a packed message has one in it that may not be packed");
  }
}

TEST_F(PackingTest, WithoutTheLibraryAPackedMessageIsOneThatNobodySends) {
  EXPECT_STREQ(hear(packed(messages_of(5000, std::byte{1})), nullptr), "not packed to anybody here");
}

TEST(Lz4Library, IsLoadedAsItIsLinkedUnlessItIsSwitchedOff) {
  const Lz4* loaded = loaded_lz4();
  ASSERT_NE(loaded, nullptr) << "liblz4-1 is not installed";
  EXPECT_EQ(loaded->state_bytes, linked_lz4().state_bytes);
  set_switches_for_test("", "no_compression");
  EXPECT_EQ(loaded_lz4(), nullptr);
  set_switches_for_test("", "");
}

}  // namespace
}  // namespace viaduct::transport
