// A viaductd of its own for one test, with the fake worker, and guests that speak only the handshake.
#pragma once

#include <sys/types.h>

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "generated/protocol/control/control.pb.h"
#include "protocol/control/handshake.hpp"
#include "transport/stream/connect.hpp"
#include "transport/stream/frame.hpp"
#include "transport/stream/unix_stream.hpp"

namespace viaduct::daemon_test {

// Runs a program to its end; its standard output and error together.
struct Finished {
  int status = -1;  // exit status, or 1000 + signal
  std::string output;
};
Finished run(const std::vector<std::string>& command, const std::vector<std::string>& environment = {});

struct Guest {
  std::unique_ptr<transport::Stream> stream;
  transport::Frame answer;  // the first frame, if one came
  bool answered = false;
  // Whether the host hangs up within that time.
  [[nodiscard]] bool hung_up_within(int ms) const;
  [[nodiscard]] std::string refusal() const;
  [[nodiscard]] std::optional<protocol::RefusalCode> refusal_code() const;
  [[nodiscard]] std::string driver_name() const;
};

class Daemon {
 public:
  struct Options {
    std::vector<std::string> arguments;
    std::vector<std::string> environment;  // NAME=VALUE, added
    std::string config;                    // TOML; empty = none
  };
  Daemon() : Daemon(Options()) {}
  explicit Daemon(const Options& options);
  ~Daemon();

  // Says hello as `program` and waits for the first answer.
  [[nodiscard]] Guest guest(const std::string& program, const std::string& tenant = "");
  // Sends a first frame there and waits for the first answer.
  [[nodiscard]] static Guest send_first(const std::string& url, transport::FrameKind kind,
                                        std::span<const std::byte> payload);
  [[nodiscard]] std::unique_ptr<transport::UnixStream> connect(const std::string& tenant = "");
  [[nodiscard]] control::AdminReply admin(const control::AdminRequest& request);
  [[nodiscard]] control::Status status();
  [[nodiscard]] Finished ctl(std::vector<std::string> arguments);

  void signal(int number) const;
  // The exit status, or 1000 + signal, or -1 if it runs on for 10 s.
  int wait();
  [[nodiscard]] std::string log() const;
  [[nodiscard]] bool wait_log(const std::string& text, int ms = 3000) const;
  [[nodiscard]] std::vector<pid_t> workers() const;  // processes named fake_worker or viaduct-worker below it
  [[nodiscard]] std::vector<pid_t> below() const;
  [[nodiscard]] bool wait_warm(uint32_t count, int ms = 5000);

  [[nodiscard]] pid_t pid() const { return pid_; }
  [[nodiscard]] const std::string& folder() const { return folder_; }
  [[nodiscard]] const std::string& socket() const { return socket_; }

 private:
  std::string folder_;
  std::string socket_;
  pid_t pid_ = -1;
};

[[nodiscard]] bool alive(pid_t pid);
[[nodiscard]] std::vector<std::byte> hello_bytes(const std::string& program);

template <class Condition>
bool eventually(Condition condition, int ms) {
  const Deadline deadline = Deadline::after_ms(ms);
  while (!condition()) {
    if (deadline.expired()) return condition();
    ::usleep(2000);
  }
  return true;
}

}  // namespace viaduct::daemon_test
