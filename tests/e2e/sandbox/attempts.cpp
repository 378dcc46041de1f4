#include "tests/e2e/sandbox/attempts.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <linux/vm_sockets.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <set>

namespace viaduct::sandbox_test {
namespace {

bool opens(const std::string& path, int flags) {
  const int fd = open(path.c_str(), flags | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0600);
  if (fd < 0) return false;
  close(fd);
  return true;
}

bool creates(const std::string& path) {
  if (!opens(path, O_WRONLY | O_CREAT)) return false;
  unlink(path.c_str());
  return true;
}

bool lists(const char* path) {
  DIR* folder = opendir(path);
  if (folder == nullptr) return false;
  bool something = false;
  while (const dirent* entry = readdir(folder)) something = something || entry->d_name[0] != '.';
  closedir(folder);
  return something;
}

std::string proc(pid_t pid, const char* what) { return "/proc/" + std::to_string(pid) + "/" + what; }

// Reads one byte: some files of /proc open for anybody and refuse only the read.
bool reads(const std::string& path) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return false;
  char byte = 0;
  const bool got = read(fd, &byte, 1) == 1;
  close(fd);
  return got;
}

bool socket_works(int family, int type, int protocol) {
  const int fd = socket(family, type | SOCK_CLOEXEC, protocol);
  if (fd < 0) return false;
  close(fd);
  return true;
}

bool connects(const Facts& facts) {
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return false;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, facts.daemon_socket.c_str(), sizeof(address.sun_path) - 1);
  const bool connected = connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
  close(fd);
  return connected;
}

// An X server, a session bus and the like listen on abstract names, which no file system hides.
bool abstract_socket(const Facts&) {
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return false;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::snprintf(address.sun_path + 1, sizeof(address.sun_path) - 1, "viaduct-sandbox-%d", getpid());
  const bool bound = bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
  close(fd);
  return bound;
}

bool traces(pid_t pid) {
  if (ptrace(PTRACE_SEIZE, pid, nullptr, nullptr) != 0) return false;
  ptrace(PTRACE_DETACH, pid, nullptr, nullptr);
  return true;
}

bool reads_memory(pid_t pid) {
  char byte = 0;
  iovec here{&byte, 1};
  iovec there{reinterpret_cast<void*>(0x400000), 1};
  // EFAULT means that the process could be reached and only the address was wrong.
  return process_vm_readv(pid, &here, 1, &there, 1, 0) == 1 || errno == EFAULT;
}

bool opens_pidfd(pid_t pid) {
  const long fd = syscall(SYS_pidfd_open, pid, 0);
  if (fd < 0) return false;
  close(static_cast<int>(fd));
  return true;
}

// The other session's region is a memfd in the other worker's hands: by /proc, and by pidfd_getfd.
bool maps_other_slice_by_proc(const Facts& facts) {
  for (int fd = 3; fd < 64; ++fd) {
    if (opens(proc(facts.other_worker, "fd/") + std::to_string(fd), O_RDWR)) return true;
  }
  return opens(proc(facts.other_worker, "map_files"), O_RDONLY);
}

bool maps_other_slice_by_pidfd(const Facts& facts) {
  const long process = syscall(SYS_pidfd_open, facts.other_worker, 0);
  if (process < 0) return false;
  bool got = false;
  for (int fd = 3; fd < 64 && !got; ++fd) got = syscall(SYS_pidfd_getfd, process, fd, 0) >= 0;
  close(static_cast<int>(process));
  return got;
}

// Every session has one region; a descriptor of a second large memfd would be somebody else's.
bool holds_second_region(const Facts&) {
  std::set<ino_t> regions;
  for (int fd = 0; fd < 4096; ++fd) {
    struct stat status {};
    if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) continue;
    if (fcntl(fd, F_GET_SEALS) >= 0 && status.st_size >= 1 << 20) regions.insert(status.st_ino);
  }
  return regions.size() > 1;
}

bool forks(const Facts&) {
  const pid_t child = fork();
  if (child < 0) return false;
  if (child == 0) _exit(0);
  waitpid(child, nullptr, 0);
  return true;
}

