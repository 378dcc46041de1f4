#include "host-renderer/daemon/spawner.hpp"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/clock.hpp"
#include "base/log.hpp"
#include "host-renderer/daemon/privileges.hpp"
#include "transport/stream/unix_stream.hpp"

namespace viaduct::host::daemon {
namespace {

constexpr uint32_t kSpawnWorker = 0x4e505356;
constexpr uint32_t kSpawnGl = 0x4e505347;
constexpr int kStopMs = 5000;
constexpr std::size_t kMaxFds = 4;

// With it travel the far ends of link, report and log, and the guest's connection for a kSpawnGl.
struct Request {
  uint32_t kind = 0;
  uint32_t reserved = 0;
  uint64_t address_space = 0;
};

// One request and its descriptors, none if it makes no sense. False when the daemon is gone.
bool receive_request(int socket, Request& request, sandbox::LaunchFds& out) {
  request = {};
  iovec io{&request, sizeof(request)};
  std::array<int, kMaxFds> fds{-1, -1, -1, -1};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(fds))> control{};
  msghdr message{};
  message.msg_iov = &io;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  ssize_t got = 0;
  do {
    got = ::recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
  } while (got < 0 && errno == EINTR);
  if (got <= 0) return false;
  const cmsghdr* part = CMSG_FIRSTHDR(&message);
  if (part == nullptr || part->cmsg_type != SCM_RIGHTS || part->cmsg_len > CMSG_LEN(sizeof(fds))) return true;
  std::memcpy(fds.data(), CMSG_DATA(part), part->cmsg_len - CMSG_LEN(0));
  out = {UniqueFd(fds[0]), UniqueFd(fds[1]), UniqueFd(fds[2]), UniqueFd(fds[3])};
  return true;
}

void tell_failure(int report, const Error& error) {
  sandbox::Report out;
  out.kind = sandbox::Report::failed;
  out.value = error.sys_errno;
  std::strncpy(out.text, error.where, sizeof(out.text) - 1);
  ::send(report, &out, sizeof(out), MSG_NOSIGNAL);
}

[[noreturn]] void run_spawner(int socket, const SpawnerOptions& options) {
  ::prctl(PR_SET_NAME, "viaduct-spawner");
  // A terminal's Ctrl-C is for the daemon; this process ends when the daemon has.
  ::setsid();
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGPIPE, SIGCHLD}) ::signal(signal, SIG_IGN);
  ::close_range(3, static_cast<unsigned>(socket) - 1, 0);
  ::close_range(static_cast<unsigned>(socket) + 1, ~0u, 0);
  for (uint32_t serial = 0;; ++serial) {
    Request request;
    sandbox::LaunchFds fds;
    if (!receive_request(socket, request, fds)) break;
    const bool gl = request.kind == kSpawnGl && options.gl && fds.guest;
    if (!fds.link || !fds.report || !fds.log || (!gl && options.launch.worker.empty())) continue;
    sandbox::LaunchConfig launch = gl ? *options.gl : options.launch;
    launch.uid = throw_away_uid(serial);
    launch.address_space = request.address_space;
    auto report = fds.report.dup();
    if (!report) continue;
    if (auto launched = sandbox::launch_worker(launch, std::move(fds)); !launched) {
      tell_failure(report->get(), launched.error());
    }
  }
  remove_leftovers(options.leftovers);
  // SIGCHLD is ignored, so this returns when the last worker's init is gone.
  ::alarm(kStopMs / 1000);
  while (::waitpid(-1, nullptr, 0) >= 0 || errno == EINTR) {
  }
  ::_exit(0);
}

}  // namespace

Result<Spawner> Spawner::start(const SpawnerOptions& options) {
  auto pair = transport::make_socket_pair(SOCK_SEQPACKET);
  if (!pair) return tl::unexpected(pair.error());
  // The spawner blocks on its end; the pair was made non-blocking.
  const int flags = ::fcntl(pair->second.get(), F_GETFL);
  ::fcntl(pair->second.get(), F_SETFL, flags & ~O_NONBLOCK);
  const pid_t pid = ::fork();
  if (pid < 0) return fail(Errc::io, "fork the spawner", errno);
  if (pid == 0) {
    pair->first.reset();
    run_spawner(pair->second.get(), options);
  }
  return Spawner(std::move(pair->first), pid);
}

Result<SpawnedWorker> Spawner::spawn() { return ask(kSpawnWorker, -1, 0); }

Result<SpawnedWorker> Spawner::spawn_gl(int guest, uint64_t address_space) {
  return ask(kSpawnGl, guest, address_space);
}

Result<SpawnedWorker> Spawner::ask(uint32_t kind, int guest, uint64_t address_space) {
  auto link = transport::make_socket_pair(SOCK_SEQPACKET);
  if (!link) return tl::unexpected(link.error());
  auto report = transport::make_socket_pair(SOCK_SEQPACKET);
  if (!report) return tl::unexpected(report.error());
  for (const int fd : {link->second.get(), report->second.get()}) {
    ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) & ~O_NONBLOCK);
  }
  int log[2];
  if (::pipe2(log, O_CLOEXEC) != 0) return fail(Errc::io, "make a pipe for the log", errno);
  UniqueFd log_near(log[0]);
  const UniqueFd log_far(log[1]);
  ::fcntl(log_near.get(), F_SETFL, O_NONBLOCK);
  Request request{kind, 0, address_space};
  iovec io{&request, sizeof(request)};
  const std::array<int, kMaxFds> fds{link->second.get(), report->second.get(), log_far.get(), guest};
  const std::size_t fd_bytes = (guest < 0 ? kMaxFds - 1 : kMaxFds) * sizeof(int);
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(fds))> control{};
  msghdr message{};
  message.msg_iov = &io;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = CMSG_SPACE(fd_bytes);
  cmsghdr* part = CMSG_FIRSTHDR(&message);
  part->cmsg_level = SOL_SOCKET;
  part->cmsg_type = SCM_RIGHTS;
  part->cmsg_len = CMSG_LEN(fd_bytes);
  std::memcpy(CMSG_DATA(part), fds.data(), fd_bytes);
  if (::sendmsg(socket_.get(), &message, MSG_NOSIGNAL) < 0) {
    return fail(errno == EPIPE ? Errc::closed : Errc::io, "ask the spawner", errno);
  }
  return SpawnedWorker{std::move(link->first), std::move(report->first), std::move(log_near)};
}

void Spawner::stop() {
  if (pid_ < 0) return;
  socket_.reset();
  const Deadline deadline = Deadline::after_ms(kStopMs + 1000);
  // Polling: the process may be a child of a test that has other children.
  while (!deadline.expired()) {
    const pid_t ended = ::waitpid(pid_, nullptr, WNOHANG);
    if (ended == pid_ || (ended < 0 && errno != EINTR)) break;
    ::usleep(2000);
  }
  pid_ = -1;
}

}  // namespace viaduct::host::daemon
