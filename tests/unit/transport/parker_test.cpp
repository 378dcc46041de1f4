#include "transport/wait/parker.hpp"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <thread>
#include <vector>

#include "tests/unit/transport/plain_region.hpp"
#include "transport/ring/completion.hpp"
#include "transport/ring/ring.hpp"
#include "transport/stream/unix_stream.hpp"
#include "transport/wait/host_parker.hpp"

namespace viaduct::transport {
namespace {

class ParkerTest : public testing::Test {
 protected:
  static UniqueFd eventfd() { return std::move(*EventDoorbell::create_eventfd()); }
  void wait_until_parked() const {
    while (load_relaxed(region_.guest().parked) == 0) std::this_thread::yield();
  }
  auto completion_reaches(std::uint32_t slot, std::uint64_t value) const {
    return [this, slot, value] { return load_completion(region_.completion(slot)).value >= value; };
  }

  PlainRegion memory_;
  RegionView region_ = memory_.view();
  SocketPair control_ = *make_socket_pair(SOCK_STREAM);
  EventDoorbell to_guest_{eventfd()};
  EventDoorbell to_host_{eventfd()};
  PeerWaker waker_{region_.guest().parked, to_guest_};
  Parker parker_{region_, to_guest_, control_.first.get()};
};

TEST_F(ParkerTest, ReturnsAtOnceForWhatIsReady) {
  store_completion(region_.completion(0), 5);
  EXPECT_EQ(parker_.wait(completion_reaches(0, 5)), WaitResult::ready);
  EXPECT_EQ(load_relaxed(region_.guest().parked), 0u);
}

TEST_F(ParkerTest, TimesOutAfterTheDeadlineAndNotBefore) {
  const std::uint64_t start = now_ns();
  EXPECT_EQ(parker_.wait(completion_reaches(0, 1), {.deadline = Deadline::after_ms(30)}),
            WaitResult::timeout);
  EXPECT_GE(now_ns() - start, 30'000'000u);
  EXPECT_EQ(parker_.wait(completion_reaches(0, 1), {.deadline = Deadline::after_ns(0)}), WaitResult::timeout);
  EXPECT_EQ(load_relaxed(region_.guest().parked), 0u);
}

TEST_F(ParkerTest, AParkedThreadWakesWhenTheHostCompletes) {
  std::thread host([&] {
    wait_until_parked();
    store_completion(region_.completion(3), 9);
    waker_.wake_if_parked();
  });
  EXPECT_EQ(parker_.wait(completion_reaches(3, 9)), WaitResult::ready);
  host.join();
}

TEST_F(ParkerTest, EachOfManyThreadsWakesForItsOwnReason) {
  constexpr std::uint32_t kThreads = 6;
  std::atomic<int> woken{0};
  std::vector<std::thread> threads;
  for (std::uint32_t i = 0; i < kThreads; ++i) {
    threads.emplace_back([&, i] {
      EXPECT_EQ(parker_.wait(completion_reaches(i, 1)), WaitResult::ready);
      ++woken;
    });
  }
  // The last comes first, so that leaders as well as followers leave early.
  for (std::uint32_t done = 0; done < kThreads; ++done) {
    wait_until_parked();
    store_completion(region_.completion(kThreads - 1 - done), 1);
    waker_.wake_if_parked();
    while (woken.load() < static_cast<int>(done) + 1) std::this_thread::yield();
  }
  for (auto& thread : threads) thread.join();
}

TEST_F(ParkerTest, FollowersTimeOutWhileTheLeaderWaitsOnAndTheOtherWayRound) {
  std::thread forever([&] { EXPECT_EQ(parker_.wait(completion_reaches(0, 1)), WaitResult::ready); });
  wait_until_parked();
  EXPECT_EQ(parker_.wait(completion_reaches(1, 1), {.deadline = Deadline::after_ms(20)}),
            WaitResult::timeout);
  store_completion(region_.completion(0), 1);
  waker_.wake_if_parked();
  forever.join();

  std::thread brief([&] {
    EXPECT_EQ(parker_.wait(completion_reaches(1, 1), {.deadline = Deadline::after_ms(50)}),
              WaitResult::timeout);
  });
  wait_until_parked();
  std::thread follower([&] { EXPECT_EQ(parker_.wait(completion_reaches(2, 1)), WaitResult::ready); });
  brief.join();
  wait_until_parked();
  store_completion(region_.completion(2), 1);
  waker_.wake_if_parked();
  follower.join();
}

TEST_F(ParkerTest, TheDeathOfTheWorkerWakesEveryParkedThread) {
  std::vector<std::thread> threads;
  for (std::uint32_t i = 0; i < 4; ++i) {
    threads.emplace_back([&, i] { EXPECT_EQ(parker_.wait(completion_reaches(i, 1)), WaitResult::lost); });
  }
  wait_until_parked();
  control_.second.reset();
  for (auto& thread : threads) thread.join();
  EXPECT_TRUE(parker_.lost());
  // Latched: what is ready is still ready, everything else is lost at once.
  EXPECT_EQ(parker_.wait(completion_reaches(0, 1)), WaitResult::lost);
  store_completion(region_.completion(0), 1);
  EXPECT_EQ(parker_.wait(completion_reaches(0, 1)), WaitResult::ready);
}

TEST_F(ParkerTest, AProcessKilledAtTheOtherEndIsNoticedWithinASecond) {
  const pid_t worker = ::fork();
  if (worker == 0) {
    control_.first.reset();
    for (;;) ::pause();
  }
  control_.second.reset();
  std::thread waiter([&] { EXPECT_EQ(parker_.wait(completion_reaches(0, 1)), WaitResult::lost); });
  wait_until_parked();
  EXPECT_FALSE(parker_.check_lost());
  const std::uint64_t start = now_ns();
  ::kill(worker, SIGKILL);
  waiter.join();
  EXPECT_LT(now_ns() - start, 1'000'000'000u);
  ::waitpid(worker, nullptr, 0);
}

TEST_F(ParkerTest, ASessionThatTheHostEndsIsLost) {
  std::thread waiter([&] { EXPECT_EQ(parker_.wait(completion_reaches(0, 1)), WaitResult::lost); });
  wait_until_parked();
  store_release(region_.host().session_status, static_cast<std::uint32_t>(SessionStatus::bad_data));
  waker_.wake_if_parked();
  waiter.join();
}

TEST_F(ParkerTest, AThreadThatNeverWaitsNoticesTheLossByLooking) {
  EXPECT_FALSE(parker_.check_lost());
  control_.second.reset();
  const std::uint64_t start = now_ns();
  while (!parker_.check_lost()) ASSERT_LT(now_ns() - start, 1'000'000'000u);
  EXPECT_TRUE(parker_.lost());
}

TEST_F(ParkerTest, GivingUpLocallyWakesLeaderAndFollowers) {
  std::vector<std::thread> threads;
  for (std::uint32_t i = 0; i < 3; ++i) {
    threads.emplace_back([&, i] { EXPECT_EQ(parker_.wait(completion_reaches(i, 1)), WaitResult::lost); });
  }
  wait_until_parked();
  parker_.set_lost();
  for (auto& thread : threads) thread.join();
}

TEST_F(ParkerTest, AWaitForRingSpaceIsAnnouncedAndEnds) {
  RingProducer producer(region_, to_host_);
  RingConsumer consumer(region_, waker_);
  for (int i = 0; i < 5; ++i) producer.publish({RegionLayout::kChunkOffset, 64, SpanKind::stream, 0});
  std::thread waiter([&] { EXPECT_EQ(parker_.wait_consumed(3), WaitResult::ready); });
  wait_until_parked();
  EXPECT_EQ(load_relaxed(region_.guest().consumed_wanted), 3u);
  Span span;
  for (int i = 0; i < 3; ++i) {
    ASSERT_EQ(consumer.next(span), RingConsumer::Next::span);
    consumer.release();
  }
  waiter.join();
  EXPECT_EQ(load_relaxed(region_.guest().consumed_wanted), 0u);
}

TEST_F(ParkerTest, TheHostWakesForWorkForADeadPeerForAttentionAndForTheDeadline) {
  const UniqueFd attention = eventfd();
  const int watched[] = {attention.get()};
  HostParker host(region_, to_host_, control_.second.get(), watched);
  RingProducer producer(region_, to_host_);
  RingConsumer consumer(region_, waker_);
  const auto ready = [&] { return consumer.has_work(); };

  EXPECT_EQ(host.wait(ready, Deadline::after_ms(5)), HostWake::timeout);
  std::thread guest([&] {
    while (load_relaxed(region_.host().parked) == 0) std::this_thread::yield();
    producer.publish({RegionLayout::kChunkOffset, 64, SpanKind::stream, 0});
    producer.wake_host();
  });
  EXPECT_EQ(host.wait(ready), HostWake::ready);
  guest.join();
  EXPECT_EQ(load_relaxed(region_.host().parked), 0u);

  Span span;
  ASSERT_EQ(consumer.next(span), RingConsumer::Next::span);
  consumer.release();
  const std::uint64_t one = 1;
  ASSERT_EQ(::write(attention.get(), &one, sizeof(one)), static_cast<ssize_t>(sizeof(one)));
  EXPECT_EQ(host.wait(ready), HostWake::attention);
  EXPECT_EQ(host.attention_fd(), attention.get());
  control_.first.reset();
  EXPECT_EQ(host.wait(ready), HostWake::peer_closed);
}

}  // namespace
}  // namespace viaduct::transport
