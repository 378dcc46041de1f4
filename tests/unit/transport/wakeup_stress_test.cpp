// No wake-up is lost: both ends of a session sleep as often as they can, every time-out is off, and the runs
// end.
//
// Spinning is switched off in two of them, so each wait goes through the sleep handshake. A lost wake-up
// hangs the test, which ctest's time-out turns into a failure.
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <mutex>
#include <thread>
#include <vector>

#include "base/switches.hpp"
#include "transport/ring/completion.hpp"
#include "transport/ring/reply.hpp"
#include "transport/ring/ring.hpp"
#include "transport/stream/unix_stream.hpp"
#include "transport/wait/host_parker.hpp"
#include "transport/wait/parker.hpp"

namespace viaduct::transport {
namespace {

std::uint64_t rounds() {
  const char* given = std::getenv("VIADUCT_STRESS_ROUNDS");
  return given != nullptr ? std::strtoull(given, nullptr, 10) : 20'000;
}

constexpr std::uint32_t kThreads = 3;

// What both ends map or hold; made before any fork.
struct Session {
  Session()
      : region(make_region()),
        control(std::move(*make_socket_pair(SOCK_STREAM))),
        to_host(std::move(*EventDoorbell::create_eventfd())),
        to_guest(std::move(*EventDoorbell::create_eventfd())) {}

  static Region make_region() {
    const RegionLayout layout{kDefaultControlSize + (1 << 20), kDefaultControlSize};
    auto fd = Region::create_memfd("stress", layout);
    return std::move(*Region::initialise(std::move(*fd), layout));
  }

