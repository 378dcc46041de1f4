#include "host-renderer/daemon/journal.hpp"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdlib>
#include <cstring>

#include "base/unique_fd.hpp"

namespace viaduct::host::daemon {
namespace {

constexpr std::string_view kOwnLines = "viaduct worker ";
constexpr std::array<std::string_view, 5> kLevels = {"off", "error", "warn", "info", "debug"};
// syslog(3)'s, by LogLevel.
constexpr std::array<int, 5> kPriorities = {6, 3, 4, 6, 7};

// Connected, for as long as the process lives: lines may be written at its very end.
std::atomic<int> g_journal{-1};

bool send(const std::string& fields) noexcept {
  const int socket = g_journal.load(std::memory_order_relaxed);
  if (socket < 0) return false;
  const ssize_t sent = ::send(socket, fields.data(), fields.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  return sent == static_cast<ssize_t>(fields.size());
}

void add(std::string& out, std::string_view name, std::string_view value) {
  if (value.empty()) return;
  out.append(name).append("=").append(value).append("\n");
}

// The value behind "name=" up to the next space.
std::string_view value_of(std::string_view text, std::string_view name) {
  const std::size_t at = text.find(name);
  if (at == std::string_view::npos) return {};
  text.remove_prefix(at + name.size());
  return text.substr(0, text.find(' '));
}

std::string fields_of(LogLevel level, std::string_view line, std::string_view side,
                      std::string_view component, std::string_view tenant, std::string_view session) {
  std::string out;
  add(out, "MESSAGE", line);
  add(out, "PRIORITY", std::to_string(kPriorities[static_cast<std::size_t>(level)]));
  add(out, "SYSLOG_IDENTIFIER", "viaductd");
  add(out, "VIADUCT_SIDE", side);
  add(out, "VIADUCT_COMPONENT", component);
  add(out, "VIADUCT_TENANT", tenant);
  add(out, "VIADUCT_SESSION", session);
  return out;
}

bool take_own(const LogLine& line) noexcept {
  try {
    return send(journal_fields(line));
  } catch (const std::bad_alloc&) {
    return false;
  }
}

}  // namespace

bool stderr_is_the_journals() {
  const char* stream = std::getenv("JOURNAL_STREAM");
  struct stat status {};
  if (stream == nullptr || ::fstat(STDERR_FILENO, &status) != 0) return false;
  return std::to_string(status.st_dev) + ":" + std::to_string(status.st_ino) == stream;
}

bool log_to_journal(const std::string& path) {
  sockaddr_un address{};
  if (path.size() >= sizeof(address.sun_path)) return false;
  UniqueFd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  if (!socket || ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0)
    return false;
  g_journal = socket.release();
  log_set_sink(&take_own);
  return true;
}

bool journal_take(std::string_view line, std::string_view label) noexcept {
  try {
    return g_journal.load(std::memory_order_relaxed) >= 0 && send(journal_fields(line, label));
  } catch (const std::bad_alloc&) {
    return false;
  }
}

std::string journal_fields(const LogLine& line) {
  // What is about a session begins with its label: "session 3 (tenant alice, program, pid 7)".
  constexpr std::string_view kSession = "session ", kTenant = " (tenant ";
  std::string_view tenant, session;
  const std::string_view text = line.text;
  if (const std::size_t at = text.find(kTenant); text.starts_with(kSession) && at != std::string_view::npos) {
    session = text.substr(kSession.size(), at - kSession.size());
    tenant = text.substr(at + kTenant.size());
    tenant = tenant.substr(0, tenant.find(','));
  }
  return fields_of(line.level, line.line, "daemon", line.component, tenant, session);
}

std::string journal_fields(std::string_view line, std::string_view label) {
  // Whose it is says the daemon, not the line.
  const std::string_view tenant = value_of(label, "tenant="), session = value_of(label, "session=");
  LogLevel level = LogLevel::info;
  if (!line.starts_with(kOwnLines)) return fields_of(level, line, "driver", {}, tenant, session);
  // "viaduct worker … [PID] LEVEL COMPONENT: text"
  std::string_view component;
  if (const std::size_t at = line.find("] "); at != std::string_view::npos) {
    std::string_view rest = line.substr(at + 2);
    for (std::size_t i = 1; i < kLevels.size(); ++i) {
      if (!rest.starts_with(kLevels[i]) || rest.size() <= kLevels[i].size() || rest[kLevels[i].size()] != ' ')
        continue;
      level = static_cast<LogLevel>(i);
      rest.remove_prefix(kLevels[i].size() + 1);
      const std::size_t colon = rest.find(':');
      if (colon != std::string_view::npos) component = rest.substr(0, colon);
      break;
    }
  }
  return fields_of(level, line, "worker", component, tenant, session);
}

}  // namespace viaduct::host::daemon
