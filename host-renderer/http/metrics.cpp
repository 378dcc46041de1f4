#include "host-renderer/http/metrics.hpp"

#include <array>
#include <cinttypes>
#include <cstdio>
#include <map>
#include <utility>
#include <vector>

#include "base/log_buckets.hpp"

namespace viaduct::host::http {
namespace {

// Edges of the histogram's buckets: two to each doubling from 1.05 ms to 4.29 s, each an edge of LogBuckets.
constexpr unsigned kFirstEdgeBit = 20;
constexpr unsigned kLastEdgeBit = 32;

struct Session {
  std::string labels;  // name="value" pairs without braces
  const control::SessionStatus* status;
};

std::string seconds(uint64_t ns) {
  std::array<char, 48> out{};
  std::snprintf(out.data(), out.size(), "%" PRIu64 ".%09" PRIu64, ns / 1'000'000'000, ns % 1'000'000'000);
  std::string text = out.data();
  text.erase(text.find_last_not_of('0') + 1);
  if (text.ends_with('.')) text.pop_back();
  return text;
}

class Writer {
 public:
  void family(const char* name, const char* type, const char* help) {
    name_ = name;
    header_ = std::string("# HELP ") + name + " " + help + "\n# TYPE " + name + " " + type + "\n";
  }
  // A family without a sample is not there.
  void sample(const std::string& labels, const std::string& value, const char* suffix = "") {
    text_ += std::exchange(header_, {}) + name_ + suffix;
    if (!labels.empty()) text_ += "{" + labels + "}";
    text_ += " " + value + "\n";
  }
  void number(const char* name, const char* type, const char* help, uint64_t value) {
    family(name, type, help);
    sample("", std::to_string(value));
  }
  [[nodiscard]] std::string take() { return std::move(text_); }