// Tried without a fork, since that is refused as well: if it worked, the worker would be gone and the session
// too.
bool executes(const Facts&) {
  char* const arguments[] = {const_cast<char*>("true"), nullptr};
  execve("/bin/true", arguments, nullptr);
  return errno != EPERM && errno != EACCES && errno != ENOSYS && errno != ENOENT;
}

bool raises_limits(const Facts&) {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_max == RLIM_INFINITY) return false;
  limit.rlim_max += 1;
  return setrlimit(RLIMIT_NOFILE, &limit) == 0;
}

// To what it shows already.
bool sets_clock(const Facts&) {
  timespec now{};
  return clock_gettime(CLOCK_REALTIME, &now) == 0 && clock_settime(CLOCK_REALTIME, &now) == 0;
}

// The call reaches its own checks (and not the filter) if it fails with anything else than a refusal.
bool reaches(long result) { return result >= 0 || (errno != EPERM && errno != ENOSYS && errno != EACCES); }

constexpr Attempt kAttempts[] = {
    {"read /etc/shadow", [](const Facts&) { return opens("/etc/shadow", O_RDONLY); }},
    {"read a world-readable file of another user",
     [](const Facts& f) { return opens(f.secret_file, O_RDONLY); }, true},
    {"write that file", [](const Facts& f) { return opens(f.secret_file, O_WRONLY); }},
    {"create a file in a world-writable folder",
     [](const Facts& f) { return creates(f.open_folder + "/created-by-a-worker"); }, true},
    {"create a file in /tmp", [](const Facts&) { return creates("/tmp/created-by-a-worker"); }},
    {"create a file in /dev/shm", [](const Facts&) { return creates("/dev/shm/created-by-a-worker"); }},
    {"create a file in the current folder", [](const Facts&) { return creates("created-by-a-worker"); }},
    {"list /root", [](const Facts&) { return lists("/root"); }},
    {"list /home", [](const Facts&) { return lists("/home"); }},
    {"open a raw disk",
     [](const Facts&) { return opens("/dev/sda", O_RDONLY) || opens("/dev/vda", O_RDONLY); }},
    {"open kernel memory",
     [](const Facts&) { return opens("/dev/mem", O_RDONLY) || opens("/dev/kmem", O_RDONLY); }},
    {"read the daemon's environment", [](const Facts& f) { return reads(proc(f.daemon, "environ")); }},
    {"read another worker's memory map", [](const Facts& f) { return reads(proc(f.other_worker, "maps")); }},
    {"write another worker's memory",
     [](const Facts& f) { return opens(proc(f.other_worker, "mem"), O_RDWR); }},
    {"read another tenant's application",
     [](const Facts& f) { return reads(proc(f.other_guest, "environ")); }},
    {"connect to the daemon's socket", connects, true},
    {"bind an abstract socket", abstract_socket, true},
    {"make an IPv4 socket", [](const Facts&) { return socket_works(AF_INET, SOCK_STREAM, 0); }, true},
    {"make an IPv6 socket", [](const Facts&) { return socket_works(AF_INET6, SOCK_DGRAM, 0); }, true},
    {"make a netlink socket", [](const Facts&) { return socket_works(AF_NETLINK, SOCK_RAW, 0); }},
    {"make a raw packet socket", [](const Facts&) { return socket_works(AF_PACKET, SOCK_RAW, 0); }},
    {"make a vsock socket", [](const Facts&) { return socket_works(AF_VSOCK, SOCK_STREAM, 0); }},
    {"ptrace the parent", [](const Facts&) { return traces(getppid()); }},
    {"ptrace the daemon", [](const Facts& f) { return traces(f.daemon); }},
    {"ptrace another worker", [](const Facts& f) { return traces(f.other_worker); }},
    {"read the daemon's memory", [](const Facts& f) { return reads_memory(f.daemon); }},
    {"read another worker's memory", [](const Facts& f) { return reads_memory(f.other_worker); }},
    {"signal the daemon", [](const Facts& f) { return kill(f.daemon, 0) == 0; }},
    {"signal the parent", [](const Facts&) { return getppid() != 0 && kill(getppid(), 0) == 0; }},
    {"signal another worker", [](const Facts& f) { return kill(f.other_worker, 0) == 0; }},
    {"signal another tenant's application", [](const Facts& f) { return kill(f.other_guest, 0) == 0; }},
    {"signal a thread of another worker",
     [](const Facts& f) { return syscall(SYS_tgkill, f.other_worker, f.other_worker, 0) == 0; }},
    {"open a pidfd of another worker", [](const Facts& f) { return opens_pidfd(f.other_worker); }, true},
    {"map another session's slice through /proc", maps_other_slice_by_proc},
    {"map another session's slice through pidfd_getfd", maps_other_slice_by_pidfd},
    {"hold a second session's region", holds_second_region},
    {"fork", forks, true},
    {"execute a program", executes},
    {"become root", [](const Facts&) { return geteuid() != 0 && syscall(SYS_setuid, 0) == 0; }},
    {"make a user namespace", [](const Facts&) { return unshare(CLONE_NEWUSER) == 0; }},
    {"mount a file system", [](const Facts&) { return mount("none", "/", "tmpfs", 0, nullptr) == 0; }},
    {"change the root", [](const Facts&) { return chroot("/") == 0; }},
    {"raise its own limits", raises_limits},
    {"load a kernel module", [](const Facts&) { return reaches(syscall(SYS_init_module, nullptr, 0, "")); }},
    {"load a BPF program", [](const Facts&) { return reaches(syscall(SYS_bpf, 5, nullptr, 0)); }},
    {"open a performance counter",
     [](const Facts&) { return reaches(syscall(SYS_perf_event_open, nullptr, 0, -1, -1, 0)); }},
    {"set up an io_uring", [](const Facts&) { return reaches(syscall(SYS_io_uring_setup, 1, nullptr)); }},
    {"set up a userfaultfd", [](const Facts&) { return reaches(syscall(SYS_userfaultfd, 0)); }},
    {"read the kernel's keys", [](const Facts&) { return reaches(syscall(SYS_keyctl, 0, -3, 0, 0, 0)); }},
    {"open a file by its handle",
     [](const Facts&) { return reaches(syscall(SYS_open_by_handle_at, AT_FDCWD, nullptr, 0)); }},
    {"set the host's name", [](const Facts&) { return sethostname("taken", 5) == 0; }},
    {"set the clock", sets_clock},
    {"type into the terminal",
     [](const Facts&) { return opens("/dev/tty", O_RDWR) || opens("/dev/console", O_RDWR); }},
};

}  // namespace

