#include "tools/viaductctl/top/figures.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <tuple>

#include "base/log_buckets.hpp"
#include "tools/viaductctl/text.hpp"

namespace viaduct::tools {
namespace {

constexpr std::array<const char*, kSortKeys> kNames = {"tenant", "session", "program",  "fps",  "p99",
                                                       "gpu",    "memory",  "commands", "bytes"};

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

uint64_t grown(uint64_t before, uint64_t now) { return now > before ? now - before : 0; }

void add_times(std::vector<uint64_t>& counts, const control::FrameTimes& times) {
  counts.resize(LogBuckets::kCount);
  for (int i = 0; i < times.counts_size(); ++i) {
    const std::size_t at = std::size_t{times.first()} + static_cast<std::size_t>(i);
    if (at < counts.size()) counts[at] += times.counts(i);
  }
}

std::vector<uint64_t> times_between(const control::SessionStatus* before, const control::SessionStatus& now) {
  std::vector<uint64_t> counts;
  add_times(counts, now.frame_times());
  if (before == nullptr) return counts;
  std::vector<uint64_t> old;
  add_times(old, before->frame_times());
  for (std::size_t i = 0; i < counts.size(); ++i) counts[i] = grown(old[i], counts[i]);
  return counts;
}

Figures figures_of_one(const control::SessionStatus* before, const control::SessionStatus& now,
                       double seconds) {
  Figures out;
  out.session = now.session_id();
  out.pid = now.guest_pid();
  out.program = plain_text(now.program());
  out.kind = now.kind();
  out.counted = now.kind() != "virgl";
  out.state = now.state();
  out.age_ms = now.age_ms();
  const auto rate = [&](uint64_t (control::SessionStatus::*counter)() const) {
    const uint64_t old = before == nullptr ? 0 : (before->*counter)();
    return static_cast<double>(grown(old, (now.*counter)())) / seconds;
  };
  out.frames = rate(&control::SessionStatus::frames);
  out.commands = rate(&control::SessionStatus::commands);
  out.submits = rate(&control::SessionStatus::submits);
  out.bytes = rate(&control::SessionStatus::bytes);
  out.gpu_busy = rate(&control::SessionStatus::gpu_busy_ns) / 1e9;
  out.gpu_waited = rate(&control::SessionStatus::gpu_waited_ns) / 1e9;
  out.frame_times = times_between(before, now);
  out.frame_p99_ns = LogBuckets::quantile(out.frame_times, 0.99);
  out.device_memory = now.device_memory_bytes();
  out.device_memory_limit = now.device_memory_limit();
  out.arena = now.arena_bytes();
  out.arena_limit = now.arena_limit();
  return out;
}

int compare(const Figures& a, const Figures& b, SortKey key) {
  const auto order = [](const auto& x, const auto& y) { return x < y ? -1 : y < x ? 1 : 0; };
  switch (key) {
    case SortKey::tenant:
      return order(a.tenant, b.tenant);
    case SortKey::session:
      return order(a.session, b.session);
    case SortKey::program:
      return order(a.program, b.program);
    case SortKey::fps:
      return order(b.frames, a.frames);
    case SortKey::p99:
      return order(b.frame_p99_ns, a.frame_p99_ns);
    case SortKey::gpu:
      return order(b.gpu_busy, a.gpu_busy);
    case SortKey::memory:
      return order(b.device_memory, a.device_memory);
    case SortKey::commands:
      return order(b.commands, a.commands);
    case SortKey::bytes:
      return order(b.bytes, a.bytes);
  }
  return 0;
}

}  // namespace

const char* sort_key_name(SortKey key) {
  const auto at = static_cast<std::size_t>(key);
  return at < kNames.size() ? kNames[at] : nullptr;
}

std::optional<SortKey> find_sort_key(std::string_view name) {
  const auto found = std::find(kNames.begin(), kNames.end(), name);
  if (found == kNames.end()) return std::nullopt;
  return static_cast<SortKey>(found - kNames.begin());
}

std::vector<Figures> figures_of(const control::Status* before, const control::Status& now) {
  const bool same = before != nullptr && before->pid() == now.pid() && now.time_ns() > before->time_ns();
  std::map<uint32_t, const control::SessionStatus*> old;
  if (same) {
    for (const control::TenantStatus& tenant : before->tenants())
      for (const control::SessionStatus& session : tenant.sessions()) old[session.session_id()] = &session;
  }
  const double elapsed = same ? static_cast<double>(now.time_ns() - before->time_ns()) / 1e9 : 0;
  std::vector<Figures> out;
  for (const control::TenantStatus& tenant : now.tenants()) {
    for (const control::SessionStatus& session : tenant.sessions()) {
      const auto found = old.find(session.session_id());
      const auto* known = found == old.end() ? nullptr : found->second;
      const double age = std::max(static_cast<double>(session.age_ms()), 1.0) / 1e3;
      out.push_back(figures_of_one(known, session, known != nullptr ? elapsed : age));
      out.back().tenant = plain_text(tenant.name());
      out.back().session_limit = tenant.session_limit();
    }
  }
  return out;
}

std::vector<Figures> tenant_figures(const control::Status& now, const std::vector<Figures>& sessions) {
  std::map<std::string, Figures> tenants;
  for (const control::TenantStatus& tenant : now.tenants()) {
    Figures& out = tenants[plain_text(tenant.name())];
    out.tenant = plain_text(tenant.name());
    out.session_limit = tenant.session_limit();
    out.sessions = 0;
    out.frame_times.assign(LogBuckets::kCount, 0);
  }
  for (const Figures& session : sessions) {
    const auto found = tenants.find(session.tenant);
    if (found == tenants.end()) continue;
    Figures& out = found->second;
    ++out.sessions;
    out.frames += session.frames;
    out.commands += session.commands;
    out.submits += session.submits;
    out.bytes += session.bytes;
    out.gpu_busy += session.gpu_busy;
    out.gpu_waited += session.gpu_waited;
    out.device_memory += session.device_memory;
    out.arena += session.arena;
    for (std::size_t i = 0; i < out.frame_times.size() && i < session.frame_times.size(); ++i)
      out.frame_times[i] += session.frame_times[i];
  }
  std::vector<Figures> out;
  for (auto& [name, tenant] : tenants) {
    tenant.frame_p99_ns = LogBuckets::quantile(tenant.frame_times, 0.99);
    out.push_back(std::move(tenant));
  }
  return out;
}

void sort_figures(std::vector<Figures>& figures, SortKey key, bool reversed) {
  std::sort(figures.begin(), figures.end(), [&](const Figures& a, const Figures& b) {
    const int order = reversed ? compare(b, a, key) : compare(a, b, key);
    return order != 0 ? order < 0 : std::tie(a.tenant, a.session) < std::tie(b.tenant, b.session);
  });
}

bool matches(const Figures& figures, std::string_view text) {
  const std::string wanted = lower(text);
  return lower(figures.tenant).find(wanted) != std::string::npos ||
         lower(figures.program).find(wanted) != std::string::npos;
}

}  // namespace viaduct::tools
