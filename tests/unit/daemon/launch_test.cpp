// A worker's confinement in each of its modes, as far as this machine and user allow them.
#include "host-renderer/sandbox/launch.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "host-renderer/daemon/privileges.hpp"

namespace viaduct::host::sandbox {
namespace {

namespace fs = std::filesystem;

struct Launched {
  bool launched = false;
  uint32_t measures = 0;
  int wait_status = -1;
  std::string failure;
  std::string printed;
};

class LaunchTest : public testing::TestWithParam<Mode> {
 protected:
  LaunchTest() {
    char pattern[] = "/tmp/viaduct-launch-XXXXXX";
    folder_ = ::mkdtemp(pattern);
    ::chmod(folder_.c_str(), 0755);
    std::ofstream(folder_ + "/secret") << "world-readable";
    config_.mode = GetParam();
    config_.worker = VIADUCT_FAKE_WORKER;
    config_.environment = {"VIADUCT_FAKE_START=look", "VIADUCT_FAKE_BESIDE=" + folder_ + "/secret",
                           "ASAN_OPTIONS=detect_leaks=0"};
    config_.view = make_view({});
    config_.uid = daemon::throw_away_uid(7);
  }
  ~LaunchTest() override { fs::remove_all(folder_); }

  void SetUp() override {
    const bool root_mode = GetParam() == Mode::root_namespaces || GetParam() == Mode::uid_only;
    if (root_mode && ::geteuid() != 0) GTEST_SKIP() << "needs root";
    if (GetParam() == Mode::root_namespaces || GetParam() == Mode::user_namespaces) {
      const std::string problem = probe(config_);
      if (!problem.empty()) GTEST_SKIP() << "no namespaces here: " << problem;
    }
  }

  // Starts a worker and waits until it is gone.
  Launched launch() {
    int link[2];
    int report[2];
    int log[2];
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, link), 0);
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, report), 0);
    EXPECT_EQ(::pipe2(log, O_CLOEXEC), 0);
    const UniqueFd near_link(link[0]);
    const UniqueFd near_report(report[0]);
    const UniqueFd near_log(log[0]);
    EXPECT_TRUE(launch_worker(config_, {UniqueFd(link[1]), UniqueFd(report[1]), UniqueFd(log[1])}));
    Launched out;
    Report message;
    while (::recv(near_report.get(), &message, sizeof(message), 0) == sizeof(message)) {
      if (message.kind == Report::launched) {
        out.launched = true;
        out.measures = message.measures;
      }
      if (message.kind == Report::exited) out.wait_status = message.value;
      if (message.kind == Report::failed) out.failure = message.text;
    }
    char buffer[4096];
    for (ssize_t got = 0; (got = ::read(near_log.get(), buffer, sizeof(buffer))) > 0;) {
      out.printed.append(buffer, static_cast<std::size_t>(got));
    }
    ::waitpid(-1, nullptr, 0);
    return out;
  }

  std::string folder_;
  LaunchConfig config_;
};

TEST_P(LaunchTest, a_worker_sees_no_file_of_the_hosts) {
  const Launched out = launch();
  ASSERT_TRUE(out.launched) << out.failure;
  EXPECT_EQ(out.wait_status, 0) << out.printed;
  const uint32_t filesystem = kMountNamespace | kLandlock;
  if ((out.measures & filesystem) == 0)
    GTEST_SKIP() << "neither mount namespaces nor Landlock in this kernel";
  EXPECT_NE(out.printed.find("uid="), std::string::npos) << out.printed;
  EXPECT_EQ(out.printed.find("sees:"), std::string::npos) << out.printed;
}

TEST_P(LaunchTest, what_is_reported_is_what_is_there) {
  const Launched out = launch();
  ASSERT_TRUE(out.launched) << out.failure;
  const bool root_mode = GetParam() == Mode::root_namespaces || GetParam() == Mode::uid_only;
  const bool namespaces = GetParam() == Mode::root_namespaces || GetParam() == Mode::user_namespaces;
  EXPECT_EQ((out.measures & kThrowAwayUid) != 0, root_mode);
  EXPECT_EQ((out.measures & kPidNamespace) != 0, namespaces);
  EXPECT_EQ((out.measures & kUserNamespace) != 0, GetParam() == Mode::user_namespaces);
  EXPECT_NE(out.measures & kEarlyFilter, 0u);
  if (root_mode) {
    EXPECT_NE(out.printed.find("uid=" + std::to_string(config_.uid) + " "), std::string::npos) << out.printed;
  }
  EXPECT_EQ(out.printed.find(" pid=2 ") != std::string::npos, namespaces) << out.printed;
}

TEST_P(LaunchTest, a_worker_that_cannot_be_run_is_named) {
  config_.worker = folder_ + "/secret";  // no program
  ::chmod(config_.worker.c_str(), 0755);
  const Launched out = launch();
  EXPECT_NE(out.failure.find(config_.worker), std::string::npos) << out.failure;
}

TEST_P(LaunchTest, closing_the_report_socket_kills_the_worker) {
  config_.environment[0] = "VIADUCT_FAKE_START=slow";
  int report[2];
  int log[2];
  int link[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, link), 0);
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, report), 0);
  ASSERT_EQ(::pipe2(log, O_CLOEXEC), 0);
  const UniqueFd near_link(link[0]);
  UniqueFd near_report(report[0]);
  const UniqueFd near_log(log[0]);
  ASSERT_TRUE(launch_worker(config_, {UniqueFd(link[1]), UniqueFd(report[1]), UniqueFd(log[1])}));
  Report message;
  ASSERT_EQ(::recv(near_report.get(), &message, sizeof(message), 0), static_cast<ssize_t>(sizeof(message)));
  near_report.reset();
  // The log pipe ends when the last process that holds it has: init and worker, which would sleep a minute.
  ::alarm(10);
  char byte = 0;
  EXPECT_EQ(::read(near_log.get(), &byte, 1), 0);
  ::alarm(0);
  ::waitpid(-1, nullptr, 0);
}

std::string mode_name(const testing::TestParamInfo<Mode>& info) {
  constexpr const char* kNames[] = {"root_namespaces", "user_namespaces", "uid_only", "none"};
  return kNames[static_cast<int>(info.param)];
}

INSTANTIATE_TEST_SUITE_P(Modes, LaunchTest,
                         testing::Values(Mode::root_namespaces, Mode::user_namespaces, Mode::uid_only,
                                         Mode::none),
                         mode_name);

}  // namespace
}  // namespace viaduct::host::sandbox
