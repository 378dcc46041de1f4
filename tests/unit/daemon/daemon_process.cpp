#include "tests/unit/daemon/daemon_process.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

extern char** environ;

namespace viaduct::daemon_test {
namespace {

namespace fs = std::filesystem;

std::string read_file(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

pid_t start(const std::vector<std::string>& command, const std::vector<std::string>& environment,
            int output) {
  const pid_t pid = ::fork();
  if (pid != 0) return pid;
  ::dup2(output, 1);
  ::dup2(output, 2);
  for (const std::string& entry : environment) ::putenv(const_cast<char*>(entry.c_str()));
  std::vector<char*> arguments;
  for (const std::string& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  ::execv(arguments.front(), arguments.data());
  ::_exit(127);
}

int decode(int status) { return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status); }

}  // namespace

Finished run(const std::vector<std::string>& command, const std::vector<std::string>& environment) {
  int pipe[2];
  if (::pipe2(pipe, O_CLOEXEC) != 0) return {};
  const pid_t pid = start(command, environment, pipe[1]);
  ::close(pipe[1]);
  Finished finished;
  char buffer[4096];
  for (ssize_t got = 0; (got = ::read(pipe[0], buffer, sizeof(buffer))) > 0;) {
    finished.output.append(buffer, static_cast<std::size_t>(got));
  }
  ::close(pipe[0]);
  int status = 0;
  ::waitpid(pid, &status, 0);
  finished.status = decode(status);
  return finished;
}

bool alive(pid_t pid) {
  const std::string stat = read_file("/proc/" + std::to_string(pid) + "/stat");
  const std::size_t end = stat.rfind(')');
  return end != std::string::npos && stat.size() > end + 2 && stat[end + 2] != 'Z' && stat[end + 2] != 'X';
}

std::vector<std::byte> hello_bytes(const std::string& program) {
  protocol::Hello hello;
  hello.pid = static_cast<uint32_t>(::getpid());
  hello.program = program;
  hello.commands = {{1, 1}, {2, 2}, {3, 3}};
  return protocol::encode_hello(hello);
}

bool Guest::hung_up_within(int ms) const {
  return eventually([this] { return stream->hung_up(); }, ms);
}

std::string Guest::refusal() const {
  if (!answered || answer.kind != transport::FrameKind::refused) return "";
  const auto refusal = protocol::decode_refusal(answer.payload);
  return refusal ? refusal->message : "";
}

std::optional<protocol::RefusalCode> Guest::refusal_code() const {
  if (!answered || answer.kind != transport::FrameKind::refused) return std::nullopt;
  const auto refusal = protocol::decode_refusal(answer.payload);
  return refusal ? std::optional(refusal->code) : std::nullopt;
}

std::string Guest::driver_name() const {
  if (!answered || answer.kind != transport::FrameKind::welcome) return "";
  const auto welcome = protocol::decode_welcome(answer.payload);
  return welcome ? welcome->driver_name : "";
}

Daemon::Daemon(const Options& options) {
  char pattern[] = "/tmp/viaduct-daemon-XXXXXX";
  folder_ = ::mkdtemp(pattern);
  ::chmod(folder_.c_str(), 0755);
  socket_ = folder_ + "/v.sock";
  std::ofstream(folder_ + "/driver.json") << "{}";
  std::vector<std::string> command = {
      VIADUCT_BIN "/viaductd", "--listen", "unix://" + socket_,     "--worker",
      VIADUCT_FAKE_WORKER,     "--driver", folder_ + "/driver.json"};
  if (!options.config.empty()) {
    std::ofstream(folder_ + "/viaductd.toml") << options.config;
    command.insert(command.end(), {"--config", folder_ + "/viaductd.toml"});
  }
  command.insert(command.end(), options.arguments.begin(), options.arguments.end());
  const int log = ::open((folder_ + "/log").c_str(), O_CREAT | O_WRONLY | O_APPEND | O_CLOEXEC, 0644);
  std::vector<std::string> environment = options.environment;
  environment.push_back("VIADUCT_LOG=info");
  std::ofstream(folder_ + "/secret") << "none of a worker's business";
  environment.push_back("VIADUCT_FAKE_BESIDE=" + folder_ + "/secret");
  environment.push_back("SECRET=of the daemon's environment");
  pid_ = start(command, environment, log);
  ::close(log);
  eventually([this] { return !alive(pid_) || connect() != nullptr; }, 10'000);
}

Daemon::~Daemon() {
  if (pid_ > 0) {
    ::kill(pid_, SIGTERM);
    wait();
  }
  if (pid_ > 0) {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  fs::remove_all(folder_);
}

std::unique_ptr<transport::UnixStream> Daemon::connect(const std::string& tenant) {
  const std::string path = tenant.empty() ? socket_ : socket_ + ".d/" + tenant + ".sock";
  auto stream = transport::UnixStream::connect(path, Deadline::after_ms(1000));
  return stream ? std::move(*stream) : nullptr;
}

Guest Daemon::guest(const std::string& program, const std::string& tenant) {
  const std::string path = tenant.empty() ? socket_ : socket_ + ".d/" + tenant + ".sock";
  return send_first("unix://" + path, transport::FrameKind::session_hello, hello_bytes(program));
}

Guest Daemon::send_first(const std::string& url, transport::FrameKind kind,
                         std::span<const std::byte> payload) {
  Guest guest;
  const Deadline deadline = Deadline::after_ms(10'000);
  auto stream = transport::connect(*transport::parse_url(url), deadline);
  if (!stream) return guest;
  guest.stream = std::move(*stream);
  if (!transport::write_frame(*guest.stream, kind, payload, {}, deadline)) return guest;
  auto frame = transport::read_frame(*guest.stream, deadline, {.accept_fds = true});
  if (frame) guest.answer = std::move(*frame);
  guest.answered = frame.has_value();
  return guest;
}

control::AdminReply Daemon::admin(const control::AdminRequest& request) {
  control::AdminReply reply;
  const auto stream = connect();
  if (!stream) return reply;
  const std::string bytes = request.SerializeAsString();
  const Deadline deadline = Deadline::after_ms(5000);
  (void)transport::write_frame(*stream, transport::FrameKind::admin_request, std::as_bytes(std::span(bytes)),
                               {}, deadline);
  const auto frame = transport::read_frame(*stream, deadline);
  if (frame) reply.ParseFromArray(frame->payload.data(), static_cast<int>(frame->payload.size()));
  return reply;
}

control::Status Daemon::status() {
  control::AdminRequest request;
  request.mutable_status();
  return admin(request).status();
}

Finished Daemon::ctl(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), VIADUCT_BIN "/viaductctl");
  return run(arguments, {"VIADUCT_URL=unix://" + socket_});
}

void Daemon::signal(int number) const { ::kill(pid_, number); }

int Daemon::wait() {
  int status = 0;
  if (!eventually([&] { return ::waitpid(pid_, &status, WNOHANG) == pid_; }, 10'000)) return -1;
  pid_ = -1;
  return decode(status);
}

std::string Daemon::log() const { return read_file(folder_ + "/log"); }

bool Daemon::wait_log(const std::string& text, int ms) const {
  return eventually([&] { return log().find(text) != std::string::npos; }, ms);
}

std::vector<pid_t> Daemon::below() const {
  std::multimap<pid_t, pid_t> children;
  for (const auto& entry : fs::directory_iterator("/proc")) {
    const int pid = std::atoi(entry.path().filename().c_str());
    if (pid <= 0) continue;
    const std::string stat = read_file(entry.path().string() + "/stat");
    const std::size_t end = stat.rfind(')');
    if (end == std::string::npos || stat.size() < end + 4) continue;
    children.emplace(std::atoi(stat.c_str() + end + 4), pid);
  }
  std::vector<pid_t> found = {pid_};
  for (std::size_t i = 0; i < found.size(); ++i) {
    const auto [first, last] = children.equal_range(found[i]);
    for (auto at = first; at != last; ++at) found.push_back(at->second);
  }
  found.erase(found.begin());
  return found;
}

std::vector<pid_t> Daemon::workers() const {
  std::vector<pid_t> found = below();
  std::erase_if(found, [](pid_t pid) {
    return read_file("/proc/" + std::to_string(pid) + "/comm") != "viaduct-worker\n";
  });
  return found;
}

bool Daemon::wait_warm(uint32_t count, int ms) {
  return eventually([&] { return status().warm_workers() == count; }, ms);
}

}  // namespace viaduct::daemon_test
