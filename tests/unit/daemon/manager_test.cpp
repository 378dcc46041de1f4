// What viaductd tells the service manager that started it.
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>

#include "base/unique_fd.hpp"
#include "tests/unit/daemon/daemon_process.hpp"

namespace viaduct::daemon_test {
namespace {

// A socket as systemd's: datagrams, and who sent each.
class Manager {
 public:
  explicit Manager(bool abstract = false) {
    if (abstract) {
      place_ = "@viaduct-test-" + std::to_string(::getpid());
    } else {
      char pattern[] = "/tmp/viaduct-notify-XXXXXX";
      folder_ = ::mkdtemp(pattern);
      std::filesystem::permissions(folder_, std::filesystem::perms(0755));
      place_ = folder_ + "/notify";
    }
    socket_ = UniqueFd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, place_.data(), place_.size());
    if (abstract) address.sun_path[0] = 0;
    const auto size = offsetof(sockaddr_un, sun_path) + place_.size() + (abstract ? 0 : 1);
    EXPECT_EQ(::bind(socket_.get(), reinterpret_cast<sockaddr*>(&address), static_cast<socklen_t>(size)), 0);
    // The service has given up root when it tells.
    if (!abstract) std::filesystem::permissions(place_, std::filesystem::perms(0777));
    const int on = 1;
    ::setsockopt(socket_.get(), SOL_SOCKET, SO_PASSCRED, &on, sizeof(on));
  }
  ~Manager() {
    if (!folder_.empty()) std::filesystem::remove_all(folder_);
  }

  [[nodiscard]] std::string variable() const { return "NOTIFY_SOCKET=" + place_; }
  // The next datagram; empty when none comes in time.
  std::string next(int ms = 10'000) {
    pollfd polled{socket_.get(), POLLIN, 0};
    if (::poll(&polled, 1, ms) != 1) return "";
    char bytes[4096];
    char control[256];
    iovec part{bytes, sizeof(bytes)};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof(control);
    const ssize_t got = ::recvmsg(socket_.get(), &message, 0);
    sender_ = 0;
    for (cmsghdr* head = CMSG_FIRSTHDR(&message); head != nullptr; head = CMSG_NXTHDR(&message, head)) {
      if (head->cmsg_type != SCM_CREDENTIALS) continue;
      ucred who{};
      std::memcpy(&who, CMSG_DATA(head), sizeof(who));
      sender_ = who.pid;
    }
    return got <= 0 ? "" : std::string(bytes, static_cast<std::size_t>(got));
  }
  // The next that is not the watchdog's.
  std::string next_word() {
    std::string word = next();
    while (word == "WATCHDOG=1") word = next();
    return word;
  }
  [[nodiscard]] pid_t sender() const { return sender_; }

 private:
  std::string folder_;
  std::string place_;
  UniqueFd socket_;
  pid_t sender_ = 0;
};

Daemon::Options under(const Manager& manager, std::vector<std::string> more = {},
                      const std::string& config = "") {
  more.push_back(manager.variable());
  return {.arguments = {}, .environment = std::move(more), .config = config};
}

TEST(ServiceManager, hears_when_workers_start_and_when_it_stops) {
  Manager manager;
  Daemon daemon(under(manager));
  EXPECT_EQ(manager.next(), "READY=1\nSTATUS=workers start") << daemon.log();
  EXPECT_EQ(manager.sender(), daemon.pid()) << "systemd hears the main process alone";
  EXPECT_NE(daemon.connect(), nullptr);
  EXPECT_TRUE(daemon.guest("ok").answered);
  daemon.signal(SIGTERM);
  EXPECT_EQ(manager.next(), "STOPPING=1");
  EXPECT_EQ(daemon.wait(), 0);
  EXPECT_EQ(manager.next(0), "") << "each is told once";
}

TEST(ServiceManager, may_have_an_abstract_socket) {
  Manager manager(true);
  Daemon daemon(under(manager));
  EXPECT_EQ(manager.next(), "READY=1\nSTATUS=workers start") << daemon.log();
}

TEST(ServiceManager, hears_why_no_worker_starts) {
  Manager manager;
  Daemon daemon(under(manager, {"VIADUCT_FAKE_START=fail"}));
  EXPECT_EQ(manager.next(),
            "READY=1\nSTATUS=no worker could start: no driver: libfake.so: cannot open shared object file");
}

TEST(ServiceManager, waits_for_a_worker_as_long_as_a_session_would) {
  Manager manager;
  Daemon daemon(under(manager, {"VIADUCT_FAKE_START=slow"}, "[pool]\nstart_timeout_ms = 300\n"));
  EXPECT_EQ(manager.next(), "READY=1\nSTATUS=no worker has started within 300 ms");
}

TEST(ServiceManager, need_not_wait_where_no_worker_is_kept_warm) {
  Manager manager;
  Daemon daemon(under(manager, {}, "[pool]\nwarm = 0\n"));
  EXPECT_EQ(manager.next(), "READY=1\nSTATUS=no worker is kept warm");
  EXPECT_TRUE(daemon.guest("ok").answered);
}

TEST(ServiceManager, hears_that_the_loop_turns_as_often_as_it_asks) {
  Manager manager;
  Daemon daemon(under(manager, {"WATCHDOG_USEC=100000"}));
  std::size_t ready = 0;
  std::size_t alive_signs = 0;
  for (int i = 0; i < 8; ++i) {
    const std::string word = manager.next();
    ready += word.starts_with("READY=1") ? 1 : 0;
    alive_signs += word == "WATCHDOG=1" ? 1 : 0;
  }
  EXPECT_EQ(ready, 1u);
  EXPECT_EQ(alive_signs, 7u);
  // A loop that hangs says nothing.
  daemon.signal(SIGSTOP);
  while (!manager.next(1000).empty()) {
  }
  daemon.signal(SIGCONT);
  EXPECT_EQ(manager.next(), "WATCHDOG=1");
}

TEST(ServiceManager, another_process_watchdog_is_not_this_ones) {
  Manager manager;
  Daemon daemon(under(manager, {"WATCHDOG_USEC=1000", "WATCHDOG_PID=1"}));
  EXPECT_TRUE(manager.next().starts_with("READY=1"));
  daemon.signal(SIGTERM);
  EXPECT_EQ(manager.next(), "STOPPING=1");
}

TEST(ServiceManager, that_cannot_be_told_stops_nothing) {
  for (const char* place : {"/nonexistent/notify", "vsock:2:1234", "/", "relative"}) {
    Daemon daemon({.arguments = {}, .environment = {std::string("NOTIFY_SOCKET=") + place}, .config = ""});
    EXPECT_TRUE(daemon.guest("ok").answered) << place << daemon.log();
  }
}

}  // namespace
}  // namespace viaduct::daemon_test
