#include "host-renderer/schedule/fair_shares.hpp"

#include <algorithm>
#include <limits>
#include <numeric>
#include <utility>

namespace viaduct::host {
namespace {

constexpr struct {
  SharePolicy policy;
  const char* name;
} kNames[] = {{SharePolicy::best_effort, "best-effort"},
              {SharePolicy::equal_share, "equal-share"},
              {SharePolicy::fixed_share, "fixed-share"}};

void step_equal(std::span<TenantTurn* const> turns) {
  std::optional<int64_t> slowest;  // of those that want the GPU
  std::optional<int64_t> fastest;
  for (TenantTurn* turn : turns) {
    if (!turn->known) continue;
    turn->clock_ns += static_cast<int64_t>(turn->used_ns);
    if (turn->wants) slowest = std::min(slowest.value_or(turn->clock_ns), turn->clock_ns);
    fastest = std::max(fastest.value_or(turn->clock_ns), turn->clock_ns);
  }
  // Who comes has neither credit nor debt.
  const int64_t start = slowest.value_or(fastest.value_or(0));
  const int64_t least = fastest.value_or(start) - kMostBehindNs;
  int64_t first = std::numeric_limits<int64_t>::max();
  for (TenantTurn* turn : turns) {
    if (!std::exchange(turn->known, true)) turn->clock_ns = start;
    turn->clock_ns = std::max(turn->clock_ns, least);
    if (turn->wants) first = std::min(first, turn->clock_ns);
  }
  for (TenantTurn* turn : turns) turn->closed = turn->wants && turn->clock_ns - first > kMostAheadNs;
}

void step_fixed(uint64_t passed_ns, std::span<TenantTurn* const> turns) {
  for (TenantTurn* turn : turns) {
    const auto income = static_cast<int64_t>(static_cast<double>(passed_ns) * turn->share / 100);
    turn->saved_ns = std::min(turn->saved_ns + income - static_cast<int64_t>(turn->used_ns), kMostSavedNs);
    turn->closed = turn->saved_ns < 0;
  }
}

}  // namespace

std::optional<SharePolicy> parse_share_policy(std::string_view name) {
  for (const auto& each : kNames) {
    if (name == each.name) return each.policy;
  }
  return std::nullopt;
}

const char* share_policy_name(SharePolicy policy) {
  for (const auto& each : kNames) {
    if (policy == each.policy) return each.name;
  }
  return "unknown";
}

void step_turns(SharePolicy policy, uint64_t passed_ns, std::span<TenantTurn* const> turns) {
  switch (policy) {
    case SharePolicy::best_effort:
      for (TenantTurn* turn : turns) turn->closed = false;
      return;
    case SharePolicy::equal_share:
      return step_equal(turns);
    case SharePolicy::fixed_share:
      return step_fixed(passed_ns, turns);
  }
}

void divide_overlap(uint64_t passed_ns, std::span<uint64_t> busy_ns) {
  const uint64_t sum = std::accumulate(busy_ns.begin(), busy_ns.end(), uint64_t{0});
  if (sum <= passed_ns) return;
  for (uint64_t& each : busy_ns) {
    each = static_cast<uint64_t>(static_cast<double>(each) * static_cast<double>(passed_ns) /
                                 static_cast<double>(sum));
  }
}

}  // namespace viaduct::host
