// viaductd as a process, with a fake worker: sessions, from hello to whichever end comes first.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>

#include "base/log_buckets.hpp"
#include "tests/unit/daemon/daemon_process.hpp"

namespace viaduct::daemon_test {
namespace {

constexpr int kSoon = 1000;  // how long a death may take to be noticed, in ms

uint64_t memfd_kib(pid_t pid) {
  std::ifstream status("/proc/" + std::to_string(pid) + "/status");
  for (std::string word; status >> word;) {
    uint64_t value = 0;
    if (word == "RssShmem:" && status >> value) return value;
  }
  return 0;
}

TEST(Session, begins_with_a_welcome_and_three_descriptors) {
  Daemon daemon;
  const Guest guest = daemon.guest("ok");
  ASSERT_EQ(guest.driver_name(), "fake driver of default") << daemon.log();
  EXPECT_EQ(guest.answer.fds.size(), 3u);
  const auto welcome = protocol::decode_welcome(guest.answer.payload);
  struct stat region {};
  ASSERT_EQ(::fstat(guest.answer.fds[0].get(), &region), 0);
  EXPECT_EQ(static_cast<uint64_t>(region.st_size), welcome->region_size);
  EXPECT_NE(::ftruncate(guest.answer.fds[0].get(), 0), 0) << "a guest could make the worker fault";
}

TEST(Session, is_shown_by_status_with_what_the_worker_counts) {
  Daemon daemon({.arguments = {}, .environment = {}, .config = "[tenants.alice]\n"});
  const Guest guest = daemon.guest("ok", "alice");
  ASSERT_TRUE(guest.answered) << daemon.log();
  const control::Status status = daemon.status();
  ASSERT_EQ(status.tenants_size(), 2);
  const auto& alice = status.tenants(0).name() == "alice" ? status.tenants(0) : status.tenants(1);
  ASSERT_EQ(alice.sessions_size(), 1);
  EXPECT_EQ(alice.sessions(0).program(), "ok");
  EXPECT_EQ(alice.sessions(0).guest_pid(), static_cast<uint32_t>(::getpid()));
  EXPECT_EQ(alice.sessions(0).frames(), 7u);
  EXPECT_EQ(alice.sessions(0).memory_mode(), "shadow");
  EXPECT_TRUE(alive(static_cast<pid_t>(alice.sessions(0).worker_pid())));
  EXPECT_NE(alice.sessions(0).sandbox().find("seccomp"), std::string::npos) << alice.sessions(0).sandbox();
}

TEST(Session, shows_how_long_its_frames_took_to_whom_asks) {
  Daemon daemon({.arguments = {}, .environment = {}, .config = "[limits]\ndevice_memory = \"1 GiB\"\n"});
  const Guest guest = daemon.guest("ok");
  ASSERT_TRUE(guest.answered) << daemon.log();
  const control::Status plain = daemon.status();
  EXPECT_FALSE(plain.tenants(0).sessions(0).has_frame_times());
  EXPECT_EQ(plain.tenants(0).sessions(0).device_memory_limit(), 1u << 30);
  EXPECT_GT(plain.tenants(0).sessions(0).arena_limit(), 0u);
  control::AdminRequest request;
  request.mutable_status()->set_frame_times(true);
  const control::Status status = daemon.admin(request).status();
  EXPECT_GT(status.time_ns(), plain.time_ns());
  const control::FrameTimes& times = status.tenants(0).sessions(0).frame_times();
  EXPECT_EQ(times.sum_ns(), 6u * 20'000'000);
  EXPECT_EQ(times.first(), LogBuckets::index_of(20'000'000));
  ASSERT_EQ(times.counts_size(), 1);
  EXPECT_EQ(times.counts(0), 6u);
}

TEST(Session, ends_with_the_guest) {
  Daemon daemon;
  Guest guest = daemon.guest("ok");
  ASSERT_TRUE(guest.answered);
  const pid_t worker = static_cast<pid_t>(daemon.status().tenants(0).sessions(0).worker_pid());
  guest.stream.reset();
  EXPECT_TRUE(eventually([&] { return !alive(worker); }, kSoon));
  EXPECT_TRUE(eventually([&] { return daemon.status().tenants(0).sessions_size() == 0; }, kSoon));
}

TEST(Session, ends_with_the_guests_process_even_if_a_child_holds_the_socket) {
  Daemon daemon;
  int ready[2];
  ASSERT_EQ(::pipe(ready), 0);
  const pid_t guest = ::fork();
  if (guest == 0) {
    const Guest session = daemon.guest("ok");
    const pid_t child = ::fork();  // inherits the socket
    if (child == 0) {
      ::close(ready[1]);
      ::sleep(20);
      ::_exit(0);
    }
    [[maybe_unused]] const ssize_t written = ::write(ready[1], &child, sizeof(child));
    ::pause();
  }
  pid_t child = 0;
  ASSERT_EQ(::read(ready[0], &child, sizeof(child)), static_cast<ssize_t>(sizeof(child)));
  const pid_t worker = static_cast<pid_t>(daemon.status().tenants(0).sessions(0).worker_pid());
  ::kill(guest, SIGKILL);
  ::waitpid(guest, nullptr, 0);
  EXPECT_TRUE(eventually([&] { return !alive(worker); }, kSoon));
  EXPECT_TRUE(daemon.wait_log("its process ended"));
  ::kill(child, SIGKILL);
  ::close(ready[0]);
  ::close(ready[1]);
}

TEST(Session, a_killed_worker_hangs_the_guest_up_and_is_logged_with_its_cause) {
  Daemon daemon({.arguments = {}, .environment = {}, .config = "[tenants.alice]\n"});
  const Guest guest = daemon.guest("ok", "alice");
  const Guest other = daemon.guest("ok");
  ASSERT_TRUE(guest.answered && other.answered);
  const control::Status status = daemon.status();
  for (const auto& tenant : status.tenants()) {
    if (tenant.name() == "alice") ::kill(static_cast<pid_t>(tenant.sessions(0).worker_pid()), SIGKILL);
  }
  EXPECT_TRUE(guest.hung_up_within(kSoon));
  EXPECT_TRUE(daemon.wait_log("(tenant alice, ok, pid " + std::to_string(::getpid()) +
                              ") lost its device after 7 frames: worker killed by signal 9"))
      << daemon.log();
  EXPECT_FALSE(other.stream->hung_up());
}

TEST(Session, a_crashing_worker_costs_its_own_session_only) {
  Daemon daemon;
  const Guest other = daemon.guest("ok");
  const Guest guest = daemon.guest("crash");
  EXPECT_TRUE(guest.hung_up_within(kSoon));
  EXPECT_TRUE(daemon.wait_log("lost its device")) << daemon.log();
  EXPECT_FALSE(other.stream->hung_up());
  EXPECT_EQ(daemon.guest("ok").driver_name(), "fake driver of default");
}

TEST(Session, a_workers_exit_status_is_logged) {
  Daemon daemon;
  const Guest guest = daemon.guest("exit3");
  EXPECT_TRUE(guest.hung_up_within(kSoon));
  EXPECT_TRUE(daemon.wait_log("exited with status 3")) << daemon.log();
}

TEST(Session, malformed_data_is_logged_as_the_worker_tells_it) {
  Daemon daemon;
  const Guest guest = daemon.guest("baddata");
  EXPECT_TRUE(guest.hung_up_within(kSoon));
  EXPECT_TRUE(daemon.wait_log("bad data: absurd count in vkCmdDraw at offset 24")) << daemon.log();
}

TEST(Session, leaves_no_memory_behind) {
  Daemon daemon({.arguments = {}, .environment = {}, .config = "[limits]\narena = \"128 MiB\"\n"});
  Guest guest = daemon.guest("rich");
  ASSERT_TRUE(guest.answered) << daemon.log();
  const pid_t worker = static_cast<pid_t>(daemon.status().tenants(0).sessions(0).worker_pid());
  EXPECT_TRUE(eventually([&] { return memfd_kib(worker) > 60 * 1024; }, 5000));
  struct stat region {};
  ::fstat(guest.answer.fds[0].get(), &region);
  ::kill(worker, SIGKILL);
  EXPECT_TRUE(eventually([&] { return !alive(worker); }, kSoon));
  // Nobody but this guest holds the region any more.
  for (const pid_t pid : daemon.below()) EXPECT_LT(memfd_kib(pid), 1024u);
  EXPECT_LT(memfd_kib(daemon.pid()), 1024u);
}

TEST(Session, one_that_the_worker_cannot_serve_is_refused_with_its_reason) {
  Daemon daemon;
  const Guest guest = daemon.guest("fail");
  EXPECT_NE(guest.refusal().find("the fake driver is in a bad mood"), std::string::npos) << daemon.log();
  EXPECT_TRUE(guest.hung_up_within(kSoon));
}

TEST(Session, one_that_does_not_start_in_time_is_refused) {
  Daemon daemon({.arguments = {}, .environment = {}, .config = "[pool]\nstart_timeout_ms = 300\n"});
  const Guest guest = daemon.guest("mute");
  EXPECT_NE(guest.refusal().find("did not start within 300 ms"), std::string::npos) << daemon.log();
  EXPECT_EQ(daemon.guest("ok").driver_name(), "fake driver of default");
}

TEST(Session, more_than_the_tenant_may_have_are_refused) {
  Daemon daemon({.arguments = {}, .environment = {}, .config = "[tenants.alice]\nsessions = 1\n"});
  const Guest first = daemon.guest("ok", "alice");
  ASSERT_TRUE(first.answered);
  EXPECT_NE(daemon.guest("ok", "alice").refusal().find("has all the sessions it may have (1)"),
            std::string::npos);
  EXPECT_EQ(daemon.guest("ok").driver_name(), "fake driver of default") << "other tenants are not concerned";
}

TEST(Worker, sees_nothing_of_the_host_and_holds_only_its_session) {
  Daemon daemon;
  const Guest guest = daemon.guest("look");
  const std::string seen = guest.driver_name();
  ASSERT_FALSE(seen.empty()) << daemon.log();
  EXPECT_EQ(seen.find("beside"), std::string::npos) << seen;
  if (!daemon.status().sandbox_complete()) GTEST_SKIP() << "no namespaces on this machine";
  EXPECT_EQ(seen.find("sees:"), std::string::npos) << seen;
  EXPECT_NE(seen.find(" fds=7 "), std::string::npos)
      << "link, control, region, two doorbells, stats, gate: " << seen;
  EXPECT_NE(seen.find(" pid=2 "), std::string::npos) << seen;
  EXPECT_NE(seen.find("secret=none"), std::string::npos) << seen;
  EXPECT_EQ(seen.find("uid=0 "), std::string::npos) << seen;
}

TEST(Worker, each_has_an_identity_of_its_own_when_root_starts_them) {
  if (::geteuid() != 0) GTEST_SKIP() << "not root";
  Daemon daemon;
  ASSERT_TRUE(daemon.wait_warm(2)) << daemon.log();
  const auto workers = daemon.workers();
  ASSERT_EQ(workers.size(), 2u);
  struct stat first {};
  struct stat second {};
  ::stat(("/proc/" + std::to_string(workers[0]) + "/attr").c_str(), &first);
  ::stat(("/proc/" + std::to_string(workers[1]) + "/attr").c_str(), &second);
  std::ifstream status("/proc/" + std::to_string(daemon.pid()) + "/status");
  std::string word;
  while (status >> word && word != "Uid:") {
  }
  uid_t uid = 0;
  status >> uid;
  EXPECT_NE(uid, 0u) << "what reads guests' bytes is not root";
  EXPECT_NE(first.st_uid, second.st_uid);
  EXPECT_NE(first.st_uid, 0u);
  EXPECT_NE(first.st_uid, uid);
}

}  // namespace
}  // namespace viaduct::daemon_test