std::span<const Attempt> attempts() { return kAttempts; }

Facts parse_facts(const char* text) {
  Facts facts;
  std::string rest = text == nullptr ? "" : text;
  while (!rest.empty()) {
    const std::size_t comma = rest.find(',');
    const std::string part = rest.substr(0, comma);
    rest = comma == std::string::npos ? "" : rest.substr(comma + 1);
    const std::size_t equals = part.find('=');
    if (equals == std::string::npos) continue;
    const std::string key = part.substr(0, equals);
    const std::string value = part.substr(equals + 1);
    if (key == "daemon") facts.daemon = std::atoi(value.c_str());
    if (key == "worker") facts.other_worker = std::atoi(value.c_str());
    if (key == "guest") facts.other_guest = std::atoi(value.c_str());
    if (key == "secret") facts.secret_file = value;
    if (key == "folder") facts.open_folder = value;
    if (key == "socket") facts.daemon_socket = value;
    if (key == "harmless") facts.harmless = value == "1";
  }
  return facts;
}

std::string run_attempts(const Facts& facts) {
  std::string result;
  for (const Attempt& attempt : attempts()) {
    const bool skip = facts.harmless && !attempt.harmless;
    result += skip ? kNotTried : attempt.run(facts) ? kSucceeded : kRefused;
  }
  return result;
}

}  // namespace viaduct::sandbox_test
