#include "host-renderer/sandbox/lockdown.hpp"

#include <asm/unistd.h>
#include <fcntl.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <memory>

namespace viaduct::host::sandbox {
namespace {

// What a worker, libc, the Vulkan loader, LLVM's and SwiftShader's code generators and the kernel-side
// drivers need once they run. Calls with arguments that matter are not here but in add_*() below.
constexpr int kAllowed[] = {
    // memory, with executable pages for just-in-time compilers
    SCMP_SYS(brk),
    SCMP_SYS(mmap),
    SCMP_SYS(munmap),
    SCMP_SYS(mprotect),
    SCMP_SYS(mremap),
    SCMP_SYS(madvise),
    SCMP_SYS(mincore),
    SCMP_SYS(msync),
    SCMP_SYS(mlock),
    SCMP_SYS(mlock2),
    SCMP_SYS(munlock),
    SCMP_SYS(membarrier),
    SCMP_SYS(memfd_create),
    SCMP_SYS(pkey_alloc),
    SCMP_SYS(pkey_free),
    SCMP_SYS(pkey_mprotect),
    // NUMA and scheduling questions, and a driver's wishes for its own threads
    SCMP_SYS(mbind),
    SCMP_SYS(get_mempolicy),
    SCMP_SYS(set_mempolicy),
    SCMP_SYS(sched_yield),
    SCMP_SYS(sched_getaffinity),
    SCMP_SYS(sched_setaffinity),
    SCMP_SYS(sched_getparam),
    SCMP_SYS(sched_getscheduler),
    SCMP_SYS(sched_get_priority_max),
    SCMP_SYS(sched_get_priority_min),
    SCMP_SYS(getpriority),
    SCMP_SYS(getcpu),
    // threads and waiting
    SCMP_SYS(futex),
    SCMP_SYS(futex_waitv),
    SCMP_SYS(set_robust_list),
    SCMP_SYS(get_robust_list),
    SCMP_SYS(rseq),
    SCMP_SYS(set_tid_address),
    SCMP_SYS(gettid),
    SCMP_SYS(exit),
    SCMP_SYS(exit_group),
    SCMP_SYS(restart_syscall),
    SCMP_SYS(arch_prctl),
    SCMP_SYS(set_thread_area),
    // time
    SCMP_SYS(clock_gettime),
    SCMP_SYS(clock_getres),
    SCMP_SYS(clock_nanosleep),
    SCMP_SYS(nanosleep),
    SCMP_SYS(gettimeofday),
    SCMP_SYS(time),
    SCMP_SYS(times),
    SCMP_SYS(timerfd_create),
    SCMP_SYS(timerfd_settime),
    SCMP_SYS(timerfd_gettime),
    // descriptors it has, and what it may make of them
    SCMP_SYS(read),
    SCMP_SYS(write),
    SCMP_SYS(readv),
    SCMP_SYS(writev),
    SCMP_SYS(pread64),
    SCMP_SYS(pwrite64),
    SCMP_SYS(preadv),
    SCMP_SYS(pwritev),
    SCMP_SYS(lseek),
    SCMP_SYS(close),
    SCMP_SYS(close_range),
    SCMP_SYS(dup),
    SCMP_SYS(dup2),
    SCMP_SYS(dup3),
    SCMP_SYS(pipe),
    SCMP_SYS(pipe2),
    SCMP_SYS(eventfd2),
    SCMP_SYS(poll),
    SCMP_SYS(ppoll),
    SCMP_SYS(select),
    SCMP_SYS(pselect6),
    SCMP_SYS(epoll_create1),
    SCMP_SYS(epoll_ctl),
    SCMP_SYS(epoll_wait),
    SCMP_SYS(epoll_pwait),
    SCMP_SYS(epoll_pwait2),
    SCMP_SYS(sendmsg),
    SCMP_SYS(sendto),
    SCMP_SYS(recvmsg),
    SCMP_SYS(recvfrom),
    SCMP_SYS(sendmmsg),
    SCMP_SYS(recvmmsg),
    SCMP_SYS(shutdown),
    SCMP_SYS(getsockopt),
    SCMP_SYS(getsockname),
    SCMP_SYS(getpeername),
    SCMP_SYS(ftruncate),
    SCMP_SYS(fallocate),
    SCMP_SYS(fsync),
    SCMP_SYS(fdatasync),
    SCMP_SYS(flock),
    SCMP_SYS(fadvise64),
    // looking at files (there are only the view's)
    SCMP_SYS(fstat),
    SCMP_SYS(newfstatat),
    SCMP_SYS(stat),
    SCMP_SYS(lstat),
    SCMP_SYS(statx),
    SCMP_SYS(fstatfs),
    SCMP_SYS(statfs),
    SCMP_SYS(access),
    SCMP_SYS(faccessat),
    SCMP_SYS(faccessat2),
    SCMP_SYS(readlink),
    SCMP_SYS(readlinkat),
    SCMP_SYS(getdents64),
    SCMP_SYS(getcwd),
    SCMP_SYS(uname),
    SCMP_SYS(sysinfo),
    // its own signals and identity
    SCMP_SYS(rt_sigaction),
    SCMP_SYS(rt_sigprocmask),
    SCMP_SYS(rt_sigreturn),
    SCMP_SYS(rt_sigpending),
    SCMP_SYS(rt_sigtimedwait),
    SCMP_SYS(sigaltstack),
    SCMP_SYS(getpid),
    SCMP_SYS(getppid),
    SCMP_SYS(getuid),
    SCMP_SYS(geteuid),
    SCMP_SYS(getgid),
    SCMP_SYS(getegid),
    SCMP_SYS(getresuid),
    SCMP_SYS(getresgid),
    SCMP_SYS(getgroups),
    SCMP_SYS(getrlimit),
    SCMP_SYS(getrusage),
    SCMP_SYS(getrandom),
    SCMP_SYS(capget),
};

// With these libc tries an older call when it hears that the kernel lacks the new one.
constexpr int kPretendAbsent[] = {SCMP_SYS(clone3), SCMP_SYS(openat2)};

// Types (bits 8 to 15) of the ioctls of GPU drivers. A terminal's are 'T': a worker must not push input
// into the terminal that its log goes to.
constexpr uint64_t kIoctlTypes[] = {
    'd',  // DRM
    'F',  // nvidia and nvidiactl
    'm',  // nvidia-modeset
    0,    // nvidia-uvm numbers its calls from 0
    'K',  // kfd
    'b',  // dma-buf
    'u',  // udmabuf
    '>',  // sync file
};

// What the driver's start-up could do harm with; the allow-list has the rest.
constexpr int kDeniedEarly[] = {
    SCMP_SYS(socket),
    SCMP_SYS(connect),
    SCMP_SYS(bind),
    SCMP_SYS(listen),
    SCMP_SYS(accept),
    SCMP_SYS(accept4),
    SCMP_SYS(ptrace),
    SCMP_SYS(process_vm_readv),
    SCMP_SYS(process_vm_writev),
    SCMP_SYS(pidfd_open),
    SCMP_SYS(pidfd_getfd),
    SCMP_SYS(pidfd_send_signal),
    SCMP_SYS(kcmp),
    SCMP_SYS(kill),
    SCMP_SYS(tkill),
    SCMP_SYS(rt_sigqueueinfo),
    SCMP_SYS(rt_tgsigqueueinfo),
    SCMP_SYS(fork),
    SCMP_SYS(vfork),
    SCMP_SYS(mount),
    SCMP_SYS(umount2),
    SCMP_SYS(pivot_root),
    SCMP_SYS(chroot),
    SCMP_SYS(unshare),
    SCMP_SYS(setns),
    SCMP_SYS(open_tree),
    SCMP_SYS(move_mount),
    SCMP_SYS(fsopen),
    SCMP_SYS(bpf),
    SCMP_SYS(perf_event_open),
    SCMP_SYS(userfaultfd),
    SCMP_SYS(io_uring_setup),
    SCMP_SYS(io_uring_enter),
    SCMP_SYS(io_uring_register),
    SCMP_SYS(keyctl),
    SCMP_SYS(add_key),
    SCMP_SYS(request_key),
    SCMP_SYS(shmget),
    SCMP_SYS(shmat),
    SCMP_SYS(msgget),
    SCMP_SYS(semget),
    SCMP_SYS(mq_open),
    SCMP_SYS(init_module),
    SCMP_SYS(finit_module),
    SCMP_SYS(kexec_load),
    SCMP_SYS(reboot),
    SCMP_SYS(syslog),
    SCMP_SYS(name_to_handle_at),
    SCMP_SYS(open_by_handle_at),
    SCMP_SYS(fanotify_init),
    SCMP_SYS(quotactl),

};

using Filter = std::unique_ptr<void, decltype(&seccomp_release)>;

class Builder {
 public:
  explicit Builder(uint32_t default_action) : filter_(seccomp_init(default_action), &seccomp_release) {}

