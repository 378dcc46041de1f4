#include "host-renderer/daemon/service_manager.hpp"

#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <utility>

#include "base/log.hpp"

namespace viaduct::host::daemon {
namespace {

std::string take_variable(const char* name) {
  const char* value = std::getenv(name);
  std::string out = value == nullptr ? "" : value;
  ::unsetenv(name);
  return out;
}

std::optional<uint64_t> number(const std::string& text) {
  uint64_t value = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
  if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

ServiceManager ServiceManager::from_environment() {
  ServiceManager manager;
  manager.place_ = take_variable("NOTIFY_SOCKET");
  const auto microseconds = number(take_variable("WATCHDOG_USEC"));
  const std::string whose = take_variable("WATCHDOG_PID");
  if (manager.place_.empty()) return manager;
  const bool known = manager.place_.front() == '/' || manager.place_.front() == '@';
  if (!known || manager.place_.size() < 2 || manager.place_.size() >= sizeof(sockaddr_un::sun_path)) {
    VIADUCT_LOG_WARN("daemon",
                     "NOTIFY_SOCKET is '%s', which is no Unix socket: the service manager is told nothing",
                     manager.place_.c_str());
    return manager;
  }
  manager.socket_ = UniqueFd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  const timeval second{1, 0};
  if (manager.socket_) ::setsockopt(manager.socket_.get(), SOL_SOCKET, SO_SNDTIMEO, &second, sizeof(second));
  const bool ours = whose.empty() || number(whose) == static_cast<uint64_t>(::getpid());
  // A day is more than anybody means.
  if (microseconds && ours)
    manager.watchdog_ = std::chrono::microseconds(std::min<uint64_t>(*microseconds, 86'400'000'000u));
  return manager;
}

void ServiceManager::tell(const std::string& state) {
  if (!socket_) return;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, place_.data(), place_.size());
  if (address.sun_path[0] == '@') address.sun_path[0] = 0;
  // A path ends with a 0, an abstract name with the address.
  const std::size_t size = offsetof(sockaddr_un, sun_path) + place_.size() + (place_.front() == '/' ? 1 : 0);
  ssize_t sent = -1;
  do {
    sent = ::sendto(socket_.get(), state.data(), state.size(), MSG_NOSIGNAL,
                    reinterpret_cast<const sockaddr*>(&address), static_cast<socklen_t>(size));
  } while (sent < 0 && errno == EINTR);
  if (sent < 0)
    VIADUCT_LOG_WARN("daemon", "the service manager at %s cannot be told: %s", place_.c_str(),
                     std::strerror(errno));
}

void ServiceManager::tell_ready(const std::string& status) {
  std::string line = status;
  std::replace(line.begin(), line.end(), '\n', ' ');
  tell("READY=1\nSTATUS=" + line);
}

}  // namespace viaduct::host::daemon
