#include "tools/viaductctl/top/table.hpp"

#include <algorithm>
#include <array>
#include <cstdio>

#include "base/json.hpp"
#include "tools/viaductctl/text.hpp"

namespace viaduct::tools {
namespace {

struct Column {
  const char* name;
  bool left;  // names to the left, figures to the right
  int key;    // the SortKey that it is; -1: none
  std::string (*cell)(const Figures&);
  enum Where { both, of_session, of_tenant } where = both;
  bool figure = false;  // a worker counts it
};

constexpr int key_of(SortKey key) { return static_cast<int>(key); }

std::string milliseconds(uint64_t ns) {
  if (ns == 0) return "-";
  std::array<char, 32> out{};
  const double ms = static_cast<double>(ns) / 1e6;
  std::snprintf(out.data(), out.size(), "%.*f ms", ms < 99.95 ? 1 : 0, ms);
  return out.data();
}

std::string percent(double share) {
  std::array<char, 32> out{};
  std::snprintf(out.data(), out.size(), "%.0f %%", share * 100);
  return out.data();
}

std::string used(uint64_t bytes, uint64_t limit) {
  return size_text(bytes) + (limit == 0 ? "" : " / " + size_text(limit));
}

constexpr std::array kColumns = {
    Column{"TENANT", true, key_of(SortKey::tenant), [](const Figures& f) { return f.tenant; }},
    Column{"SESSION", false, key_of(SortKey::session),
           [](const Figures& f) { return std::to_string(f.session); }, Column::of_session},
    Column{
        "SESSIONS", false, -1,
        [](const Figures& f) { return std::to_string(f.sessions) + " / " + std::to_string(f.session_limit); },
        Column::of_tenant},
    Column{"PID", false, -1, [](const Figures& f) { return std::to_string(f.pid); }, Column::of_session},
    Column{"PROGRAM", true, key_of(SortKey::program), [](const Figures& f) { return f.program; },
           Column::of_session},
    Column{"STATE", true, -1, [](const Figures& f) { return f.state; }, Column::of_session},
    Column{"FPS", false, key_of(SortKey::fps), [](const Figures& f) { return rate_text(f.frames); },
           Column::both, true},
    Column{"P99", false, key_of(SortKey::p99), [](const Figures& f) { return milliseconds(f.frame_p99_ns); },
           Column::both, true},
    Column{"GPU", false, key_of(SortKey::gpu), [](const Figures& f) { return percent(f.gpu_busy); },
           Column::both, true},
    Column{"WAIT", false, -1, [](const Figures& f) { return percent(f.gpu_waited); }, Column::both, true},
    Column{"DEVICE MEM", false, key_of(SortKey::memory),
           [](const Figures& f) { return used(f.device_memory, f.device_memory_limit); }, Column::both, true},
    Column{"ARENA", false, -1, [](const Figures& f) { return used(f.arena, f.arena_limit); }, Column::both,
           true},
    Column{"COMMANDS/S", false, key_of(SortKey::commands),
           [](const Figures& f) { return rate_text(f.commands); }, Column::both, true},
    Column{"BYTES/S", false, key_of(SortKey::bytes),
           [](const Figures& f) { return size_text(static_cast<uint64_t>(f.bytes)); }, Column::both, true},
};

std::string rounded(double value) {
  std::array<char, 64> out{};
  std::snprintf(out.data(), out.size(), "%.2f", value);
  return out.data();
}

// The rates and the frame times; "null" for what nothing measured.
JsonObject& add_rates(JsonObject& object, const Figures& figures) {
  const auto add = [&](const char* key, bool known, const std::string& value) {
    object.raw(key, known && figures.counted ? value : "null");
  };
  add("fps", true, rounded(figures.frames));
  add("frame_time_p99_ms", figures.frame_p99_ns != 0,
      rounded(static_cast<double>(figures.frame_p99_ns) / 1e6));
  add("commands_per_second", true, rounded(figures.commands));
  add("submits_per_second", true, rounded(figures.submits));
  add("bytes_per_second", true, rounded(figures.bytes));
  add("gpu_busy_percent", true, rounded(figures.gpu_busy * 100));
  add("gpu_waited_percent", true, rounded(figures.gpu_waited * 100));
  add("device_memory_bytes", true, std::to_string(figures.device_memory));
  add("arena_bytes", true, std::to_string(figures.arena));
  return object;
}

std::string session_json(const Figures& figures) {
  JsonObject object;
  object.number("session", figures.session)
      .number("pid", figures.pid)
      .text("kind", figures.kind)
      .text("program", figures.program)
      .text("state", figures.state)
      .number("age_ms", figures.age_ms);
  return add_rates(object, figures)
      .raw("device_memory_limit",
           figures.device_memory_limit == 0 ? "null" : std::to_string(figures.device_memory_limit))
      .raw("arena_limit", figures.arena_limit == 0 ? "null" : std::to_string(figures.arena_limit))
      .str();
}

std::string counted(std::size_t count, const char* noun) {
  return std::to_string(count) + " " + noun + (count == 1 ? "" : "s");
}

}  // namespace

FiguresTable figures_table(const std::vector<Figures>& figures, bool with_sessions, SortKey key) {
  FiguresTable out;
  out.lines.resize(figures.size() + 1);
  const auto unwanted = with_sessions ? Column::of_tenant : Column::of_session;
  for (const Column& column : kColumns) {
    if (column.where == unwanted) continue;
    std::vector<std::string> cells = {column.name};
    for (const Figures& each : figures)
      cells.push_back(column.figure && !each.counted ? "-" : column.cell(each));
    std::size_t width = 0;
    for (const std::string& cell : cells) width = std::max(width, cell.size());
    for (std::size_t i = 0; i < cells.size(); ++i) {
      std::string& line = out.lines[i];
      if (!line.empty()) line += "  ";
      if (!column.left) line.append(width - cells[i].size(), ' ');
      if (i == 0 && column.key == key_of(key)) {
        out.sorted_at = line.size();
        out.sorted_size = cells[i].size();
      }
      line += cells[i];
      if (column.left) line.append(width - cells[i].size(), ' ');
    }
  }
  return out;
}

std::string top_summary(const control::Status& status, const std::vector<Figures>& sessions) {
  double frames = 0, commands = 0, bytes = 0;
  uint64_t memory = 0;
  for (const Figures& each : sessions) {
    frames += each.frames;
    commands += each.commands;
    bytes += each.bytes;
    memory += each.device_memory;
  }
  return "viaductd " + plain_text(status.version()) + ", up " + age_text(status.uptime_ms()) + "; " +
         counted(sessions.size(), "session") + "; " + rate_text(frames) + " frames/s, " +
         rate_text(commands) + " commands/s, " + size_text(static_cast<uint64_t>(bytes)) + "/s, " +
         size_text(memory) + " device memory";
}

std::string top_json(const control::Status& status, uint64_t interval_ms,
                     const std::vector<Figures>& sessions, const std::vector<Figures>& tenants) {
  std::vector<std::string> entries;
  for (const Figures& tenant : tenants) {
    std::vector<std::string> own;
    for (const Figures& session : sessions)
      if (session.tenant == tenant.tenant) own.push_back(session_json(session));
    JsonObject object;
    object.text("name", tenant.tenant).number("session_limit", tenant.session_limit);
    entries.push_back(add_rates(object, tenant).raw("sessions", json_array(own)).str());
  }
  return JsonObject()
             .text("version", status.version())
             .number("pid", status.pid())
             .number("uptime_ms", status.uptime_ms())
             .number("interval_ms", interval_ms)
             .raw("tenants", json_array(entries))
             .str() +
         "\n";
}

}  // namespace viaduct::tools
