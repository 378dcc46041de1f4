// The service manager that started this process, systemd say, as sd_notify(3) specifies it: a datagram to the
// socket that NOTIFY_SOCKET names, for each thing that it is told. Without that variable there is none, and
// telling it does nothing. One thread.
#pragma once

#include <chrono>
#include <string>

#include "base/unique_fd.hpp"

namespace viaduct::host::daemon {

class ServiceManager {
 public:
  ServiceManager() = default;
  // Takes its variables out of the environment: they are for this process alone.
  static ServiceManager from_environment();

  [[nodiscard]] bool present() const { return static_cast<bool>(socket_); }
  // A line, or several with line ends between them, like "READY=1". Waits a second at most.
  void tell(const std::string& state);
  // One line that the service's status shows, in any words.
  void tell_ready(const std::string& status);
  // It restarts a service that does not say WATCHDOG=1 within this time; 0: it does not ask for that.
  [[nodiscard]] std::chrono::microseconds watchdog() const { return watchdog_; }

 private:
  std::string place_;  // a path, or '@' and an abstract name
  UniqueFd socket_;
  std::chrono::microseconds watchdog_{0};
};

}  // namespace viaduct::host::daemon
