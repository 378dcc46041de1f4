#include "fps/runner.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <vector>

#include "fps/message.hpp"
#include "launch.hpp"

namespace viaduct::bench {
namespace {

constexpr int kStartTimeoutMs = 60'000;
constexpr double kLongestStretch = 2.5;  // seconds
constexpr uint64_t kNanoseconds = 1'000'000'000;

// One tenant's process. Killed and reaped with the object.
class Process {
 public:
  Process(const RunOptions& options, uint32_t number, bool forwarded, uint32_t width, uint32_t height);
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  int fd() const { return fd_; }
  uint32_t number() const { return number_; }

 private:
  uint32_t number_;
  int fd_ = -1;
  pid_t pid_ = -1;
};

Process::Process(const RunOptions& options, uint32_t number, bool forwarded, uint32_t width, uint32_t height)
    : number_(number) {
  int pair[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) return;
  auto environment = environment_for(forwarded ? options.icd : options.native_driver);
  std::vector<char*> pointers;
  for (auto& entry : environment) pointers.push_back(entry.data());
  pointers.push_back(nullptr);
  std::string words[] = {
      "viaduct-bench",           "fps-tenant",          std::to_string(pair[1]), std::to_string(number),
      scene_name(options.scene), std::to_string(width), std::to_string(height)};
  std::vector<char*> arguments;
  for (auto& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  pid_t parent = getpid();
  pid_ = fork();
  if (pid_ == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(1);
    fcntl(pair[1], F_SETFD, 0);
    execve("/proc/self/exe", arguments.data(), pointers.data());
    _exit(127);
  }
  close(pair[1]);
  fd_ = pair[0];
}

Process::~Process() {
  if (fd_ >= 0) {
    send_text(fd_, MessageKind::kQuit, "");
    Message message;
    while (receive_message(fd_, message, 5000)) {  // ends when the tenant has cleaned up and closed its side
    }
    close(fd_);
  }
  if (pid_ > 0) {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
}

using Group = std::vector<std::unique_ptr<Process>>;

class Runner {
 public:
  Runner(const RunOptions& options, Report& report) : options_(options), report_(report) {}
  bool run();

 private:
  bool start(bool forwarded, Group& group, std::string& device);
  bool stretch(Group& group, bool forwarded, uint64_t length);
  bool pictures();
  bool fail(const Process& process, bool forwarded, const char* what);
  void show(bool forwarded, const std::vector<uint64_t>& frames, double seconds, bool last);

  const RunOptions& options_;
  Report& report_;
  uint32_t width_ = 0, height_ = 0;
  uint32_t stretch_ = 0, stretches_ = 1;
  Group forwarded_, native_;
};

bool Runner::fail(const Process& process, bool forwarded, const char* what) {
  std::fprintf(stderr, "\ntenant %u (%s): %s\n", process.number(), forwarded ? "through Viaduct" : "native",
               what);
  return false;
}

bool Runner::start(bool forwarded, Group& group, std::string& device) {
  for (uint32_t i = 1; i <= options_.tenants; ++i)
    group.push_back(std::make_unique<Process>(options_, i, forwarded, width_, height_));
  for (auto& process : group) {
    Message message;
    if (!receive_message(process->fd(), message, kStartTimeoutMs))
      return fail(*process, forwarded, "did not start within a minute, or died at start");
    message.text[Message::kMaxText - 1] = '\0';
    if (message.kind != MessageKind::kReady) return fail(*process, forwarded, message.text);
    device = message.text;
    width_ = static_cast<uint32_t>(message.value >> 32);
    height_ = static_cast<uint32_t>(message.value);
  }
  return true;
}

void Runner::show(bool forwarded, const std::vector<uint64_t>& frames, double seconds, bool last) {
  if (!options_.progress) return;
  bool terminal = isatty(STDERR_FILENO);
  if (!terminal && !last) return;
  std::string line = terminal ? "\r" : "";
  line += "stretch " + std::to_string(stretch_) + "/" + std::to_string(stretches_);
  line += forwarded ? " through Viaduct:" : " native:         ";
  for (uint64_t count : frames) {
    char rate[32];
    std::snprintf(rate, sizeof rate, " %7.1f", seconds > 0 ? static_cast<double>(count) / seconds : 0);
    line += rate;
  }
  line += last ? " fps\n" : " fps";
  std::fputs(line.c_str(), stderr);
}

bool Runner::stretch(Group& group, bool forwarded, uint64_t length) {
  ++stretch_;
  Message order;
  order.kind = MessageKind::kRun;
  order.value = length;
  for (auto& process : group)
    if (!send_message(process->fd(), order)) return fail(*process, forwarded, "is gone");
  std::vector<uint64_t> frames(group.size());
  std::vector<pollfd> waits;
  for (auto& process : group) waits.push_back({process->fd(), POLLIN, 0});
  auto start = std::chrono::steady_clock::now();
  auto patience = std::chrono::nanoseconds(length) + std::chrono::seconds(60);
  std::size_t running = group.size();
  while (running > 0) {
    poll(waits.data(), waits.size(), 500);
    auto passed = std::chrono::steady_clock::now() - start;
    for (std::size_t i = 0; i < group.size(); ++i) {
      if (waits[i].fd < 0) continue;
      if (passed > patience) return fail(*group[i], forwarded, "hangs: no result a minute after its time");
      if (!waits[i].revents) continue;
      Message message;
      if (!receive_message(waits[i].fd, message, 0)) return fail(*group[i], forwarded, "died");
      Sample& sample = forwarded ? report_.tenants[i].forwarded : report_.tenants[i].native;
      if (message.kind == MessageKind::kProgress) {
        frames[i] = message.value;
      } else if (message.kind == MessageKind::kTimes) {
        uint32_t count = std::min(message.count, Message::kMaxTimes);
        sample.times_ns.insert(sample.times_ns.end(), message.times, message.times + count);
      } else if (message.kind == MessageKind::kDone) {
        sample.elapsed_ns += message.value;
        waits[i].fd = -1;
        --running;
      } else {
        message.text[Message::kMaxText - 1] = '\0';
        return fail(*group[i], forwarded, message.text);
      }
    }
    show(forwarded, frames, std::chrono::duration<double>(passed).count(), running == 0);
  }
  return true;
}

bool Runner::pictures() {
  if (options_.frames_dir.empty()) return true;
  for (auto& process : forwarded_) {
    std::string path = options_.frames_dir + "/tenant-" + std::to_string(process->number()) + ".png";
    Message answer;
    if (!send_text(process->fd(), MessageKind::kPicture, path.c_str()) ||
        !receive_message(process->fd(), answer, kStartTimeoutMs))
      return fail(*process, true, "gave no picture");
    answer.text[Message::kMaxText - 1] = '\0';
    if (answer.kind != MessageKind::kDone) return fail(*process, true, answer.text);
  }
  return true;
}

bool Runner::run() {
  width_ = options_.width;
  height_ = options_.height;
  report_.scene = scene_name(options_.scene);
  report_.seconds = options_.seconds;
  report_.with_native = options_.native;
  report_.native_driver = options_.native_driver;
  for (uint32_t i = 1; i <= options_.tenants; ++i) {
    report_.tenants.emplace_back();
    report_.tenants.back().number = i;
  }
  if (!start(true, forwarded_, report_.forwarded_device)) return false;
  report_.width = width_;
  report_.height = height_;
  if (options_.native && !start(false, native_, report_.native_device)) return false;
  auto rounds = static_cast<uint32_t>(std::max(1.0, options_.seconds / kLongestStretch + 0.5));
  stretches_ = rounds * (options_.native ? 2 : 1);
  auto length = static_cast<uint64_t>(options_.seconds / rounds * kNanoseconds);
  for (uint32_t round = 0; round < rounds; ++round) {
    if (!stretch(forwarded_, true, length)) return false;
    if (options_.native && !stretch(native_, false, length)) return false;
  }
  return pictures();
}

}  // namespace

bool run_fps(const RunOptions& options, Report& report) {
  Runner runner(options, report);
  bool good = runner.run();
  if (!good) report.tenants.clear();
  return good;
}

}  // namespace viaduct::bench
