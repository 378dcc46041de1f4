// A renderer service of the bench's own: viaductd with a private socket, so that one command measures without
// anything having been started, and with the environment that a row wants.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace viaduct::bench {

// Names the process of the service that a run started, for the processes that measure; 0: the host's side is
// not seen.
inline constexpr char kServiceVariable[] = "VIADUCT_BENCH_SERVICE";

class Service {
 public:
  // Starts the viaductd beside this program (else the one in PATH) on `driver` (empty: its own choice) with
  // `environment` (NAME=VALUE) besides this process's, and waits until it listens. std::runtime_error with
  // what it said if it does not within ten seconds.
  Service(const std::string& driver, const std::vector<std::string>& environment);
  ~Service();
  Service(const Service&) = delete;
  Service& operator=(const Service&) = delete;

  pid_t process() const { return process_; }
  // What it has written so far.
  std::string log() const;
  std::string url() const { return "unix://" + folder_ + "/v.sock"; }

 private:
  void stop() noexcept;

  std::string folder_;
  pid_t process_ = -1;
};

// An X server without a screen, so that windows cost the same on every machine: starts Xvfb and sets DISPLAY.
// Where Xvfb is not installed, DISPLAY stays what it is.
class VirtualDisplay {
 public:
  VirtualDisplay();
  ~VirtualDisplay();
  VirtualDisplay(const VirtualDisplay&) = delete;
  VirtualDisplay& operator=(const VirtualDisplay&) = delete;

 private:
  pid_t process_ = -1;
};

}  // namespace viaduct::bench
