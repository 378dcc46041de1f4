// Whose turn it is on the GPU: what each policy makes of the time that tenants have taken and of who wants
// more. Arithmetic only; time is told, so that tests and the daemon's event loop use the same.
//
// equal-share is fair queueing by start times: every tenant has a clock that runs while it has the GPU, and
// whose clock is ahead of the slowest that wants the GPU has to wait. Who wants nothing holds nobody up, and
// what it did not take is forgotten after a while. fixed-share gives a tenant its percent of the time and no
// more: time comes in steadily, and whose time is used up has to wait, whether others want the GPU or not.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace viaduct::host {

enum class SharePolicy { best_effort, equal_share, fixed_share };

[[nodiscard]] std::optional<SharePolicy> parse_share_policy(std::string_view name);
[[nodiscard]] const char* share_policy_name(SharePolicy policy);
inline constexpr const char* kShareComplaint =
    "a policy is \"best-effort\", \"equal-share\" or \"fixed-share\"";

// What a tenant may have of the GPU. 0: nothing was said.
struct GpuAllowance {
  uint32_t share_percent = 0;      // fixed-share; tenants without one divide what is left
  uint32_t frames_per_second = 0;  // of each of its programs, at most
};

inline constexpr uint32_t kMostSharePercent = 100;
inline constexpr uint32_t kMostFramesPerSecond = 1000;

// How far a tenant may be ahead: what it may submit before others have had as much.
inline constexpr int64_t kMostAheadNs = 4'000'000;
// How much of what it did not take a tenant may take later.
inline constexpr int64_t kMostBehindNs = 250'000'000;
// fixed-share: how much unused time is kept for later; a frame or two.
inline constexpr int64_t kMostSavedNs = 20'000'000;

struct TenantTurn {
  // Told, for each step.
  double share = 0;      // fixed-share: percent
  uint64_t used_ns = 0;  // of the GPU since the last step
  bool wants = false;    // work is under way or waits
  // Kept from step to step.
  int64_t clock_ns = 0;  // equal-share
  int64_t saved_ns = 0;  // fixed-share
  bool known = false;    // equal-share: the clock is set
  // The answer.
  bool closed = false;
};

// One step of `passed_ns`. Under another policy each tenant begins with a new turn.
void step_turns(SharePolicy policy, uint64_t passed_ns, std::span<TenantTurn* const> turns);

// Several sessions were busy at the same time: each is charged its part, so that together they have not taken
// more than has passed.
void divide_overlap(uint64_t passed_ns, std::span<uint64_t> busy_ns);

}  // namespace viaduct::host
