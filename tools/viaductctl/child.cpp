#include "tools/viaductctl/child.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "base/clock.hpp"
#include "base/unique_fd.hpp"

namespace viaduct::tools {
namespace {

constexpr std::size_t kMostText = 64 * 1024;

struct Pipe {
  UniqueFd read;
  UniqueFd write;
};

bool open_pipe(Pipe& made) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return false;
  made.read = UniqueFd(ends[0]);
  made.write = UniqueFd(ends[1]);
  return true;
}

// What there is to read now; false at the end.
bool take(const UniqueFd& from, std::string& text) {
  std::array<char, 4096> buffer{};
  const ssize_t got = ::read(from.get(), buffer.data(), buffer.size());
  if (got < 0) return errno == EINTR || errno == EAGAIN;
  if (text.size() < kMostText) text.append(buffer.data(), static_cast<std::size_t>(got));
  return got > 0;
}

[[noreturn]] void become_child(const std::vector<char*>& arguments, const Pipe& out, const Pipe& err) {
  const int nothing = ::open("/dev/null", O_RDONLY);
  ::dup2(nothing, 0);
  ::dup2(out.write.get(), 1);
  ::dup2(err.write.get(), 2);
  ::execvp(arguments.front(), arguments.data());
  ::_exit(127);
}

// Both streams until they end; false if the time is over first.
bool collect(const Pipe& out, const Pipe& err, const Deadline& deadline, ChildOutput& into) {
  std::array<pollfd, 2> waited{{{out.read.get(), POLLIN, 0}, {err.read.get(), POLLIN, 0}}};
  while (waited[0].fd >= 0 || waited[1].fd >= 0) {
    if (deadline.expired()) return false;
    if (::poll(waited.data(), waited.size(), deadline.remaining_ms()) <= 0) continue;
    if (waited[0].revents != 0 && !take(out.read, into.out)) waited[0].fd = -1;
    if (waited[1].revents != 0 && !take(err.read, into.err)) waited[1].fd = -1;
  }
  return true;
}

}  // namespace

ChildOutput run_child(const std::vector<std::string>& arguments, int within_ms) {
  ChildOutput done;
  Pipe out;
  Pipe err;
  if (!open_pipe(out) || !open_pipe(err)) return done;
  std::vector<char*> words;
  for (const std::string& word : arguments) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  const pid_t child = ::fork();
  if (child < 0) return done;
  if (child == 0) become_child(words, out, err);
  out.write.reset();
  err.write.reset();
  const Deadline deadline = Deadline::after_ms(within_ms);
  done.late = !collect(out, err, deadline, done);
  // It has closed its output, so it ends at once, or it is out of time.
  int status = 0;
  while (!done.late && ::waitpid(child, &status, WNOHANG) == 0) {
    if (deadline.expired()) done.late = true;
    ::usleep(1000);
  }
  if (done.late) {
    ::kill(child, SIGKILL);
    ::waitpid(child, &status, 0);
  } else if (WIFEXITED(status)) {
    done.status = WEXITSTATUS(status);
  }
  return done;
}

}  // namespace viaduct::tools
