// Each test runs in a child process, which ends up unable to do anything else; its exit status is the
// number of the line that was not as expected, modulo 251, or 0.
#include "host-renderer/sandbox/lockdown.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>

namespace viaduct::host::sandbox {
namespace {

#define CHILD_EXPECT(condition)                  \
  do {                                           \
    if (!(condition)) return 1 + __LINE__ % 250; \
  } while (false)
#define CHILD_DENIED(call)                        \
  do {                                            \
    errno = 0;                                    \
    CHILD_EXPECT((call) == -1 && errno == EPERM); \
  } while (false)

int in_child(int (*body)()) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(body());
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

std::atomic<int> g_go{0};
std::atomic<int> g_result{-1};

void* touch_socket(void*) {
  while (g_go.load() == 0) ::sched_yield();
  g_result = ::socket(AF_INET, SOCK_STREAM, 0) == -1 && errno == EPERM ? 1 : 0;
  return nullptr;
}

TEST(Lockdown, denies_what_reaches_beyond_the_process) {
  EXPECT_EQ(in_child([] {
              const pid_t parent = ::getppid();
              CHILD_EXPECT(lock_down().has_value());
              CHILD_DENIED(::socket(AF_UNIX, SOCK_STREAM, 0));
              int pair[2];
              CHILD_DENIED(::socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
              CHILD_DENIED(::connect(0, nullptr, 0));
              CHILD_DENIED(::bind(0, nullptr, 0));
              CHILD_DENIED(static_cast<int>(::ptrace(PTRACE_SEIZE, parent, nullptr, nullptr)));
              CHILD_DENIED(::kill(parent, 0));
              CHILD_DENIED(static_cast<int>(::syscall(SYS_tgkill, parent, parent, 0)));
              CHILD_DENIED(static_cast<int>(::syscall(SYS_tkill, parent, 0)));
              CHILD_DENIED(static_cast<int>(::syscall(SYS_pidfd_open, parent, 0)));
              CHILD_DENIED(static_cast<int>(::syscall(SYS_pidfd_getfd, 0, 0, 0)));
              iovec io{&pair, 1};
              CHILD_DENIED(static_cast<int>(::process_vm_readv(parent, &io, 1, &io, 1, 0)));
              CHILD_DENIED(static_cast<int>(::process_vm_writev(parent, &io, 1, &io, 1, 0)));
              CHILD_DENIED(static_cast<int>(::syscall(SYS_fork)));
              CHILD_DENIED(static_cast<int>(::syscall(SYS_clone, SIGCHLD, nullptr, nullptr, nullptr, 0)));
              char* none[] = {nullptr};
              CHILD_DENIED(::execve("/bin/true", none, none));
              CHILD_DENIED(::unshare(CLONE_NEWUSER));
              CHILD_DENIED(static_cast<int>(::syscall(SYS_mount, "none", "/", "tmpfs", 0, nullptr)));
              CHILD_DENIED(static_cast<int>(::syscall(SYS_bpf, 0, nullptr, 0)));
              CHILD_DENIED(static_cast<int>(::syscall(SYS_io_uring_setup, 1, nullptr)));
              CHILD_DENIED(static_cast<int>(::syscall(SYS_userfaultfd, 0)));
              CHILD_DENIED(static_cast<int>(::syscall(SYS_setuid, 0)));
              CHILD_DENIED(::prctl(PR_SET_PDEATHSIG, 0));
              CHILD_DENIED(::fcntl(0, F_SETOWN, parent));
              char letter = 'x';
              CHILD_DENIED(::ioctl(0, TIOCSTI, &letter));
              rlimit limit{10, 10};
              CHILD_DENIED(::setrlimit(RLIMIT_NOFILE, &limit));
              CHILD_DENIED(::unlink("/nonexistent"));
              CHILD_DENIED(::mkdir("/nonexistent", 0700));
              CHILD_DENIED(::chmod("/nonexistent", 0700));
              return 0;
            }),
            0);
}

TEST(Lockdown, allows_what_a_worker_and_its_driver_do) {
  EXPECT_EQ(in_child([] {
              int pair[2];
              CHILD_EXPECT(::socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) == 0);
              CHILD_EXPECT(lock_down().has_value());
              // Code made at run time.
              void* page = ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
              CHILD_EXPECT(page != MAP_FAILED && ::mprotect(page, 4096, PROT_READ | PROT_EXEC) == 0);
              const int memory = ::memfd_create("x", MFD_CLOEXEC);
              CHILD_EXPECT(memory >= 0 && ::ftruncate(memory, 8192) == 0);
              CHILD_EXPECT(::fallocate(memory, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096) == 0);
              CHILD_EXPECT(::eventfd(0, EFD_NONBLOCK) >= 0);
              CHILD_EXPECT(::send(pair[0], "x", 1, MSG_NOSIGNAL) == 1);
              char byte = 0;
              CHILD_EXPECT(::recv(pair[1], &byte, 1, 0) == 1);
              const int file = ::open("/dev/null", O_RDWR | O_CLOEXEC);
              CHILD_EXPECT(file >= 0 && ::fcntl(file, F_DUPFD_CLOEXEC, 0) > 0);
              CHILD_EXPECT(::prctl(PR_SET_NAME, "renamed") == 0);
              rlimit limit{};
              CHILD_EXPECT(::getrlimit(RLIMIT_NOFILE, &limit) == 0);
              CHILD_EXPECT(static_cast<int>(::syscall(SYS_tgkill, ::getpid(), ::getpid(), 0)) == 0);
              return 0;
            }),
            0);
}

TEST(Lockdown, lets_threads_start_and_covers_those_that_run_already) {
  EXPECT_EQ(in_child([] {
              pthread_t before{};
              CHILD_EXPECT(::pthread_create(&before, nullptr, &touch_socket, nullptr) == 0);
              CHILD_EXPECT(lock_down().has_value());
              g_go = 1;
              CHILD_EXPECT(::pthread_join(before, nullptr) == 0);
              CHILD_EXPECT(g_result == 1);
              g_result = -1;
              pthread_t after{};
              CHILD_EXPECT(::pthread_create(&after, nullptr, &touch_socket, nullptr) == 0);
              CHILD_EXPECT(::pthread_join(after, nullptr) == 0);
              CHILD_EXPECT(g_result == 1);
              return 0;
            }),
            0);
}

TEST(Lockdown, can_take_the_opening_of_files_too) {
  EXPECT_EQ(in_child([] {
              CHILD_EXPECT(lock_down({.allow_open = false}).has_value());
              CHILD_DENIED(::open("/dev/null", O_RDONLY));
              return 0;
            }),
            0);
}

TEST(Lockdown, a_worker_that_aborts_still_dies_of_it) {
  EXPECT_EQ(in_child([] {
              if (!lock_down()) return 1;
              ::signal(SIGABRT, SIG_DFL);
              ::raise(SIGABRT);
              return 2;
            }),
            1000 + SIGABRT);
}

TEST(EarlyFilter, denies_sockets_and_children_but_lets_the_worker_be_run) {
  EXPECT_EQ(in_child([] {
              CHILD_EXPECT(::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
              CHILD_EXPECT(restrict_before_exec().has_value());
              CHILD_DENIED(::socket(AF_INET, SOCK_STREAM, 0));
              CHILD_DENIED(::kill(::getppid(), 0));
              CHILD_DENIED(static_cast<int>(::syscall(SYS_fork)));
              CHILD_DENIED(static_cast<int>(::syscall(SYS_clone, SIGCHLD, nullptr, nullptr, nullptr, 0)));
              char name[] = "true";
              char* arguments[] = {name, nullptr};
              ::execv("/bin/true", arguments);
              return 3;
            }),
            0);
}

}  // namespace
}  // namespace viaduct::host::sandbox
