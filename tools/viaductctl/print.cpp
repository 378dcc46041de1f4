#include "tools/viaductctl/print.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

#include "base/json.hpp"
#include "tools/viaductctl/text.hpp"

namespace viaduct::tools {
namespace {

// Columns as wide as their widest cell; the last one is not padded.
std::string table(const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string out;
  for (const auto& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      out += row[i];
      if (i + 1 < row.size()) out += std::string(widths[i] - row[i].size() + 2, ' ');
    }
    out += '\n';
  }
  return out;
}

std::string version_text(uint32_t version) {
  return std::to_string(version >> 22 & 0x7f) + "." + std::to_string(version >> 12 & 0x3ff) + "." +
         std::to_string(version & 0xfff);
}

const char* type_text(uint32_t type) {
  constexpr std::array<const char*, 5> kNames = {"other", "integrated", "discrete", "virtual", "cpu"};
  return type < kNames.size() ? kNames[type] : "other";
}

}  // namespace

std::string status_table(const control::Status& status) {
  std::string out = "viaductd " + status.version() + ", pid " + std::to_string(status.pid()) + ", up " +
                    age_text(status.uptime_ms()) + ", " + std::to_string(status.warm_workers()) + " of " +
                    std::to_string(status.warm_target()) + " warm workers, " +
                    std::to_string(status.sessions_started()) + " sessions so far, " +
                    std::to_string(status.sessions_refused()) + " refused\n";
  out += "GPU: " + status.policy() + "\n";
  out += std::string("sandbox: ") + (status.sandbox_complete() ? "" : "INCOMPLETE: ") + status.sandbox() +
         "\n\n";
  std::vector<std::vector<std::string>> rows = {{"TENANT", "SESSION", "PID", "KIND", "PROGRAM", "AGE",
                                                 "FRAMES", "COMMANDS", "DEVICE MEM", "ARENA", "REGION",
                                                 "MAPPED BY", "STATE", "WORKER", "SANDBOX"}};
  for (const control::TenantStatus& tenant : status.tenants()) {
    if (tenant.sessions().empty()) rows.push_back({tenant.name(), "-"});
    for (const control::SessionStatus& session : tenant.sessions()) {
      rows.push_back({tenant.name(), std::to_string(session.session_id()),
                      std::to_string(session.guest_pid()), session.kind(), session.program(),
                      age_text(session.age_ms()), std::to_string(session.frames()),
                      std::to_string(session.commands()), size_text(session.device_memory_bytes()),
                      size_text(session.arena_bytes()), session.region(), session.memory_mode(),
                      session.state(), std::to_string(session.worker_pid()), session.sandbox()});
    }
  }
  return out + table(rows);
}

std::string status_json(const control::Status& status) {
  std::vector<std::string> tenants;
  for (const control::TenantStatus& tenant : status.tenants()) {
    std::vector<std::string> sessions;
    for (const control::SessionStatus& session : tenant.sessions()) {
      sessions.push_back(JsonObject()
                             .number("session", session.session_id())
                             .number("pid", session.guest_pid())
                             .text("kind", session.kind())
                             .text("program", session.program())
                             .number("worker_pid", session.worker_pid())
                             .number("age_ms", session.age_ms())
                             .number("frames", session.frames())
                             .number("commands", session.commands())
                             .number("submits", session.submits())
                             .number("bytes", session.bytes())
                             .number("gpu_busy_ns", session.gpu_busy_ns())
                             .number("gpu_waited_ns", session.gpu_waited_ns())
                             .number("device_memory_bytes", session.device_memory_bytes())
                             .number("arena_bytes", session.arena_bytes())
                             .text("region", session.region())
                             .text("memory_mode", session.memory_mode())
                             .text("state", session.state())
                             .text("sandbox", session.sandbox())
                             .number("validation_messages", session.validation_messages())
                             .str());
    }
    tenants.push_back(JsonObject()
                          .text("name", tenant.name())
                          .text("socket", tenant.socket())
                          .number("session_limit", tenant.session_limit())
                          .number("share_percent", tenant.share_percent())
                          .number("frames_per_second", tenant.frames_per_second())
                          .raw("sessions", json_array(sessions))
                          .str());
  }
  return JsonObject()
             .text("version", status.version())
             .number("pid", status.pid())
             .number("uptime_ms", status.uptime_ms())
             .number("warm_workers", status.warm_workers())
             .number("warm_target", status.warm_target())
             .number("sessions_started", status.sessions_started())
             .number("sessions_refused", status.sessions_refused())
             .text("policy", status.policy())
             .text("sandbox", status.sandbox())
             .flag("sandbox_complete", status.sandbox_complete())
             .raw("tenants", json_array(tenants))
             .str() +
         "\n";
}

std::string gpus_table(const control::GpuList& list) {
  std::vector<std::vector<std::string>> rows = {{"GPU", "NAME", "TYPE", "DRIVER", "VULKAN"}};
  for (int i = 0; i < list.gpus_size(); ++i) {
    const control::Gpu& gpu = list.gpus(i);
    rows.push_back({std::to_string(i), gpu.name(), type_text(gpu.type()),
                    gpu.driver_name() + " " + gpu.driver_info(), version_text(gpu.api_version())});
  }
  std::string out = table(rows);
  if (!list.chosen().empty()) out += "lent: only --gpu " + list.chosen() + "\n";
  return out;
}

std::string gpus_json(const control::GpuList& list) {
  std::vector<std::string> gpus;
  for (int i = 0; i < list.gpus_size(); ++i) {
    const control::Gpu& gpu = list.gpus(i);
    gpus.push_back(JsonObject()
                       .number("index", static_cast<uint64_t>(i))
                       .text("name", gpu.name())
                       .text("type", type_text(gpu.type()))
                       .number("vendor_id", gpu.vendor_id())
                       .number("device_id", gpu.device_id())
                       .text("driver", gpu.driver_name())
                       .text("driver_info", gpu.driver_info())
                       .text("api_version", version_text(gpu.api_version()))
                       .str());
  }
  return JsonObject().raw("gpus", json_array(gpus)).text("chosen", list.chosen()).str() + "\n";
}

}  // namespace viaduct::tools
