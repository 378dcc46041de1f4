#include "host-renderer/http/endpoints.hpp"

#include "base/json.hpp"

namespace viaduct::host::http {
namespace {

const char* state_name(Health::State state) {
  return state == Health::ok ? "ok" : state == Health::starting ? "starting" : "failing";
}

}  // namespace

Answer health_answer(const Health& health, const control::Status& status) {
  uint64_t sessions = 0;
  for (const control::TenantStatus& tenant : status.tenants())
    sessions += static_cast<uint64_t>(tenant.sessions_size());
  Answer answer;
  answer.status = health.state == Health::ok ? 200 : 503;
  answer.type = "application/json";
  answer.body = JsonObject()
                    .text("status", state_name(health.state))
                    .text("reason", health.reason)
                    .text("version", status.version())
                    .number("uptime_ms", status.uptime_ms())
                    .number("sessions", sessions)
                    .number("warm_workers", status.warm_workers())
                    .number("warm_target", status.warm_target())
                    .flag("sandbox_complete", status.sandbox_complete())
                    .str() +
                "\n";
  return answer;
}

}  // namespace viaduct::host::http
