#include "host-renderer/schedule/gpu_gate.hpp"

#include <gtest/gtest.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <climits>
#include <thread>

namespace viaduct::host {
namespace {

class GpuGateTest : public testing::Test {
 protected:
  void set(Gate gate) {
    page_.gate.store(static_cast<uint32_t>(gate));
    ::syscall(SYS_futex, &page_.gate, FUTEX_WAKE, INT_MAX, nullptr, nullptr, 0);
  }
  // Whether the next submission had to wait; it waits in a thread until `release` has been called.
  template <class Release>
  bool waits(const Release& release) {
    std::atomic<bool> passed{false};
    bool waited = false;
    std::thread submits([&] {
      gate_.pass([&] { waited = true; });
      passed = true;
    });
    while (!passed && claims_.waiting_since_ns == 0) std::this_thread::yield();
    release();
    submits.join();
    return waited;
  }

  GatePage page_{};
  GateClaims claims_{};
  std::atomic<int> calls_{0};
  std::atomic<bool> gone_{false};
  GpuGate gate_{page_, claims_, {[this] { ++calls_; }, [this] { return gone_.load(); }}};
};

TEST_F(GpuGateTest, alone_nothing_waits) {
  for (int i = 0; i < 100; ++i) {
    gate_.pass([] { ADD_FAILURE() << "it waits"; });
    gate_.submitted(now_ns());
  }
  EXPECT_EQ(calls_, 0);
  EXPECT_EQ(claims_.waited_ns, 0u);
}

TEST_F(GpuGateTest, the_daemon_is_called_once_for_each_time_it_asks) {
  page_.call = 1;
  for (int i = 0; i < 3; ++i) gate_.pass([] {});
  EXPECT_EQ(calls_, 1);
  page_.call = 2;
  for (int i = 0; i < 3; ++i) gate_.pass([] {});
  EXPECT_EQ(calls_, 2);
}

TEST_F(GpuGateTest, a_closed_gate_holds_a_submission_until_it_opens) {
  page_.depth = 2;
  set(Gate::closed);
  EXPECT_TRUE(waits([&] {
    EXPECT_NE(claims_.waiting_since_ns, 0u);
    set(Gate::open);
  }));
  EXPECT_EQ(claims_.waiting_since_ns, 0u);
  EXPECT_GT(claims_.waited_ns, 0u);
  set(Gate::closed);
  EXPECT_TRUE(waits([&] { set(Gate::free); }));
}

TEST_F(GpuGateTest, nobody_waits_for_those_who_are_gone) {
  set(Gate::closed);
  EXPECT_TRUE(waits([&] { gone_ = true; }));
}

TEST_F(GpuGateTest, so_much_may_be_unfinished_and_no_more) {
  page_.depth = 2;
  set(Gate::open);
  for (int i = 0; i < 2; ++i) {
    gate_.pass([] { ADD_FAILURE() << "it waits"; });
    gate_.submitted(now_ns());
  }
  EXPECT_TRUE(waits([&] { gate_.completed(); }));
  gate_.submitted(now_ns());
  // What never ends, because it waits for what comes after it, holds up for a while only.
  EXPECT_TRUE(waits([] {}));
}

TEST_F(GpuGateTest, busy_time_is_that_in_which_something_is_unfinished) {
  const uint64_t began = now_ns();
  gate_.submitted(began);
  EXPECT_EQ(claims_.busy_since_ns, began);
  gate_.submitted(now_ns());
  gate_.completed();
  EXPECT_EQ(claims_.busy_since_ns, began);
  EXPECT_EQ(claims_.busy_ns, 0u);
  gate_.completed();
  const uint64_t first = claims_.busy_ns;
  EXPECT_EQ(claims_.busy_since_ns, 0u);
  EXPECT_LE(first, now_ns() - began);
  // One that the driver had been asked for before the last one ended counts from that end.
  gate_.submitted(began);
  EXPECT_GT(claims_.busy_since_ns, began);
  gate_.completed();
  EXPECT_LE(claims_.busy_ns, now_ns() - began);
}

TEST_F(GpuGateTest, a_cap_holds_on_the_whole_and_makes_nothing_up) {
  constexpr uint64_t kInterval = 2'000'000;
  gate_.pace_frame([] { ADD_FAILURE() << "there is no cap"; });
  page_.frame_interval_ns = kInterval;
  gate_.pace_frame([] {});
  const uint64_t began = now_ns();
  constexpr int kFrames = 20;
  for (int i = 0; i < kFrames; ++i) gate_.pace_frame([] {});
  EXPECT_GE(now_ns() - began, kInterval * (kFrames - 1));
  // After a pause the next two frames are as far apart as ever.
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  gate_.pace_frame([] { ADD_FAILURE() << "it is late already"; });
  const uint64_t late = now_ns();
  gate_.pace_frame([] {});
  EXPECT_GE(now_ns() - late + kInterval / 2, kInterval);
}

}  // namespace
}  // namespace viaduct::host
