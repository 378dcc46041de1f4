#include "api/service.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <thread>

#include "launch.hpp"

namespace viaduct::bench {
namespace {

constexpr std::chrono::seconds kStartDeadline{10};

// Runs `words` with `extra` in its environment and standard output and error at `output`. It dies with this
// process.
pid_t start(const std::vector<std::string>& words, const std::vector<std::string>& extra, int output) {
  std::vector<char*> arguments;
  for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  const pid_t parent = getpid();
  const pid_t child = fork();
  if (child != 0) return child;
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (getppid() != parent) _exit(127);
  for (const std::string& entry : extra) putenv(const_cast<char*>(entry.c_str()));
  dup2(output, STDOUT_FILENO);
  dup2(output, STDERR_FILENO);
  execvp(arguments[0], arguments.data());
  _exit(127);
}

void end(pid_t process) noexcept {
  if (process <= 0) return;
  kill(process, SIGTERM);
  waitpid(process, nullptr, 0);
}

std::string text_of(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

Service::Service(const std::string& driver, const std::vector<std::string>& environment) {
  char name[] = "/tmp/viaduct-bench.XXXXXX";
  if (mkdtemp(name) == nullptr) throw std::runtime_error("no folder for a socket can be made in /tmp");
  folder_ = name;
  chmod(name, 0755);
  const std::string beside = program_folder() + "/viaductd", log = folder_ + "/viaductd.log";
  std::vector<std::string> words{access(beside.c_str(), X_OK) == 0 ? beside : "viaductd", "--listen", url()};
  if (!driver.empty()) words.insert(words.end(), {"--driver", driver});
  const int output = open(log.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  process_ = start(words, environment, output);
  close(output);
  const auto deadline = std::chrono::steady_clock::now() + kStartDeadline;
  while (access((folder_ + "/v.sock").c_str(), F_OK) != 0) {
    const bool ended = waitpid(process_, nullptr, WNOHANG) != 0;
    if (ended) process_ = -1;
    if (ended || std::chrono::steady_clock::now() > deadline) {
      const std::string said = text_of(log);
      stop();
      throw std::runtime_error("viaductd did not start; it said:\n" + said);
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
}

std::string Service::log() const { return text_of(folder_ + "/viaductd.log"); }

Service::~Service() { stop(); }

void Service::stop() noexcept {
  end(process_);
  process_ = -1;
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

VirtualDisplay::VirtualDisplay() {
  if (std::system("command -v Xvfb >/dev/null 2>&1") != 0) return;
  int ends[2];
  if (pipe(ends) != 0) return;  // without close-on-exec: Xvfb writes its number there
  fcntl(ends[0], F_SETFD, FD_CLOEXEC);
  const int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
  // It must not reset when its last client leaves: the next one might connect just then, and be turned away.
  process_ = start({"Xvfb", "-displayfd", std::to_string(ends[1]), "-screen", "0", "3840x2160x24",
                    "-nolisten", "tcp", "-noreset"},
                   {}, nowhere);
  close(nowhere);
  close(ends[1]);
  // The number and its line end come in separate writes; closing before the second would end the server.
  pollfd ready{ends[0], POLLIN, 0};
  std::string number;
  while (!number.ends_with('\n') && poll(&ready, 1, 10000) == 1) {
    char letter;
    if (read(ends[0], &letter, 1) != 1) break;
    number += letter;
  }
  if (number.ends_with('\n')) setenv("DISPLAY", (":" + std::to_string(std::atoi(number.c_str()))).c_str(), 1);
  close(ends[0]);
}

VirtualDisplay::~VirtualDisplay() { end(process_); }

}  // namespace viaduct::bench
