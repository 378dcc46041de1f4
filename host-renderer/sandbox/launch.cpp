#include "host-renderer/sandbox/launch.hpp"

#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string_view>

#include "host-renderer/sandbox/filesystem.hpp"
#include "host-renderer/sandbox/lockdown.hpp"

namespace viaduct::host::sandbox {
namespace {

constexpr int kReportFd = 4;
constexpr rlim_t kMaxFiles = 4096;
constexpr rlim_t kMaxThreads = 4096;

pid_t fork_with(unsigned long flags, int* pidfd = nullptr) {
  return static_cast<pid_t>(::syscall(SYS_clone, flags | SIGCHLD, nullptr, pidfd, nullptr, 0));
}

// A closed far end means that nobody wants to know.
void send_report(int fd, const Report& report) { ::send(fd, &report, sizeof(report), MSG_NOSIGNAL); }

[[noreturn]] void give_up(const Failure& failure) {
  Report report;
  report.kind = Report::failed;
  report.value = failure.error;
  std::strncpy(report.text, failure.what.c_str(), sizeof(report.text) - 1);
  send_report(kReportFd, report);
  ::_exit(126);
}

void require(bool worked, const char* what) {
  if (!worked) give_up({what, errno});
}

bool has_namespaces(Mode mode) { return mode == Mode::root_namespaces || mode == Mode::user_namespaces; }
bool is_root_mode(Mode mode) { return mode == Mode::root_namespaces || mode == Mode::uid_only; }

// Leaves exactly 0 (null), 1 and 2 (the log), 3 (link), 4 (report) and, if there is one, 5 (guest).
void arrange_descriptors(int link, int report, int log, int guest) {
  const int high_guest = guest >= 0 ? ::fcntl(guest, F_DUPFD_CLOEXEC, 16) : -1;
  const int high_link = link >= 0 ? ::fcntl(link, F_DUPFD_CLOEXEC, 16) : -1;
  const int high_report = ::fcntl(report, F_DUPFD_CLOEXEC, 16);
  if (high_report < 0 || ::dup3(high_report, kReportFd, O_CLOEXEC) < 0) ::_exit(125);
  if (high_link >= 0) require(::dup2(high_link, kLinkFd) >= 0, "place the link");
  if (guest >= 0) require(::dup2(high_guest, kGuestFd) >= 0, "place the guest's connection");
  const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  require(null >= 0 && ::dup2(null, 0) >= 0, "open /dev/null");
  require(::dup2(log >= 0 ? log : null, 2) >= 0 && ::dup2(2, 1) >= 0, "place the log");
  const int last = guest >= 0 ? kGuestFd : kReportFd;
  require(::close_range(static_cast<unsigned>(last) + 1, ~0u, 0) == 0, "close descriptors");
}

void write_file(const char* path, const std::string& text, bool needed) {
  const int fd = ::open(path, O_WRONLY | O_CLOEXEC);
  const bool written = fd >= 0 && ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  if (needed) require(written, path);
  if (fd >= 0) ::close(fd);
}

void set_limit(__rlimit_resource what, rlim_t value) {
  rlimit limit{};
  ::getrlimit(what, &limit);
  limit.rlim_max = std::min(limit.rlim_max, value);
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(what, &limit);
}

void drop_privileges(const LaunchConfig& config) {
  // Bounding set first, while there is the power to change it.
  for (int cap = 0; ::prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; ++cap)
    ::prctl(PR_CAPBSET_DROP, cap, 0, 0, 0);
  if (is_root_mode(config.mode)) {
    require(::setgroups(config.groups.size(), config.groups.data()) == 0, "set the groups");
    require(::setresgid(config.uid, config.uid, config.uid) == 0, "take the throw-away gid");
    require(::setresuid(config.uid, config.uid, config.uid) == 0, "take the throw-away uid");
  }
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct none[2] = {};
  require(::syscall(SYS_capset, &header, none) == 0, "drop capabilities");
  require(::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0, "set no_new_privs");
}

void restore_signals() {
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGPIPE, SIGCHLD, SIGUSR1, SIGUSR2})
    ::signal(signal, SIG_DFL);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

// Confines the calling process; everything it starts inherits that.
uint32_t confine(const LaunchConfig& config, uid_t outer_uid, gid_t outer_gid) {
  uint32_t measures = 0;
  if (config.mode == Mode::user_namespaces) {
    write_file("/proc/self/setgroups", "deny", false);
    write_file("/proc/self/uid_map", "1000 " + std::to_string(outer_uid) + " 1\n", true);
    write_file("/proc/self/gid_map", "1000 " + std::to_string(outer_gid) + " 1\n", true);
    measures |= kUserNamespace;
  }
  if (has_namespaces(config.mode)) {
    constexpr std::string_view kName = "viaduct-worker";
    require(::sethostname(kName.data(), kName.size()) == 0, "set the host name");
    if (const Failure failure = enter_private_root(config.view, config.worker, config.name); !failure.ok())
      give_up(failure);
    measures |= kMountNamespace | kPidNamespace | kNetNamespace;
  }
  set_limit(RLIMIT_CORE, 0);
  set_limit(RLIMIT_NOFILE, kMaxFiles);
  // A throw-away uid has no other processes to count; a user's own uid has.
  if (is_root_mode(config.mode)) {
    set_limit(RLIMIT_NPROC, kMaxThreads);
    measures |= kThrowAwayUid;
  }
  drop_privileges(config);
  if (!has_namespaces(config.mode)) {
    bool enforced = false;
    if (const Failure failure = restrict_paths(config.view, config.worker, enforced); !failure.ok()) {
      give_up(failure);
    }
    if (enforced) measures |= kLandlock;
  }
  return measures;
}

[[noreturn]] void exec_worker(const LaunchConfig& config, int worker_fd) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (!restrict_before_exec()) give_up({"install the early seccomp filter", errno});
  std::vector<char*> environment;
  for (const std::string& entry : config.environment) environment.push_back(const_cast<char*>(entry.c_str()));
  environment.push_back(nullptr);
  std::vector<char*> arguments = {const_cast<char*>(config.name.c_str())};
  for (const std::string& word : config.arguments) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  if (config.address_space != 0) set_limit(RLIMIT_AS, config.address_space);
  if (has_namespaces(config.mode)) {
    ::execve(path_inside(config.name).c_str(), arguments.data(), environment.data());
  } else {
    ::syscall(SYS_execveat, worker_fd, "", arguments.data(), environment.data(), AT_EMPTY_PATH);
  }
  give_up({"run " + config.worker, errno});
}

