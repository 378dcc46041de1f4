#include "host-renderer/daemon/worker_process.hpp"

#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <boost/asio/post.hpp>
#include <cerrno>
#include <cstring>
#include <vector>

#include "base/log.hpp"

namespace viaduct::host::daemon {
namespace {

constexpr std::size_t kMaxFromWorker = 64 * 1024;
constexpr std::size_t kMaxGrantFds = 8;
constexpr std::size_t kMaxCauseText = 1024;

enum class Got { message, nothing, closed };

// One datagram, without waiting, and who sent it. Descriptors are not accepted from a worker: without
// room for them the kernel drops them.
Got receive(int fd, std::vector<char>& bytes, pid_t& sender) {
  iovec io{bytes.data(), bytes.size()};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(ucred))> ancillary{};
  msghdr message{};
  message.msg_iov = &io;
  message.msg_iovlen = 1;
  message.msg_control = ancillary.data();
  message.msg_controllen = ancillary.size();
  const ssize_t got = ::recvmsg(fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  if (got < 0) return errno == EAGAIN || errno == EINTR ? Got::nothing : Got::closed;
  for (cmsghdr* part = CMSG_FIRSTHDR(&message); part != nullptr; part = CMSG_NXTHDR(&message, part)) {
    if (part->cmsg_level != SOL_SOCKET) continue;
    if (part->cmsg_type == SCM_CREDENTIALS) {
      ucred credentials{};
      std::memcpy(&credentials, CMSG_DATA(part), sizeof(credentials));
      sender = credentials.pid;
    } else if (part->cmsg_type == SCM_RIGHTS) {
      const std::size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
      for (std::size_t i = 0; i < count; ++i) {
        int value = -1;
        std::memcpy(&value, CMSG_DATA(part) + i * sizeof(int), sizeof(int));
        UniqueFd closes(value);
      }
    }
  }
  if (got == 0) return Got::closed;
  bytes.resize(static_cast<std::size_t>(got));
  return Got::message;
}

// A worker may be compromised: its words are cut and made printable before they are logged or forwarded.
std::string printable(std::string text) {
  if (text.size() > kMaxCauseText) text.resize(kMaxCauseText);
  for (char& c : text) {
    if ((c < 0x20 && c >= 0) || c == 0x7f) c = ' ';
  }
  return text;
}

}  // namespace

std::string describe_wait_status(int status) {
  if (WIFSIGNALED(status)) {
    const int signal = WTERMSIG(status);
    return "killed by signal " + std::to_string(signal) + " (" + ::strsignal(signal) + ")";
  }
  return "exited with status " + std::to_string(WEXITSTATUS(status));
}

WorkerProcess::WorkerProcess(boost::asio::io_context& loop, SpawnedWorker&& ends)
    : link_(loop, ends.link.release()),
      report_(loop, ends.report.release()),
      log_(WorkerLog::start(loop, std::move(ends.log), 2)) {
  const int on = 1;
  ::setsockopt(link_.native_handle(), SOL_SOCKET, SO_PASSCRED, &on, sizeof(on));
}

std::shared_ptr<WorkerProcess> WorkerProcess::watch(boost::asio::io_context& loop, SpawnedWorker&& ends) {
  std::shared_ptr<WorkerProcess> worker(new WorkerProcess(loop, std::move(ends)));
  worker->wait_link();
  worker->wait_report();
  return worker;
}

void WorkerProcess::wait_link() {
  link_.async_wait(boost::asio::posix::stream_descriptor::wait_read,
                   [weak = weak_from_this()](boost::system::error_code error) {
                     const auto self = weak.lock();
                     if (self && !error) self->on_link();
                   });
}

void WorkerProcess::wait_report() {
  report_.async_wait(boost::asio::posix::stream_descriptor::wait_read,
                     [weak = weak_from_this()](boost::system::error_code error) {
                       const auto self = weak.lock();
                       if (self && !error) self->on_report();
                     });
}

void WorkerProcess::on_link() {
  // A few messages a turn, so that a chattering worker cannot keep the loop; waiting is edge-triggered, so
  // it begins only when the socket was found empty.
  for (int turn = 0; turn < 16 && link_.is_open(); ++turn) {
    std::vector<char> bytes(kMaxFromWorker);
    pid_t sender = pid_;
    const Got got = receive(link_.native_handle(), bytes, sender);
    if (got == Got::closed) {
      link_.close();  // the report socket tells why
      return;
    }
    if (got == Got::nothing) return wait_link();
    if (pid_ != sender) process_ = UniqueFd(static_cast<int>(::syscall(SYS_pidfd_open, sender, 0)));
    pid_ = sender;
    control::ToDaemon message;
    if (!message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
      return end("sent what is no message", false);
    }
    handle(message);
  }
  if (link_.is_open()) {
    boost::asio::post(link_.get_executor(), [weak = weak_from_this()] {
      if (const auto self = weak.lock(); self && self->link_.is_open()) self->on_link();
    });
  }
}

void WorkerProcess::handle(const control::ToDaemon& message) {
  switch (message.kind_case()) {
    case control::ToDaemon::kReady:
      locked_down_ = message.ready().locked_down();
      // A copy: the owner replaces its events from inside of them.
      if (const auto ready = events_.ready) ready(message.ready());
      break;
    case control::ToDaemon::kStarted:
      if (const auto started = events_.started) started();
      break;
    case control::ToDaemon::kWantsGpu:
      if (const auto wants_gpu = events_.wants_gpu) wants_gpu();
      break;
    case control::ToDaemon::kFailed:
      said_ = printable(message.failed().reason());
      end(said_, false);
      break;
    case control::ToDaemon::kEnded:
      said_ = printable(message.ended().cause());
      break;
    case control::ToDaemon::KIND_NOT_SET:
      break;
  }
}

void WorkerProcess::on_report() {
  for (;;) {
    std::vector<char> bytes(sizeof(sandbox::Report));
    pid_t sender = 0;
    const Got got = receive(report_.native_handle(), bytes, sender);
    if (got == Got::nothing) return wait_report();
    sandbox::Report report;
    if (got == Got::closed || bytes.size() != sizeof(report)) {
      return end(said_.empty() ? "its init process died" : said_, false);
    }
    std::memcpy(&report, bytes.data(), sizeof(report));
    report.text[sizeof(report.text) - 1] = 0;
    if (report.kind == sandbox::Report::launched) {
      measures_ = report.measures;
    } else if (report.kind == sandbox::Report::failed) {
      return end("could not " + std::string(report.text) + ": " + std::strerror(report.value), false);
    } else {
      // What it said just before may still lie in the other socket.
      if (link_.is_open()) on_link();
      if (!report_.is_open()) return;
      const bool clean = WIFEXITED(report.value) && WEXITSTATUS(report.value) == 0;
      std::string cause = describe_wait_status(report.value);
      if (!said_.empty()) cause = clean ? said_ : said_ + "; " + cause;
      return end(cause, clean);
    }
  }
}

void WorkerProcess::end(const std::string& cause, bool expected) {
  const auto keep = shared_from_this();
  const Events events = std::move(events_);
  log_->drain();
  kill();
  if (events.ended) events.ended(cause, expected);
}

Result<> WorkerProcess::grant(const control::WorkerStart& start, std::span<const int> fds) {
  if (!link_.is_open() || fds.size() > kMaxGrantFds) return fail(Errc::closed, "grant a session");
  log_->set_label("tenant=" + start.tenant() + " session=" + std::to_string(start.session_id()));
  control::ToWorker out;
  *out.mutable_start() = start;
  std::string bytes = out.SerializeAsString();
  iovec io{bytes.data(), bytes.size()};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(kMaxGrantFds * sizeof(int))> ancillary{};
  msghdr message{};
  message.msg_iov = &io;
  message.msg_iovlen = 1;
  message.msg_control = ancillary.data();
  message.msg_controllen = CMSG_SPACE(fds.size_bytes());
  cmsghdr* part = CMSG_FIRSTHDR(&message);
  part->cmsg_level = SOL_SOCKET;
  part->cmsg_type = SCM_RIGHTS;
  part->cmsg_len = CMSG_LEN(fds.size_bytes());
  std::memcpy(CMSG_DATA(part), fds.data(), fds.size_bytes());
  if (::sendmsg(link_.native_handle(), &message, MSG_NOSIGNAL | MSG_DONTWAIT) < 0) {
    return fail(Errc::io, "grant a session", errno);
  }
  return {};
}

UniqueFd WorkerProcess::process() const {
  auto copy = process_.dup();
  return copy ? std::move(*copy) : UniqueFd();
}

void WorkerProcess::kill() {
  events_ = {};
  boost::system::error_code ignored;
  if (report_.is_open()) report_.close(ignored);
  if (link_.is_open()) link_.close(ignored);
}

}  // namespace viaduct::host::daemon