  Region region;
  SocketPair control;
  EventDoorbell to_host;
  EventDoorbell to_guest;
};

// The host: for each span, its command buffer id tells the reply slot; it answers, and completes in a second
// thread. Ends when the guest hangs up. Gives how many spans it saw.
std::uint64_t serve(Session& session) {
  const RegionView region = session.region.view();
  PeerWaker waker(region.guest().parked, session.to_guest);
  RingConsumer consumer(region, waker);
  ReplyWriter replies(region, waker);
  HostParker parker(region, session.to_host, session.control.second.get());
  const auto ready = [&consumer] { return consumer.has_work(); };
  std::uint64_t seen = 0;
  for (;;) {
    const HostWake woken = parker.wait(ready);
    if (woken == HostWake::peer_closed) return seen;
    Span span;
    while (consumer.next(span) == RingConsumer::Next::span) {
      const auto thread = static_cast<std::uint32_t>(span.command_buffer_id - 1);
      consumer.release();
      ++seen;
      const std::byte bytes[8] = {};
      if (seen % 2 == 0) {
        EXPECT_TRUE(replies.write(thread, bytes, 8));
        store_completion(region.completion(thread), load_completion(region.completion(thread)).value + 1);
        waker.wake_if_parked();
      } else {
        store_completion(region.completion(thread), load_completion(region.completion(thread)).value + 1);
        EXPECT_TRUE(replies.write(thread, bytes, 8));
      }
    }
    if (consumer.error().reason != nullptr) {
      ADD_FAILURE() << consumer.error().reason;
      return seen;
    }
  }
}

// The guest: threads that publish one span each and wait for its reply, or its completion, or for its
// consumption.
void play(Session& session, std::uint64_t n) {
  const RegionView region = session.region.view();
  Parker parker(region, session.to_guest, session.control.first.get());
  RingProducer producer(region, session.to_host);
  std::mutex publish_lock;
  ReplySlots slots(region);
  std::vector<std::thread> threads;
  for (std::uint32_t thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([&, thread] {
      for (std::uint64_t i = 1; i <= n; ++i) {
        const std::uint64_t expected = slots.expect(thread);
        std::uint64_t sequence;
        {
          const std::lock_guard lock(publish_lock);
          sequence = producer.publish({RegionLayout::kChunkOffset, 64, SpanKind::command_buffer, thread + 1});
        }
        ASSERT_NE(sequence, 0u);
        producer.wake_host();
        if (i % 3 == 0) {
          ASSERT_EQ(parker.wait_consumed(sequence), WaitResult::ready);
        }
        if (i % 2 == 0) {
          ASSERT_EQ(parker.wait([&] { return load_completion(region.completion(thread)).value >= i; }),
                    WaitResult::ready);
        }
        ASSERT_EQ(parker.wait([&] { return slots.ready(thread, expected); }), WaitResult::ready);
      }
    });
  }
  for (auto& thread : threads) thread.join();
}

// The handshake alone, thousands of times a millisecond, both sides as nearly at once as can be: in each
// round the sleeper sees the counter's new value or the publisher rings. Without either fence this fails
// within seconds on x86.
TEST(SleepHandshake, NeverDoBothSidesMissEachOther) {
  constexpr std::uint64_t kBatch = 4096;
  struct alignas(128) Word {
    std::uint64_t value = 0;
  };
  struct CountingBell final : Doorbell {
    void ring() noexcept override { ++rings; }
    int fd() const noexcept override { return -1; }
    void drain() noexcept override {}
    std::uint64_t rings = 0;
  };
  std::vector<Word> parked(kBatch);
  std::vector<Word> counter(kBatch);
  std::vector<Word> rang(kBatch);
  std::vector<Word> saw(kBatch);
  std::atomic<std::uint64_t> publisher_at{0};
  std::atomic<std::uint64_t> sleeper_at{0};
  // Both arrive, then a delay that wanders, so that every skew between the two comes up.
  const auto meet = [](std::atomic<std::uint64_t>& own, std::atomic<std::uint64_t>& other,
                       std::uint64_t round, std::uint64_t delay) {
    own.store(round, std::memory_order_release);
    for (int spins = 0; other.load(std::memory_order_acquire) < round; ++spins) {
      if (spins % 1000 == 999) std::this_thread::yield();
    }
    for (std::uint64_t i = 0; i < delay; ++i) cpu_relax();
  };
  std::uint64_t missed = 0;
  const Deadline end = Deadline::after_ms(2000);  // a time, since a busy machine makes each meeting slow
  for (std::uint64_t batch = 0; batch < rounds() / 50 && !end.expired(); ++batch) {
    for (std::uint64_t i = 0; i < kBatch; ++i) parked[i] = counter[i] = rang[i] = saw[i] = Word{};
    publisher_at = 0;
    sleeper_at = 0;
    std::thread publisher([&] {
      for (std::uint64_t i = 0; i < kBatch; ++i) {
        CountingBell bell;
        PeerWaker waker(parked[i].value, bell);
        meet(publisher_at, sleeper_at, i + 1, i % 13);
        store_release(counter[i].value, 1);
        waker.wake_if_parked();
        rang[i].value = bell.rings;
      }
    });
    for (std::uint64_t i = 0; i < kBatch; ++i) {
      meet(sleeper_at, publisher_at, i + 1, i % 17);
      store_relaxed(parked[i].value, 1);
      full_fence();
      saw[i].value = load_acquire(counter[i].value);
    }
    publisher.join();
    for (std::uint64_t i = 0; i < kBatch; ++i) missed += rang[i].value == 0 && saw[i].value == 0 ? 1 : 0;
  }
  EXPECT_EQ(missed, 0u);
}

class WakeupStress : public testing::Test {
 protected:
  void SetUp() override { set_switches_for_test("", "no_spin"); }
  void TearDown() override { set_switches_for_test("", ""); }
};

TEST_F(WakeupStress, NoWakeUpIsLostBetweenThreads) {
  Session session;
  std::uint64_t seen = 0;
  std::thread host([&] { seen = serve(session); });
  play(session, rounds());
  session.control.first.reset();
  host.join();
  EXPECT_EQ(seen, rounds() * kThreads);
}

TEST_F(WakeupStress, NoWakeUpIsLostBetweenThreadsThatSpinABit) {
  set_switches_for_test("", "");
  Session session;
  std::uint64_t seen = 0;
  std::thread host([&] { seen = serve(session); });
  play(session, rounds());
  session.control.first.reset();
  host.join();
  EXPECT_EQ(seen, rounds() * kThreads);
}

TEST_F(WakeupStress, NoWakeUpIsLostBetweenProcesses) {
  Session session;
  const pid_t host = ::fork();
  if (host == 0) {
    session.control.first.reset();
    const std::uint64_t seen = serve(session);
    ::_exit(seen == rounds() * kThreads && !testing::Test::HasFailure() ? 0 : 1);
  }
  session.control.second.reset();
  play(session, rounds());
  session.control.first.reset();
  int status = -1;
  ASSERT_EQ(::waitpid(host, &status, 0), host);
  EXPECT_EQ(status, 0);
}

TEST_F(WakeupStress, NoWakeUpIsLostWhenTheProcessesSpinABit) {
  set_switches_for_test("", "");
  Session session;
  const pid_t host = ::fork();
  if (host == 0) {
    session.control.first.reset();
    const std::uint64_t seen = serve(session);
    ::_exit(seen == rounds() * kThreads && !testing::Test::HasFailure() ? 0 : 1);
  }
  session.control.second.reset();
  play(session, rounds());
  session.control.first.reset();
  int status = -1;
  ASSERT_EQ(::waitpid(host, &status, 0), host);
  EXPECT_EQ(status, 0);
}

}  // namespace
}  // namespace viaduct::transport