// Until the worker or the daemon's interest ends.
[[noreturn]] void watch(int pidfd, pid_t worker) {
  pollfd polled[2] = {{pidfd, POLLIN, 0}, {kReportFd, 0, 0}};
  while (::poll(polled, 2, -1) < 0 || (polled[0].revents == 0 && polled[1].revents == 0)) {
  }
  if (polled[0].revents == 0) ::syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, nullptr, 0);
  int status = 0;
  while (::waitpid(worker, &status, 0) < 0 && errno == EINTR) {
  }
  Report report;
  report.kind = Report::exited;
  report.value = status;
  send_report(kReportFd, report);
  ::_exit(0);
}

[[noreturn]] void run_init(const LaunchConfig& config, const LaunchFds& fds, uid_t uid, gid_t gid) {
  const bool probing = !fds.link;
  ::prctl(PR_SET_NAME, "viaduct-init");
  restore_signals();
  arrange_descriptors(fds.link.get(), fds.report.get(), fds.log.get(), fds.guest.get());
  // Opened before the root changes and for the cases where it does not.
  const int worker_fd = probing ? -1 : ::open(config.worker.c_str(), O_PATH | O_CLOEXEC);
  if (!probing) require(worker_fd >= 0, ("open " + config.worker).c_str());
  Report report;
  report.kind = Report::launched;
  report.measures = confine(config, uid, gid);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // after the last change of credentials, which clears it
  if (probing) {
    send_report(kReportFd, report);
    ::_exit(0);
  }
  int pidfd = -1;
  const pid_t worker = fork_with(CLONE_PIDFD, &pidfd);
  require(worker >= 0, "fork the worker");
  if (worker == 0) exec_worker(config, worker_fd);
  ::prctl(PR_SET_DUMPABLE, 0);  // the worker has the same uid and must not trace this process
  ::close(worker_fd);
  ::close(kLinkFd);
  // Not the only one that could: a guest must see its connection end with its server.
  if (fds.guest) ::close(kGuestFd);
  ::fcntl(pidfd, F_SETFD, FD_CLOEXEC);
  report.measures |= kEarlyFilter;
  send_report(kReportFd, report);
  watch(pidfd, worker);
}

Result<pid_t> start_init(const LaunchConfig& config, const LaunchFds& fds) {
  unsigned long flags = 0;
  if (has_namespaces(config.mode))
    flags |= CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS;
  if (config.mode == Mode::user_namespaces) flags |= CLONE_NEWUSER;
  const uid_t uid = ::geteuid();
  const gid_t gid = ::getegid();
  const pid_t pid = fork_with(flags);
  if (pid < 0) return fail(Errc::io, "make a process in namespaces of its own", errno);
  if (pid == 0) run_init(config, fds, uid, gid);
  return pid;
}

}  // namespace

std::string describe_measures(uint32_t measures, bool locked_down) {
  std::string text;
  const auto add = [&](bool present, const char* name) {
    if (!present) return;
    if (!text.empty()) text += ", ";
    text += name;
  };
  add((measures & kThrowAwayUid) != 0, "throw-away uid");
  add((measures & kUserNamespace) != 0, "user namespace");
  add((measures & kMountNamespace) != 0, "private root");
  add((measures & kPidNamespace) != 0, "own pids");
  add((measures & kNetNamespace) != 0, "no network");
  add((measures & kLandlock) != 0, "landlock");
  add(locked_down, "seccomp");
  return text.empty() ? "none" : text;
}

Result<> launch_worker(const LaunchConfig& config, LaunchFds fds) {
  const Result<pid_t> pid = start_init(config, fds);
  if (!pid) return tl::unexpected(pid.error());
  return {};
}

std::string probe(const LaunchConfig& config) {
  int pair[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) return "no socket pair";
  const UniqueFd near(pair[0]);
  LaunchFds far;
  far.report = UniqueFd(pair[1]);
  const Result<pid_t> pid = start_init(config, far);
  if (!pid) return to_string(pid.error());
  far.report.reset();
  Report report;
  const ssize_t got = ::recv(near.get(), &report, sizeof(report), 0);
  int status = 0;
  while (::waitpid(*pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (got != sizeof(report)) return "the sandboxed process died with wait status " + std::to_string(status);
  if (report.kind == Report::launched) return {};
  report.text[sizeof(report.text) - 1] = 0;
  return "could not " + std::string(report.text) + ": " + std::strerror(report.value);
}

Mode choose_mode(LaunchConfig config, std::string& why_not_better) {
  const bool root = ::geteuid() == 0;
  why_not_better.clear();
  config.mode = root ? Mode::root_namespaces : Mode::user_namespaces;
  why_not_better = probe(config);
  if (why_not_better.empty()) return config.mode;
  if (!root) return Mode::none;
  config.mode = Mode::uid_only;
  const std::string second = probe(config);
  if (second.empty()) return config.mode;
  why_not_better += "; " + second;
  return Mode::none;
}

}  // namespace viaduct::host::sandbox
