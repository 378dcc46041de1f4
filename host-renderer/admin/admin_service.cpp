#include "host-renderer/admin/admin_service.hpp"

#include <unistd.h>

#include <chrono>
#include <map>
#include <vector>

#include "base/clock.hpp"
#include "host-renderer/daemon/server.hpp"
#include "host-renderer/daemon/tenant.hpp"
#include "host-renderer/http/api.hpp"
#include "host-renderer/http/metrics.hpp"
#include "host-renderer/page/page_files.hpp"

namespace viaduct::host::daemon {

control::AdminReply AdminService::handle(const control::AdminRequest& request, const std::string& base) {
  control::AdminReply reply;
  switch (request.kind_case()) {
    case control::AdminRequest::kStatus:
      status(request.status(), *reply.mutable_status());
      break;
    case control::AdminRequest::kGpus:
      gpus(reply);
      break;
    case control::AdminRequest::kKill:
      kill(request.kill().session_id(), reply);
      break;
    case control::AdminRequest::kAddTenant:
      add_tenant(request.add_tenant().name(), base, reply);
      break;
    case control::AdminRequest::kSetPolicy:
      set_policy(request.set_policy().policy(), reply);
      break;
    case control::AdminRequest::kSetTenant:
      set_tenant(request.set_tenant(), reply);
      break;
    case control::AdminRequest::KIND_NOT_SET:
      reply.set_error("this viaductd does not know the request; use the viaductctl of its version");
      break;
  }
  return reply;
}

void AdminService::status(const control::StatusRequest& asked, control::Status& out) const {
  out.set_version(VIADUCT_VERSION);
  out.set_pid(static_cast<uint32_t>(::getpid()));
  const auto up = std::chrono::steady_clock::now() - server_.began_;
  out.set_uptime_ms(static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(up).count()));
  out.set_warm_workers(static_cast<uint32_t>(server_.pool_.warm_count()));
  out.set_warm_target(server_.pool_.target());
  out.set_sandbox(server_.options_.sandbox);
  const bool locked = !server_.seen_ready_ || server_.last_ready_.locked_down();
  out.set_sandbox_complete(server_.options_.sandbox_complete && locked);
  out.set_sessions_started(server_.started_);
  out.set_sessions_refused(server_.refused_);
  out.set_policy(share_policy_name(server_.scheduler_.policy()));
  out.set_time_ns(now_ns());
  const auto add = [&](const Server::Tenant& tenant, const std::string& place) {
    control::TenantStatus& entry = *out.add_tenants();
    entry.set_name(tenant.name);
    entry.set_socket(place);
    entry.set_session_limit(tenant.limits.sessions);
    const GpuAllowance allowance = server_.scheduler_.allowance(tenant.name);
    entry.set_share_percent(allowance.share_percent);
    entry.set_frames_per_second(allowance.frames_per_second);
    for (const auto& [id, session] : server_.sessions_) {
      const SessionOptions& options = session->options();
      if (options.socket != place || options.tenant != tenant.name) continue;
      control::SessionStatus& filled = *entry.add_sessions();
      session->fill_status(filled);
      if (asked.frame_times()) session->fill_frame_times(*filled.mutable_frame_times());
    }
  };
  for (const auto& [place, door] : server_.doors_) {
    if (door->tenant) {
      add(*door->tenant, place);
      continue;
    }
    if (door->via == BoundSocket::Via::ivshmem) continue;  // QEMU's
    for (const auto& [name, tenant] : server_.tenants_) {
      const bool tcp = door->via == BoundSocket::Via::tcp;
      if (tcp ? !tenant->token.empty() : tenant->limits.cid.has_value()) add(*tenant, place);
    }
  }
}

http::Answer AdminService::answer(const http::Request& request) {
  if (request.post) {
    const auto change = http::api_request(request.path, request.body);
    // Nothing that HTTP may ask for has to do with a socket.
    return change ? http::api_answer(handle(*change, {})) : change.error();
  }
  if (http::is_api_change(request.path))
    return {.status = 405, .body = "this is for POST\n", .allow = "POST"};
  if (const page::File* file = page::file_at(request.path))
    return {.status = 200,
            .type = std::string(file->type),
            .body = std::string(file->text),
            .content_policy = page::kContentPolicy};
  const bool metrics = request.path == "/metrics";
  const bool figures = request.path == http::kStatusPath;
  if (!metrics && !figures && request.path != "/health") return {};
  control::StatusRequest asked;
  asked.set_frame_times(metrics || figures);
  control::Status now;
  status(asked, now);
  if (metrics) return {200, http::kMetricsType, http::metrics_text(now)};
  if (figures) return {200, "application/json", http::status_json(now, request.changes_possible)};
  return http::health_answer(health(), now);
}

