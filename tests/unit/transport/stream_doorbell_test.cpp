#include "transport/wait/stream_doorbell.hpp"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>

#include <thread>

#include "tests/unit/transport/plain_region.hpp"
#include "transport/ring/completion.hpp"
#include "transport/stream/unix_stream.hpp"
#include "transport/wait/parker.hpp"
#include "transport/wait/waker.hpp"

namespace viaduct::transport {
namespace {

bool readable(int fd) {
  pollfd poll_fd{fd, POLLIN, 0};
  return ::poll(&poll_fd, 1, 0) > 0 && (poll_fd.revents & POLLIN) != 0;
}

class StreamDoorbellTest : public testing::Test {
 protected:
  SocketPair pair_ = *make_socket_pair(SOCK_STREAM);
  StreamBell bell_{pair_.first.get()};
  StreamEar ear_ = *StreamEar::create(pair_.second.get());
};

TEST_F(StreamDoorbellTest, ARingIsHeardUntilItIsDrained) {
  EXPECT_FALSE(readable(ear_.fd()));
  bell_.ring();
  EXPECT_TRUE(readable(ear_.fd()));
  ear_.drain();
  EXPECT_FALSE(readable(ear_.fd()));
}

TEST_F(StreamDoorbellTest, ManyRingsMerge) {
  for (int i = 0; i < 1000; ++i) bell_.ring();
  ear_.drain();
  EXPECT_FALSE(readable(ear_.fd()));
}

TEST_F(StreamDoorbellTest, RingingOnesOwnEarWakesOneselfAndNotThePeer) {
  ear_.ring();
  EXPECT_TRUE(readable(ear_.fd()));
  EXPECT_FALSE(readable(pair_.first.get()));
  ear_.drain();
  EXPECT_FALSE(readable(ear_.fd()));
}

TEST_F(StreamDoorbellTest, AFullStreamDoesNotBlockARing) {
  const char bytes[4096] = {};
  while (::send(pair_.first.get(), bytes, sizeof(bytes), MSG_DONTWAIT | MSG_NOSIGNAL) > 0) {
  }
  bell_.ring();
  EXPECT_TRUE(readable(ear_.fd()));
  ear_.drain();
  EXPECT_FALSE(readable(ear_.fd()));
}

TEST_F(StreamDoorbellTest, ARingAfterThePeersDeathIsHarmless) {
  pair_.second.reset();
  bell_.ring();
  bell_.ring();
}

TEST_F(StreamDoorbellTest, AGuestsThreadsWakeByItAndByTheirOwnNews) {
  PlainRegion memory;
  const RegionView region = memory.view();
  Parker parker(region, ear_, pair_.second.get());
  PeerWaker waker(region.guest().parked, bell_);
  std::thread host([&] {
    for (std::uint64_t value = 1; value <= 200; ++value) {
      while (load_relaxed(region.guest().parked) == 0) std::this_thread::yield();
      store_completion(region.completion(0), value);
      waker.wake_if_parked();
    }
  });
  for (std::uint64_t value = 1; value <= 200; ++value) {
    const auto ready = [&] { return load_completion(region.completion(0)).value >= value; };
    ASSERT_EQ(parker.wait(ready), WaitResult::ready);
    // The host may be looking for a sleeper already: give it one.
    (void)parker.wait([] { return false; }, {.deadline = Deadline::after_ms(1)});
  }
  host.join();

  std::atomic<bool> news{false};
  std::thread own([&] {
    while (load_relaxed(region.guest().parked) == 0) std::this_thread::yield();
    news = true;
    parker.reconsider();
  });
  EXPECT_EQ(parker.wait([&] { return news.load(); }), WaitResult::ready);
  own.join();
}

TEST_F(StreamDoorbellTest, ThePeersDeathEndsAWait) {
  PlainRegion memory;
  Parker parker(memory.view(), ear_, pair_.second.get());
  std::thread host([&] {
    while (load_relaxed(memory.view().guest().parked) == 0) std::this_thread::yield();
    pair_.first.reset();
  });
  EXPECT_EQ(parker.wait([] { return false; }), WaitResult::lost);
  host.join();
}

}  // namespace
}  // namespace viaduct::transport
