// A GPU that does one thing at a time, made of steps: whoever may and wants to is busy, and those who are at
// the same time divide the step.
#include "host-renderer/schedule/fair_shares.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <vector>

namespace viaduct::host {
namespace {

constexpr uint64_t kStep = 2'000'000;

struct User {
  // Whether it wants the GPU at a time; how many of its programs are busy then.
  std::function<bool(uint64_t)> wants = [](uint64_t) { return true; };
  uint64_t programs = 1;
  TenantTurn turn;
  uint64_t had = 0;
};

class Gpu {
 public:
  explicit Gpu(SharePolicy policy) : policy_(policy) {}
  User& add(double share = 0) {
    users_.push_back(std::make_unique<User>());
    users_.back()->turn.share = share;
    return *users_.back();
  }
  void run(uint64_t ns) {
    for (const uint64_t end = now_ + ns; now_ < end; now_ += kStep) step();
  }
  void step() {
    std::vector<uint64_t> busy;
    std::vector<User*> of;
    for (const auto& user : users_) {
      user->turn.wants = user->wants(now_);
      user->turn.used_ns = 0;
      if (!user->turn.wants || user->turn.closed) continue;
      for (uint64_t i = 0; i < user->programs; ++i) {
        busy.push_back(kStep);
        of.push_back(user.get());
      }
    }
    divide_overlap(kStep, busy);
    std::vector<TenantTurn*> turns;
    for (std::size_t i = 0; i < busy.size(); ++i) {
      of[i]->turn.used_ns += busy[i];
      of[i]->had += busy[i];
    }
    for (const auto& user : users_) turns.push_back(&user->turn);
    step_turns(policy_, kStep, turns);
  }
  SharePolicy policy_;
  uint64_t now_ = 0;
  std::vector<std::unique_ptr<User>> users_;
};

constexpr uint64_t kFive = 5'000'000'000;

double percent(const User& user, uint64_t of = kFive) {
  return 100 * static_cast<double>(user.had) / static_cast<double>(of);
}

TEST(FairShares, equal_share_is_equal_however_many_programs_a_tenant_has) {
  for (const std::size_t tenants : {2u, 3u, 8u}) {
    Gpu gpu(SharePolicy::equal_share);
    for (std::size_t i = 0; i < tenants; ++i) gpu.add().programs = i == 0 ? 10 : 1;
    gpu.run(kFive);
    for (const auto& user : gpu.users_) EXPECT_NEAR(percent(*user), 100.0 / static_cast<double>(tenants), 1);
  }
}

TEST(FairShares, equal_share_hands_idle_time_on) {
  Gpu gpu(SharePolicy::equal_share);
  User& greedy = gpu.add();
  User& light = gpu.add();
  // 4 of 16 ms.
  light.wants = [](uint64_t now) { return now % 16'000'000 < 4'000'000; };
  gpu.run(kFive);
  // It shares the first of its two steps with what the greedy one had begun.
  EXPECT_GT(percent(light), 18);
  // Who was held back hears a step later that the light one has finished: one of the eight steps of a period.
  EXPECT_GE(percent(greedy) + percent(light), 100 - 12.6);
}

TEST(FairShares, who_comes_late_or_rests_neither_owes_nor_is_owed) {
  Gpu gpu(SharePolicy::equal_share);
  User& first = gpu.add();
  gpu.run(kFive);
  User& late = gpu.add();
  first.had = 0;
  gpu.run(kFive);
  EXPECT_NEAR(percent(first), 50, 1);
  EXPECT_NEAR(percent(late), 50, 1);
  // After a long rest it gets what it did not take for a moment only.
  late.wants = [](uint64_t) { return false; };
  gpu.run(kFive);
  late.wants = [](uint64_t) { return true; };
  first.had = late.had = 0;
  gpu.run(1'000'000'000);
  EXPECT_NEAR(percent(first, 1'000'000'000), 50, 14);
  first.had = late.had = 0;
  gpu.run(kFive);
  EXPECT_NEAR(percent(first), 50, 1);
}

TEST(FairShares, fixed_share_gives_each_its_percent_and_no_more) {
  Gpu gpu(SharePolicy::fixed_share);
  for (const double share : {10, 20, 30, 40}) gpu.add(share);
  gpu.users_[0]->programs = 10;
  gpu.run(kFive);
  for (const auto& user : gpu.users_) EXPECT_NEAR(percent(*user), user->turn.share, 1);
  Gpu alone(SharePolicy::fixed_share);
  alone.add(25);
  alone.run(kFive);
  EXPECT_NEAR(percent(*alone.users_[0]), 25, 1);
}

TEST(FairShares, best_effort_closes_nobody_and_a_switch_takes_effect_at_once) {
  Gpu gpu(SharePolicy::best_effort);
  User& greedy = gpu.add();
  greedy.programs = 3;
  User& other = gpu.add();
  gpu.run(kFive);
  EXPECT_NEAR(percent(greedy), 75, 0.1);
  gpu.policy_ = SharePolicy::equal_share;
  greedy.turn = other.turn = {};
  greedy.had = other.had = 0;
  gpu.run(kFive);
  EXPECT_NEAR(percent(greedy), 50, 1);
}

TEST(FairShares, somebody_may_always_go_on) {
  for (const SharePolicy policy : {SharePolicy::best_effort, SharePolicy::equal_share}) {
    Gpu gpu(policy);
    for (uint64_t i = 0; i < 5; ++i) {
      gpu.add().wants = [i](uint64_t now) { return (now / kStep * (i + 3) + now / 7 / kStep) % 5 < 3; };
    }
    for (int step = 0; step < 5000; ++step) {
      gpu.step();
      gpu.now_ += kStep;
      const bool wanted = std::any_of(gpu.users_.begin(), gpu.users_.end(),
                                      [](const auto& user) { return user->turn.wants; });
      const bool open = std::any_of(gpu.users_.begin(), gpu.users_.end(),
                                    [](const auto& user) { return user->turn.wants && !user->turn.closed; });
      ASSERT_EQ(wanted, open) << "step " << step;
    }
  }
}

TEST(FairShares, overlap_is_divided_and_what_does_not_overlap_is_left) {
  std::vector<uint64_t> busy = {100, 100, 200};
  divide_overlap(200, busy);
  EXPECT_EQ(busy, (std::vector<uint64_t>{50, 50, 100}));
  busy = {100, 90};
  divide_overlap(200, busy);
  EXPECT_EQ(busy, (std::vector<uint64_t>{100, 90}));
}

TEST(FairShares, names_are_those_of_the_settings) {
  for (const SharePolicy policy :
       {SharePolicy::best_effort, SharePolicy::equal_share, SharePolicy::fixed_share}) {
    EXPECT_EQ(parse_share_policy(share_policy_name(policy)), policy);
  }
  EXPECT_FALSE(parse_share_policy("fair"));
}

}  // namespace
}  // namespace viaduct::host