 private:
  std::string name_;
  std::string header_;
  std::string text_;
};

std::string label(const char* name, std::string_view value) {
  return std::string(name) + "=\"" + escaped_label(value) + "\"";
}

void write_service(Writer& out, const control::Status& status) {
  out.family("viaduct_build_info", "gauge", "The service's version; always 1.");
  out.sample(label("version", status.version()), "1");
  out.family("viaduct_uptime_seconds", "gauge", "How long the service runs.");
  out.sample("", seconds(status.uptime_ms() * 1'000'000));
  out.number("viaduct_workers_warm", "gauge", "Workers that are ready for a session.", status.warm_workers());
  out.number("viaduct_workers_warm_target", "gauge", "Workers that are to be kept ready.",
             status.warm_target());
  out.number("viaduct_sandbox_complete", "gauge", "Whether workers are fully confined on this host.",
             status.sandbox_complete() ? 1 : 0);
  out.number("viaduct_sessions_started_total", "counter", "Sessions since the service began.",
             status.sessions_started());
  out.number("viaduct_sessions_refused_total", "counter",
             "Sessions that were refused since the service began.", status.sessions_refused());
}

void write_tenants(Writer& out, const control::Status& status) {
  struct Tenant {
    uint64_t sessions = 0;
    uint64_t limit = 0;
  };
  std::map<std::string, Tenant> tenants;  // one may come in by several sockets
  for (const control::TenantStatus& each : status.tenants()) {
    Tenant& tenant = tenants[each.name()];
    tenant.sessions += static_cast<uint64_t>(each.sessions_size());
    tenant.limit = each.session_limit();
  }
  out.family("viaduct_tenant_sessions", "gauge", "Sessions of the tenant that run.");
  for (const auto& [name, tenant] : tenants)
    out.sample(label("tenant", name), std::to_string(tenant.sessions));
  out.family("viaduct_tenant_sessions_limit", "gauge", "Sessions that the tenant may have at a time.");
  for (const auto& [name, tenant] : tenants) out.sample(label("tenant", name), std::to_string(tenant.limit));
}

struct Field {
  const char* name;
  const char* type;
  const char* help;
  uint64_t (control::SessionStatus::*value)() const;
  bool none_at_zero = false;  // no sample then
  bool nanoseconds = false;   // shown in seconds
};
constexpr std::array kFields = {
    Field{"viaduct_session_frames_total", "counter", "Frames presented.", &control::SessionStatus::frames},
    Field{"viaduct_session_commands_total", "counter", "Commands replayed.",
          &control::SessionStatus::commands},
    Field{"viaduct_session_submits_total", "counter", "Queue submissions.", &control::SessionStatus::submits},
    Field{"viaduct_session_command_bytes_total", "counter", "Bytes of commands replayed.",
          &control::SessionStatus::bytes},
    Field{"viaduct_session_gpu_busy_seconds_total", "counter", "Time with a submission under way.",
          &control::SessionStatus::gpu_busy_ns, false, true},
    Field{"viaduct_session_gpu_waited_seconds_total", "counter",
          "Time that it waited for its turn at the GPU.", &control::SessionStatus::gpu_waited_ns, false,
          true},
    Field{"viaduct_session_device_memory_bytes", "gauge", "Device memory in use.",
          &control::SessionStatus::device_memory_bytes},
    Field{"viaduct_session_device_memory_limit_bytes", "gauge", "Device memory that the session may have.",
          &control::SessionStatus::device_memory_limit, true},
    Field{"viaduct_session_arena_bytes", "gauge", "Host-visible memory in use.",
          &control::SessionStatus::arena_bytes},
    Field{"viaduct_session_arena_limit_bytes", "gauge", "Host-visible memory that the session may have.",
          &control::SessionStatus::arena_limit, true},
    Field{"viaduct_session_validation_messages_total", "counter", "Messages of the validation layer.",
          &control::SessionStatus::validation_messages},
};

void write_frame_times(Writer& out, const Session& session) {
  const control::FrameTimes& times = session.status->frame_times();
  std::vector<uint64_t> counts(LogBuckets::kCount);
  for (int i = 0; i < times.counts_size(); ++i) {
    const std::size_t at = std::size_t{times.first()} + static_cast<std::size_t>(i);
    if (at < counts.size()) counts[at] = times.counts(i);
  }
  uint64_t below = 0;
  std::size_t next = 0;
  const auto up_to = [&](std::size_t end) {
    for (; next < end; ++next) below += counts[next];
    return std::to_string(below);
  };
  for (unsigned bit = kFirstEdgeBit; bit <= kLastEdgeBit; ++bit) {
    for (const uint64_t edge : {uint64_t{1} << bit, uint64_t{3} << (bit - 1)}) {
      if (edge > uint64_t{1} << kLastEdgeBit) break;
      const std::string count = up_to(LogBuckets::index_of(edge));
      out.sample(session.labels + "," + label("le", seconds(edge)), count, "_bucket");
    }
  }
  const std::string all = up_to(counts.size());
  out.sample(session.labels + "," + label("le", "+Inf"), all, "_bucket");
  out.sample(session.labels, seconds(times.sum_ns()), "_sum");
  out.sample(session.labels, all, "_count");
}

}  // namespace

std::string escaped_label(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\' || c == '"') out += '\\';
    if (c == '\n')
      out += "\\n";
    else
      out += c;
  }
  return out;
}

std::string metrics_text(const control::Status& status) {
  Writer out;
  write_service(out, status);
  write_tenants(out, status);
  std::vector<Session> sessions;
  for (const control::TenantStatus& tenant : status.tenants()) {
    for (const control::SessionStatus& each : tenant.sessions()) {
      sessions.push_back({label("tenant", tenant.name()) + "," + label("program", each.program()) + "," +
                              label("session", std::to_string(each.session_id())),
                          &each});
    }
  }
  out.family("viaduct_session_info", "gauge", "How the session is served; always 1.");
  for (const Session& each : sessions) {
    out.sample(each.labels + "," + label("kind", each.status->kind()) + "," +
                   label("region", each.status->region()) + "," +
                   label("memory_mode", each.status->memory_mode()) + "," +
                   label("state", each.status->state()),
               "1");
  }
  // Nobody counts what an OpenGL server does.
  std::erase_if(sessions, [](const Session& each) { return each.status->kind() == "virgl"; });
  for (const Field& field : kFields) {
    out.family(field.name, field.type, field.help);
    for (const Session& each : sessions) {
      const uint64_t value = (each.status->*field.value)();
      if (value == 0 && field.none_at_zero) continue;
      out.sample(each.labels, field.nanoseconds ? seconds(value) : std::to_string(value));
    }
  }
  out.family("viaduct_session_frame_time_seconds", "histogram", "The time from one present to the next.");
  for (const Session& each : sessions) write_frame_times(out, each);
  return out.take();
}

}  // namespace viaduct::host::http
