#include "host-renderer/http/api.hpp"

#include <array>
#include <map>
#include <set>
#include <string_view>
#include <vector>

#include "base/json.hpp"
#include "base/log_buckets.hpp"
#include "host-renderer/http/flat_json.hpp"

namespace viaduct::host::http {
namespace {

Answer json_answer(unsigned status, const char* key, const std::string& text) {
  return {.status = status, .type = "application/json", .body = JsonObject().text(key, text).str() + "\n"};
}

// Takes the members of a request one by one; what is left or of another kind is an error.
class Members {
 public:
  explicit Members(FlatJson members) : members_(std::move(members)) {}

  template <typename T>
  [[nodiscard]] const T* take(std::string_view name) {
    const auto found = members_.find(name);
    if (found == members_.end()) return nullptr;
    taken_.insert(found->first);
    const T* value = std::get_if<T>(&found->second);
    if (value == nullptr && error_.empty()) error_ = "\"" + std::string(name) + "\" is of the wrong kind";
    return value;
  }
  template <typename T>
  [[nodiscard]] T need(std::string_view name) {
    const T* value = take<T>(name);
    if (value == nullptr && error_.empty()) error_ = "\"" + std::string(name) + "\" is missing";
    return value == nullptr ? T{} : *value;
  }
  [[nodiscard]] std::string error() const {
    if (!error_.empty()) return error_;
    for (const auto& [name, value] : members_)
      if (!taken_.contains(name)) return "nothing here is called \"" + name + "\"";
    return {};
  }

 private:
  FlatJson members_;
  std::set<std::string> taken_;
  std::string error_;
};

void read_policy(Members& in, control::AdminRequest& out) {
  out.mutable_set_policy()->set_policy(in.need<std::string>("policy"));
}

void read_tenant(Members& in, control::AdminRequest& out) {
  control::SetTenantRequest& tenant = *out.mutable_set_tenant();
  tenant.set_name(in.need<std::string>("name"));
  if (const auto* share = in.take<uint32_t>("share_percent")) tenant.set_share_percent(*share);
  if (const auto* rate = in.take<uint32_t>("frames_per_second")) tenant.set_frames_per_second(*rate);
}

void read_kill(Members& in, control::AdminRequest& out) {
  out.mutable_kill()->set_session_id(in.need<uint32_t>("session_id"));
}

struct Change {
  std::string_view path;
  void (*read)(Members& in, control::AdminRequest& out);
};
constexpr std::array kChanges = {Change{"/api/policy", read_policy}, Change{"/api/tenant", read_tenant},
                                 Change{"/api/kill", read_kill}};

const Change* change_at(std::string_view path) {
  for (const Change& change : kChanges)
    if (change.path == path) return &change;
  return nullptr;
}

std::string frame_times(const control::FrameTimes& times) {
  std::vector<std::string> pairs;
  for (int i = 0; i < times.counts_size(); ++i) {
    const std::size_t at = std::size_t{times.first()} + static_cast<std::size_t>(i);
    if (times.counts(i) == 0 || at >= LogBuckets::kCount) continue;
    pairs.push_back(
        json_array({std::to_string(LogBuckets::end_of(at) / 1000), std::to_string(times.counts(i))}));
  }
  return json_array(pairs);
}

std::string session_json(const control::SessionStatus& session) {
  JsonObject out;
  out.number("session", session.session_id())
      .number("pid", session.guest_pid())
      .text("program", session.program())
      .text("kind", session.kind())
      .text("state", session.state())
      .number("age_ms", session.age_ms());
  // Nobody counts what an OpenGL server does.
  if (session.kind() == "virgl") return out.str();
  return out.number("frames", session.frames())
      .number("gpu_busy_us", session.gpu_busy_ns() / 1000)
      .number("gpu_waited_us", session.gpu_waited_ns() / 1000)
      .number("device_memory_bytes", session.device_memory_bytes())
      .number("device_memory_limit", session.device_memory_limit())
      .raw("frame_times_us", frame_times(session.frame_times()))
      .str();
}

}  // namespace

bool is_api_change(const std::string& path) { return change_at(path) != nullptr; }

tl::expected<control::AdminRequest, Answer> api_request(const std::string& path, const std::string& body) {
  const Change* change = change_at(path);
  if (change == nullptr) return tl::unexpected(json_answer(404, "error", "there is no request " + path));
  auto parsed = parse_flat_json(body);
  if (!parsed) return tl::unexpected(json_answer(400, "error", parsed.error()));
  Members members(std::move(*parsed));
  control::AdminRequest request;
  change->read(members, request);
  if (const std::string error = members.error(); !error.empty())
    return tl::unexpected(json_answer(400, "error", error));
  return request;
}

Answer api_answer(const control::AdminReply& reply) {
  if (!reply.error().empty()) return json_answer(422, "error", reply.error());
  return json_answer(200, "text", reply.text());
}

std::string status_json(const control::Status& status, bool changes_possible) {
  struct Tenant {
    const control::TenantStatus* first = nullptr;
    std::vector<std::string> sessions;
  };
  std::map<std::string, Tenant> tenants;  // one may come in by several sockets
  for (const control::TenantStatus& each : status.tenants()) {
    Tenant& tenant = tenants[each.name()];
    if (tenant.first == nullptr) tenant.first = &each;
    for (const control::SessionStatus& session : each.sessions())
      tenant.sessions.push_back(session_json(session));
  }
  std::vector<std::string> list;
  for (const auto& [name, tenant] : tenants) {
    list.push_back(JsonObject()
                       .text("name", name)
                       .number("share_percent", tenant.first->share_percent())
                       .number("frames_per_second", tenant.first->frames_per_second())
                       .number("session_limit", tenant.first->session_limit())
                       .raw("sessions", json_array(tenant.sessions))
                       .str());
  }
  return JsonObject()
             .text("version", status.version())
             .number("uptime_ms", status.uptime_ms())
             .number("time_us", status.time_ns() / 1000)
             .text("policy", status.policy())
             .flag("sandbox_complete", status.sandbox_complete())
             .flag("changes_possible", changes_possible)
             .raw("tenants", json_array(list))
             .str() +
         "\n";
}

}  // namespace viaduct::host::http