  // A call that this architecture does not have has a negative pseudo number and is left out.
  template <class... Conditions>
  void add(uint32_t action, int call, Conditions... conditions) {
    if (call < 0 || error_ != 0 || !filter_) return;
    const int result = seccomp_rule_add(filter_.get(), action, call, sizeof...(conditions), conditions...);
    // The default action needs no rule and libseccomp refuses one.
    if (result != 0 && result != -EACCES) error_ = -result;
  }

  Result<> load(const char* where) {
    if (!filter_) return fail(Errc::internal, where, ENOMEM);
    if (error_ != 0) return fail(Errc::internal, where, error_);
    // Threads that the driver has started get the filter too.
    seccomp_attr_set(filter_.get(), SCMP_FLTATR_CTL_TSYNC, 1);
    seccomp_attr_set(filter_.get(), SCMP_FLTATR_CTL_OPTIMIZE, 2);
    const int result = seccomp_load(filter_.get());
    if (result != 0) return fail(Errc::unsupported, where, -result);
    return {};
  }

 private:
  Filter filter_;
  int error_ = 0;
};

constexpr uint32_t kDeny = SCMP_ACT_ERRNO(EPERM);

void add_threads(Builder& builder) {
  for (const int call : kPretendAbsent) builder.add(SCMP_ACT_ERRNO(ENOSYS), call);
  constexpr uint64_t kNewNamespace = CLONE_NEWNS | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET |
                                     CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP;
  builder.add(SCMP_ACT_ALLOW, SCMP_SYS(clone),
              SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD | kNewNamespace, CLONE_THREAD));
}

void add_signals(Builder& builder) {
  // abort() and pthread_kill() signal the process itself.
  builder.add(SCMP_ACT_ALLOW, SCMP_SYS(tgkill), SCMP_A0(SCMP_CMP_EQ, static_cast<uint64_t>(::getpid())));
}

void add_descriptors(Builder& builder) {
  for (const uint64_t type : kIoctlTypes) {
    builder.add(SCMP_ACT_ALLOW, SCMP_SYS(ioctl), SCMP_A1(SCMP_CMP_MASKED_EQ, 0xff00, type << 8));
  }
  for (const uint64_t request : {uint64_t{FIONBIO}, uint64_t{FIONREAD}, uint64_t{FIOCLEX}}) {
    builder.add(SCMP_ACT_ALLOW, SCMP_SYS(ioctl), SCMP_A1(SCMP_CMP_EQ, request));
  }
  // Not F_SETOWN and F_SETSIG, which make the kernel signal other processes.
  for (const int command : {F_DUPFD, F_DUPFD_CLOEXEC, F_GETFD, F_SETFD, F_GETFL, F_SETFL, F_GETLK, F_SETLK,
                            F_SETLKW, F_ADD_SEALS, F_GET_SEALS, F_OFD_GETLK, F_OFD_SETLK, F_OFD_SETLKW}) {
    builder.add(SCMP_ACT_ALLOW, SCMP_SYS(fcntl), SCMP_A1(SCMP_CMP_EQ, static_cast<uint64_t>(command)));
  }
}

void add_questions(Builder& builder) {
  for (const int option : {PR_SET_NAME, PR_GET_NAME, PR_GET_DUMPABLE, PR_GET_SECCOMP, PR_GET_NO_NEW_PRIVS,
                           PR_SET_TIMERSLACK, PR_SET_VMA}) {
    builder.add(SCMP_ACT_ALLOW, SCMP_SYS(prctl), SCMP_A0(SCMP_CMP_EQ, static_cast<uint64_t>(option)));
  }
  // Reading a limit of its own; setting one needs the third argument.
  builder.add(SCMP_ACT_ALLOW, SCMP_SYS(prlimit64), SCMP_A0(SCMP_CMP_EQ, 0), SCMP_A2(SCMP_CMP_EQ, 0));
  // A driver may lower a thread of its own.
  builder.add(SCMP_ACT_ALLOW, SCMP_SYS(sched_setscheduler), SCMP_A0(SCMP_CMP_EQ, 0));
}

}  // namespace

Result<> lock_down(const LockdownProfile& profile) {
  // Asked already by the spawner; a worker run by hand needs it too.
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return fail(Errc::unsupported, "no_new_privs", errno);
  Builder builder(kDeny);
  for (const int call : kAllowed) builder.add(SCMP_ACT_ALLOW, call);
  if (profile.allow_open) {
    builder.add(SCMP_ACT_ALLOW, SCMP_SYS(open));
    builder.add(SCMP_ACT_ALLOW, SCMP_SYS(openat));
  }
  add_threads(builder);
  add_signals(builder);
  add_descriptors(builder);
  add_questions(builder);
  return builder.load("seccomp allow-list");
}

Result<> restrict_before_exec() {
  Builder builder(SCMP_ACT_ALLOW);
  for (const int call : kDeniedEarly) builder.add(kDeny, call);
  builder.add(SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3));
  builder.add(kDeny, SCMP_SYS(clone), SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, 0));
  builder.add(kDeny, SCMP_SYS(ioctl), SCMP_A1(SCMP_CMP_MASKED_EQ, 0xffff, TIOCSTI));
  return builder.load("early seccomp filter");
}

}  // namespace viaduct::host::sandbox