http::Health AdminService::health() const {
  if (!server_.options_.no_vulkan.empty()) return {http::Health::ok, "only OpenGL is lent"};
  if (server_.pool_.warm_count() != 0) return {};
  if (const std::string& failure = server_.pool_.last_failure(); !failure.empty())
    return {http::Health::failing, "no worker could start: " + failure};
  if (server_.seen_ready_) return {};
  if (server_.pool_.target() == 0) return {http::Health::ok, "no worker was needed yet"};
  return {http::Health::starting, "the first worker has not started yet"};
}

void AdminService::gpus(control::AdminReply& reply) const {
  if (!server_.seen_ready_) {
    const std::string& failure = server_.pool_.last_failure();
    const std::string& none = server_.options_.no_vulkan;
    reply.set_error(!none.empty()     ? "this host lends OpenGL only: " + none
                    : failure.empty() ? "no worker has started yet; ask again in a second"
                                      : "no worker could start: " + failure);
    return;
  }
  control::GpuList& list = *reply.mutable_gpus();
  *list.mutable_gpus() = server_.last_ready_.gpus();
  list.set_chosen(server_.options_.config.gpu);
}

void AdminService::kill(uint32_t session_id, control::AdminReply& reply) {
  const auto found = server_.sessions_.find(session_id);
  if (found == server_.sessions_.end()) {
    reply.set_error("there is no session " + std::to_string(session_id) + "; `viaductctl status` lists them");
    return;
  }
  const auto session = found->second;
  reply.set_text("session " + std::to_string(session_id) + " (" + session->options().program +
                 ") has been ended");
  session->end("an administrator ended it");
}

void AdminService::set_policy(const std::string& name, control::AdminReply& reply) {
  const auto policy = parse_share_policy(name);
  if (!policy) return reply.set_error(std::string(kShareComplaint) + ", not \"" + name + "\"");
  server_.scheduler_.set_policy(*policy);
  reply.set_text(std::string("the GPU is shared out by ") + share_policy_name(*policy) +
                 " until the service ends; `policy` in its configuration makes it stay");
}

void AdminService::set_tenant(const control::SetTenantRequest& request, control::AdminReply& reply) {
  if (!server_.tenants_.contains(request.name())) {
    reply.set_error("there is no tenant '" + request.name() + "'; `viaductctl status` lists them");
    return;
  }
  GpuAllowance allowance = server_.scheduler_.allowance(request.name());
  if (request.has_share_percent()) allowance.share_percent = request.share_percent();
  if (request.has_frames_per_second()) allowance.frames_per_second = request.frames_per_second();
  if (allowance.share_percent > kMostSharePercent || allowance.frames_per_second > kMostFramesPerSecond) {
    reply.set_error("a share is at most " + std::to_string(kMostSharePercent) +
                    " percent, and a cap at most " + std::to_string(kMostFramesPerSecond) +
                    " frames a second");
    return;
  }
  server_.scheduler_.allow(request.name(), allowance);
  const auto text = [](uint32_t value, const char* unit) {
    return value == 0 ? "none" : std::to_string(value) + unit;
  };
  reply.set_text("tenant " + request.name() + ": share " + text(allowance.share_percent, " %") + ", cap " +
                 text(allowance.frames_per_second, " frames/s") +
                 " until the service ends; `share` and `fps` in its configuration make it stay");
}

void AdminService::add_tenant(const std::string& name, const std::string& base, control::AdminReply& reply) {
  if (!valid_tenant_name(name)) {
    reply.set_error("'" + name + "' is no tenant's name: letters, digits, '-', '_' and '.', at most 64");
    return;
  }
  const std::string path = name == kDefaultTenant ? base : tenant_path(base, name);
  reply.set_tenant_socket(path);
  if (server_.doors_.contains(path)) return;
  // Whoever may administer may use it, nobody else: others are let in by the configuration.
  auto bound = bind_socket(path, {::geteuid(), ::getegid(), 0600});
  if (!bound) {
    reply.clear_tenant_socket();
    reply.set_error(bound.error());
    return;
  }
  bound->tenant = name;
  bound->base = base;
  server_.add_listener(std::move(*bound));
}

}  // namespace viaduct::host::daemon
