// viaductd as a process, with a fake worker: its pool, its handshakes with strangers, its end, its
// administration.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <random>

#include "tests/unit/daemon/daemon_process.hpp"

namespace viaduct::daemon_test {
namespace {

namespace fs = std::filesystem;

constexpr int kSoon = 1000;  // how long a death may take to be noticed, in ms

TEST(Pool, is_kept_warm_and_refilled) {
  Daemon daemon({.arguments = {}, .environment = {}, .config = "[pool]\nwarm = 3\n"});
  ASSERT_TRUE(daemon.wait_warm(3)) << daemon.log();
  const Guest guest = daemon.guest("ok");
  ASSERT_TRUE(guest.answered);
  EXPECT_TRUE(daemon.wait_warm(3));
  EXPECT_EQ(daemon.workers().size(), 4u);
}

TEST(Pool, works_without_warm_workers) {
  Daemon daemon({.arguments = {}, .environment = {}, .config = "[pool]\nwarm = 0\n"});
  EXPECT_EQ(daemon.guest("ok").driver_name(), "fake driver of default") << daemon.log();
}

TEST(Pool, replaces_a_warm_worker_that_dies) {
  Daemon daemon({.arguments = {}, .environment = {}, .config = "[pool]\nwarm = 1\n"});
  ASSERT_TRUE(daemon.wait_warm(1));
  const pid_t first = daemon.workers().at(0);
  ::kill(first, SIGKILL);
  EXPECT_TRUE(eventually(
      [&] {
        const auto workers = daemon.workers();
        return daemon.status().warm_workers() == 1 && workers.size() == 1 && workers[0] != first;
      },
      5000))
      << daemon.log();
}

TEST(Pool, tells_the_guest_why_no_worker_starts) {
  Daemon daemon({.arguments = {}, .environment = {"VIADUCT_FAKE_START=fail"}, .config = ""});
  EXPECT_NE(daemon.guest("ok").refusal().find("libfake.so: cannot open shared object file"),
            std::string::npos)
      << daemon.log();
}

TEST(Pool, tells_the_guest_that_a_worker_exits_at_once) {
  Daemon daemon({.arguments = {}, .environment = {"VIADUCT_FAKE_START=exit"}, .config = ""});
  EXPECT_NE(daemon.guest("ok").refusal().find("exited with status 4"), std::string::npos) << daemon.log();
}

TEST(Pool, a_start_that_hangs_ends_with_a_refusal) {
  Daemon daemon({.arguments = {},
                 .environment = {"VIADUCT_FAKE_START=slow"},
                 .config = "[pool]\nstart_timeout_ms = 300\n"});
  EXPECT_NE(daemon.guest("ok").refusal().find("did not start"), std::string::npos) << daemon.log();
}

TEST(Handshake, garbage_is_one_log_line_and_a_closed_connection) {
  Daemon daemon;
  const auto stream = daemon.connect();
  ASSERT_TRUE(stream);
  const std::string garbage = "GET / HTTP/1.1\r\nHost: viaduct\r\n\r\n";
  ASSERT_TRUE(stream->send(std::as_bytes(std::span(garbage)), {}, Deadline::after_ms(1000)));
  EXPECT_TRUE(eventually([&] { return stream->hung_up(); }, kSoon));
  EXPECT_TRUE(daemon.wait_log("bad handshake")) << daemon.log();
  EXPECT_EQ(daemon.log().find("bad handshake"), daemon.log().rfind("bad handshake"));
  EXPECT_EQ(daemon.guest("ok").driver_name(), "fake driver of default");
}

TEST(Handshake, a_malformed_hello_is_refused) {
  Daemon daemon;
  const auto stream = daemon.connect();
  auto hello = hello_bytes("ok");
  hello.pop_back();
  const Deadline deadline = Deadline::after_ms(2000);
  ASSERT_TRUE(transport::write_frame(*stream, transport::FrameKind::session_hello, hello, {}, deadline));
  const auto answer = transport::read_frame(*stream, deadline);
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->kind, transport::FrameKind::refused);
  EXPECT_EQ(protocol::decode_refusal(answer->payload)->code, protocol::RefusalCode::bad_data);
}

TEST(Handshake, another_version_is_told_what_to_do) {
  Daemon daemon;
  const auto stream = daemon.connect();
  auto hello = hello_bytes("ok");
  hello[0] = std::byte{77};
  const Deadline deadline = Deadline::after_ms(2000);
  ASSERT_TRUE(transport::write_frame(*stream, transport::FrameKind::session_hello, hello, {}, deadline));
  const auto answer = transport::read_frame(*stream, deadline);
  ASSERT_TRUE(answer);
  const auto refusal = protocol::decode_refusal(answer->payload);
  ASSERT_TRUE(refusal);
  EXPECT_EQ(refusal->code, protocol::RefusalCode::incompatible);
  EXPECT_NE(refusal->message.find("install the same Viaduct"), std::string::npos);
}

TEST(Handshake, one_that_never_comes_ends_at_its_deadline) {
  Daemon daemon({.arguments = {}, .environment = {}, .config = "[pool]\nhandshake_timeout_ms = 300\n"});
  const auto stream = daemon.connect();
  const std::string half = "VDCT";
  ASSERT_TRUE(stream->send(std::as_bytes(std::span(half)), {}, Deadline::after_ms(1000)));
  EXPECT_FALSE(eventually([&] { return stream->hung_up(); }, 100));
  EXPECT_TRUE(eventually([&] { return stream->hung_up(); }, kSoon));
}

TEST(Handshake, a_crowd_that_never_speaks_keeps_nobody_out) {
  Daemon daemon;
  std::vector<std::unique_ptr<transport::UnixStream>> crowd;
  for (int i = 0; i < 200; ++i) crowd.push_back(daemon.connect());
  EXPECT_EQ(daemon.guest("ok").driver_name(), "fake driver of default") << daemon.log();
}

TEST(Handshake, noise_never_harms_the_daemon) {
  Daemon daemon;
  std::mt19937 random(7);
  for (int round = 0; round < 200; ++round) {
    const auto stream = daemon.connect();
    ASSERT_TRUE(stream);
    std::vector<std::byte> noise(random() % 300);
    for (std::byte& byte : noise) byte = static_cast<std::byte>(random());
    const auto header = transport::make_frame_header(static_cast<transport::FrameKind>(random() % 7),
                                                     static_cast<uint32_t>(noise.size()));
    const auto bytes = std::as_bytes(std::span(&header, 1));
    if (round % 2 == 0) (void)stream->send(bytes, {}, Deadline::after_ms(1000));
    (void)stream->send(noise, {}, Deadline::after_ms(1000));
  }
  EXPECT_EQ(daemon.guest("ok").driver_name(), "fake driver of default") << daemon.log();
}

TEST(Daemon, ends_on_sigterm_and_leaves_nothing) {
  Daemon daemon({.arguments = {}, .environment = {}, .config = "[tenants.alice]\n"});
  const Guest guest = daemon.guest("ok");
  ASSERT_TRUE(guest.answered);
  EXPECT_TRUE(fs::exists(daemon.socket() + ".d/alice.sock"));
  const auto below = daemon.below();
  EXPECT_GE(below.size(), 3u);
  daemon.signal(SIGTERM);
  EXPECT_EQ(daemon.wait(), 0);
  EXPECT_TRUE(guest.hung_up_within(kSoon));
  EXPECT_FALSE(fs::exists(daemon.socket()));
  EXPECT_FALSE(fs::exists(daemon.socket() + ".d"));
  for (const pid_t pid : below) EXPECT_FALSE(alive(pid)) << pid;
}

TEST(Daemon, leaves_nothing_even_when_it_is_killed) {
  Daemon daemon({.arguments = {}, .environment = {}, .config = "[tenants.alice]\n"});
  const Guest guest = daemon.guest("ok");
  ASSERT_TRUE(guest.answered);
  const auto below = daemon.below();
  daemon.signal(SIGKILL);
  EXPECT_EQ(daemon.wait(), 1000 + SIGKILL);
  EXPECT_TRUE(guest.hung_up_within(kSoon));
  for (const pid_t pid : below) {
    EXPECT_TRUE(eventually([pid] { return !alive(pid); }, kSoon)) << pid;
  }
  EXPECT_TRUE(
      eventually([&] { return !fs::exists(daemon.socket()) && !fs::exists(daemon.socket() + ".d"); }, kSoon));
}

TEST(Daemon, ends_when_its_spawner_dies) {
  Daemon daemon;
  ASSERT_TRUE(daemon.wait_warm(2));
  for (const pid_t pid : daemon.below()) {
    std::ifstream comm("/proc/" + std::to_string(pid) + "/comm");
    std::string name;
    comm >> name;
    if (name == "viaduct-spawner") ::kill(pid, SIGKILL);
  }
  EXPECT_EQ(daemon.wait(), 1);
  EXPECT_NE(daemon.log().find("the spawner died"), std::string::npos) << daemon.log();
}

TEST(Daemon, a_second_one_at_the_same_place_is_refused_and_a_dead_ones_socket_is_replaced) {
  Daemon daemon;
  const Finished second = run({VIADUCT_BIN "/viaductd", "--listen", "unix://" + daemon.socket(), "--worker",
                               VIADUCT_FAKE_WORKER, "--driver", daemon.folder() + "/driver.json"});
  EXPECT_EQ(second.status, 1);
  EXPECT_NE(second.output.find("another viaductd listens there"), std::string::npos) << second.output;
  EXPECT_EQ(daemon.guest("ok").driver_name(), "fake driver of default") << "the first is unharmed";

  // A socket that nobody listens on, as a crash of both processes would leave it.
  const std::string stale = daemon.folder() + "/stale.sock";
  const UniqueFd dead(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::copy(stale.begin(), stale.end(), address.sun_path);
  ASSERT_EQ(::bind(dead.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
  Daemon replacing({.arguments = {"--listen", "unix://" + stale}, .environment = {}, .config = ""});
  EXPECT_TRUE(eventually(
      [&] { return transport::UnixStream::connect(stale, Deadline::after_ms(1000)).has_value(); }, 2000))
      << replacing.log();
}

TEST(Daemon, names_what_is_wrong_with_its_options) {
  const std::string viaductd = VIADUCT_BIN "/viaductd";
  const auto fails = [&](std::vector<std::string> arguments, const std::string& text) {
    arguments.insert(arguments.begin(), viaductd);
    const Finished finished = run(arguments);
    EXPECT_NE(finished.status, 0);
    EXPECT_NE(finished.output.find(text), std::string::npos) << finished.output;
  };
  fails({"--bogus"}, "unknown option '--bogus'");
  fails({"--worker", VIADUCT_FAKE_WORKER, "--driver", "/nonexistent.json", "--listen",
         "unix:///tmp/unused.sock"},
        "/nonexistent.json");
  fails({"--config", "/nonexistent.toml"}, "/nonexistent.toml");
  fails({"--worker", VIADUCT_FAKE_WORKER, "--driver", "/proc/self/status", "--listen", "http://0.0.0.0:1"},
        "unix:///PATH");
  fails({"--worker", VIADUCT_FAKE_WORKER, "--driver", "/proc/self/status", "--listen", "tcp://0.0.0.0:1"},
        "allow_public_tcp = true");
  fails({"--worker", VIADUCT_FAKE_WORKER, "--driver", "/proc/self/status", "--listen",
         "unix:///nonexistent/folder/x"},
        "/nonexistent/folder/x");
}

TEST(Daemon, lists_gpus_and_refuses_one_that_is_not_there) {
  const Finished listed = run({VIADUCT_BIN "/viaductd", "--list-gpus", "--worker", VIADUCT_FAKE_WORKER,
                               "--driver", "/proc/self/status"});
  EXPECT_EQ(listed.status, 0) << listed.output;
  EXPECT_NE(listed.output.find("0  Fake GPU One"), std::string::npos) << listed.output;
  EXPECT_NE(listed.output.find("1  Fake GPU Two"), std::string::npos) << listed.output;
  Daemon daemon({.arguments = {"--gpu", "three"}, .environment = {}, .config = ""});
  EXPECT_NE(daemon.guest("ok").refusal().find("no GPU is called 'three'"), std::string::npos) << daemon.log();
}

TEST(Daemon, can_insist_on_full_confinement) {
  Daemon daemon({.arguments = {"--require-sandbox"}, .environment = {}, .config = ""});
  if (daemon.log().find("workers cannot be fully confined") != std::string::npos) {
    EXPECT_EQ(daemon.wait(), 1);
    return;
  }
  EXPECT_EQ(daemon.guest("ok").driver_name(), "fake driver of default") << daemon.log();
  EXPECT_TRUE(daemon.status().sandbox_complete());
}

TEST(Ctl, shows_status_for_people_and_programs) {
  Daemon daemon;
  const Guest guest = daemon.guest("ok");
  ASSERT_TRUE(guest.answered);
  const Finished table = daemon.ctl({"status"});
  EXPECT_EQ(table.status, 0) << table.output;
  EXPECT_NE(table.output.find("PROGRAM"), std::string::npos);
  EXPECT_NE(table.output.find(std::to_string(::getpid())), std::string::npos) << table.output;
  EXPECT_NE(table.output.find("shadow"), std::string::npos) << table.output;
  const Finished json = daemon.ctl({"status", "--json"});
  EXPECT_NE(json.output.find("\"frames\": 7"), std::string::npos) << json.output;
  const Finished gpus = daemon.ctl({"gpus"});
  EXPECT_NE(gpus.output.find("Fake GPU Two"), std::string::npos) << gpus.output;
}

// What `viaductctl run OPTIONS` gives a program, on a service that lends only that one of the fake GPUs.
std::string environment_under_run(const std::string& gpu, const std::vector<std::string>& options,
                                  bool with_zink) {
  Daemon daemon({.arguments = {"--gpu", gpu}, .environment = {}, .config = ""});
  if (with_zink) std::ofstream(daemon.folder() + "/zink_dri.so") << "";
  std::vector<std::string> command = {VIADUCT_BIN "/viaductctl", "run"};
  command.insert(command.end(), options.begin(), options.end());
  command.insert(command.end(), {"--", "env"});
  const std::vector<std::string> environment = {
      "VIADUCT_URL=unix://" + daemon.socket(), "LIBGL_DRIVERS_PATH=" + daemon.folder(),
      "LIBGL_ALWAYS_SOFTWARE=old", "LIBGL_KOPPER_DRI2=old", "MESA_LOADER_DRIVER_OVERRIDE=old"};
  return "\n" + run(command, environment).output;
}

bool has_line(const std::string& text, const std::string& line) {
  return text.find("\n" + line + "\n") != std::string::npos;
}

TEST(Ctl, learns_the_kind_of_device_from_a_service_without_warm_workers) {
  Daemon daemon({.arguments = {"--gpu", "1"}, .environment = {}, .config = "[pool]\nwarm = 0\n"});
  std::ofstream(daemon.folder() + "/zink_dri.so") << "";
  const Finished finished =
      run({VIADUCT_BIN "/viaductctl", "run", "env"},
          {"VIADUCT_URL=unix://" + daemon.socket(), "LIBGL_DRIVERS_PATH=" + daemon.folder()});
  EXPECT_NE(finished.output.find("LIBGL_ALWAYS_SOFTWARE=1"), std::string::npos) << finished.output;
}

TEST(Ctl, sets_opengl_up_for_a_gpu) {
  const std::string text = environment_under_run("0", {}, true);
  EXPECT_TRUE(has_line(text, "MESA_LOADER_DRIVER_OVERRIDE=zink")) << text;
  EXPECT_TRUE(has_line(text, "LIBGL_KOPPER_DRI2=1")) << text;
  EXPECT_EQ(text.find("LIBGL_ALWAYS_SOFTWARE"), std::string::npos) << text;
}

TEST(Ctl, sets_opengl_up_for_a_device_that_is_a_cpu) {
  const std::string text = environment_under_run("1", {}, true);
  EXPECT_TRUE(has_line(text, "MESA_LOADER_DRIVER_OVERRIDE=zink")) << text;
  EXPECT_TRUE(has_line(text, "LIBGL_ALWAYS_SOFTWARE=1")) << text;
  EXPECT_EQ(text.find("LIBGL_KOPPER_DRI2"), std::string::npos) << text;
}

TEST(Ctl, leaves_opengl_alone_when_told_so) {
  const std::string text = environment_under_run("0", {"--no-gl"}, true);
  EXPECT_TRUE(has_line(text, "MESA_LOADER_DRIVER_OVERRIDE=old")) << text;
  EXPECT_TRUE(has_line(text, "LIBGL_ALWAYS_SOFTWARE=old")) << text;
}

TEST(Ctl, names_the_package_when_zink_is_missing_and_runs_the_program) {
  const std::string text = environment_under_run("0", {}, false);
  EXPECT_NE(text.find("libgl1-mesa-dri"), std::string::npos) << text;
  EXPECT_TRUE(has_line(text, "MESA_LOADER_DRIVER_OVERRIDE=old")) << text;
  EXPECT_EQ(environment_under_run("0", {"--no-gl"}, false).find("libgl1-mesa-dri"), std::string::npos);
}

TEST(Daemon, tells_everybody_who_may_connect_what_device_there_is) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs a second uid";
  Daemon daemon({.arguments = {"--gpu", "1"},
                 .environment = {},
                 .config = "[tenants.default]\nsocket_mode = \"0666\"\n"});
  ASSERT_TRUE(daemon.wait_warm(2)) << daemon.log();
  const pid_t stranger = ::fork();
  if (stranger == 0) {
    if (::setresuid(65534, 65534, 65534) != 0) ::_exit(2);
    const auto stream = daemon.connect();
    const Deadline deadline = Deadline::after_ms(5000);
    if (!stream || !transport::write_frame(*stream, transport::FrameKind::device_query,
                                           protocol::encode_device_query({}), {}, deadline)) {
      ::_exit(3);
    }
    const auto answer = transport::read_frame(*stream, deadline);
    if (!answer || answer->kind != transport::FrameKind::device_info) ::_exit(4);
    const auto info = protocol::decode_device_info(answer->payload);
    ::_exit(info && info->device_type == 4 ? 0 : 5);
  }
  int status = -1;
  ::waitpid(stranger, &status, 0);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(daemon.status().sessions_started(), 0u) << "a question is no session";
}

TEST(Ctl, ends_a_session) {
  Daemon daemon;
  const Guest guest = daemon.guest("ok");
  const auto id = std::to_string(daemon.status().tenants(0).sessions(0).session_id());
  EXPECT_EQ(daemon.ctl({"kill", id}).status, 0);
  EXPECT_TRUE(guest.hung_up_within(kSoon));
  const Finished again = daemon.ctl({"kill", id});
  EXPECT_NE(again.status, 0);
  EXPECT_NE(again.output.find("no session " + id), std::string::npos) << again.output;
}

TEST(Ctl, says_what_it_tried_when_there_is_no_service) {
  const Finished finished =
      run({VIADUCT_BIN "/viaductctl", "status"}, {"VIADUCT_URL=unix:///nonexistent/v.sock"});
  EXPECT_EQ(finished.status, 1);
  EXPECT_NE(finished.output.find("unix:///nonexistent/v.sock"), std::string::npos) << finished.output;
  EXPECT_NE(finished.output.find("start viaductd"), std::string::npos) << finished.output;
}

TEST(Admin, adds_a_tenant_whose_socket_goes_with_the_daemon) {
  Daemon daemon;
  control::AdminRequest request;
  request.mutable_add_tenant()->set_name("late");
  const auto reply = daemon.admin(request);
  EXPECT_EQ(reply.tenant_socket(), daemon.socket() + ".d/late.sock") << reply.error();
  EXPECT_EQ(daemon.guest("ok", "late").driver_name(), "fake driver of late");
  EXPECT_EQ(daemon.admin(request).tenant_socket(), reply.tenant_socket()) << "asking twice is no mistake";
  request.mutable_add_tenant()->set_name("../escape");
  EXPECT_NE(daemon.admin(request).error().find("no tenant's name"), std::string::npos);
  daemon.signal(SIGTERM);
  EXPECT_EQ(daemon.wait(), 0);
  EXPECT_FALSE(fs::exists(daemon.socket() + ".d"));
}

TEST(Admin, is_refused_to_strangers) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs a second uid";
  Daemon daemon(
      {.arguments = {}, .environment = {}, .config = "[tenants.default]\nsocket_mode = \"0666\"\n"});
  const pid_t stranger = ::fork();
  if (stranger == 0) {
    if (::setresuid(65534, 65534, 65534) != 0) ::_exit(2);
    control::AdminRequest request;
    request.mutable_status();
    const auto reply = daemon.admin(request);
    ::_exit(reply.has_status() || reply.error().find("administration is for root") == std::string::npos ? 1
                                                                                                        : 0);
  }
  int status = -1;
  ::waitpid(stranger, &status, 0);
  EXPECT_EQ(status, 0);
}

TEST(Admin, a_tenants_socket_opens_only_to_its_owner) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs a second uid";
  Daemon daemon(
      {.arguments = {},
       .environment = {},
       .config = "[tenants.alice]\nsocket_owner = \"nobody\"\n[tenants.bob]\nsocket_mode = \"0600\"\n"});
  const pid_t nobody = ::fork();
  if (nobody == 0) {
    if (::setresuid(65534, 65534, 65534) != 0) ::_exit(2);
    if (daemon.guest("ok", "alice").driver_name() != "fake driver of alice") ::_exit(3);
    ::_exit(daemon.connect("bob") == nullptr ? 0 : 4);
  }
  int status = -1;
  ::waitpid(nobody, &status, 0);
  EXPECT_EQ(status, 0);
}

}  // namespace
}  // namespace viaduct::daemon_test
