#include "host-renderer/worker/worker_link.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "generated/protocol/control/control.pb.h"

namespace viaduct::host {
namespace {

constexpr std::size_t kMaxMessage = 128 * 1024;  // a hello is at most 64 KiB
constexpr std::size_t kMostGrantFds = 6;
constexpr std::size_t kMostSliceFds = 5;  // with a doorbell

// How many descriptors come with a grant; 0 for a kind that nobody knows.
std::size_t grant_fds(protocol::RegionKind kind) {
  switch (kind) {
    case protocol::RegionKind::memfd:
      return 6;
    case protocol::RegionKind::none:
      return 3;
    case protocol::RegionKind::ivshmem:
      return 4;
  }
  return 0;
}

Result<> send_message(int fd, const control::ToDaemon& message) {
  const std::string bytes = message.SerializeAsString();
  for (;;) {
    const ssize_t sent = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent >= 0) return {};
    if (errno == EINTR) continue;
    const Errc code = errno == EPIPE || errno == ECONNRESET ? Errc::closed : Errc::io;
    return fail(code, "worker link: send", errno);
  }
}

// One message and the descriptors that came with it, which are never more than `fds` holds.
Result<std::size_t> receive(int fd, std::vector<char>& bytes, std::array<UniqueFd, kMostGrantFds>& fds) {
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int) * kMostGrantFds)> control{};
  iovec io{bytes.data(), bytes.size()};
  msghdr message{};
  message.msg_iov = &io;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  ssize_t got = 0;
  do {
    got = ::recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
  } while (got < 0 && errno == EINTR);
  if (got < 0) return fail(errno == ECONNRESET ? Errc::closed : Errc::io, "worker link: receive", errno);
  std::size_t count = 0;
  for (cmsghdr* part = CMSG_FIRSTHDR(&message); part != nullptr; part = CMSG_NXTHDR(&message, part)) {
    if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) continue;
    const std::size_t here = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < here && count < fds.size(); ++i) {
      int value = -1;
      std::memcpy(&value, CMSG_DATA(part) + i * sizeof(int), sizeof(int));
      fds[count++] = UniqueFd(value);
    }
  }
  if (got == 0) return fail(Errc::closed, "worker link: the daemon is gone");
  if ((message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0) {
    return fail(Errc::bad_data, "worker link: message too long");
  }
  bytes.resize(static_cast<std::size_t>(got));
  return count;
}

}  // namespace

Result<WorkerLink> WorkerLink::from_fd(int fd) {
  UniqueFd owned(fd);
  int type = 0;
  socklen_t length = sizeof(type);
  if (::getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &length) != 0 || type != SOCK_SEQPACKET) {
    return fail(Errc::bad_data, "worker link: not started by viaductd", errno);
  }
  if (::fcntl(fd, F_SETFD, FD_CLOEXEC) != 0) return fail(Errc::io, "worker link: fcntl", errno);
  ::prctl(PR_SET_NAME, "viaduct-worker");
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  return WorkerLink(std::move(owned));
}

Result<> WorkerLink::send_ready(const WorkerReadyInfo& info) {
  control::ToDaemon message;
  control::WorkerReady& ready = *message.mutable_ready();
  for (const GpuInfo& gpu : info.gpus) {
    control::Gpu& out = *ready.add_gpus();
    out.set_name(gpu.name);
    out.set_type(gpu.type);
    out.set_vendor_id(gpu.vendor_id);
    out.set_device_id(gpu.device_id);
    out.set_api_version(gpu.api_version);
    out.set_driver_name(gpu.driver_name);
    out.set_driver_info(gpu.driver_info);
  }
  ready.set_locked_down(info.locked_down);
  ready.set_lockdown_error(info.lockdown_error);
  return send_message(fd_.get(), message);
}

Result<> WorkerLink::send_failed(std::string_view reason) {
  control::ToDaemon message;
  message.mutable_failed()->set_reason(reason.data(), reason.size());
  return send_message(fd_.get(), message);
}

Result<> WorkerLink::send_started() {
  control::ToDaemon message;
  message.mutable_started();
  return send_message(fd_.get(), message);
}

Result<> WorkerLink::send_wants_gpu() {
  control::ToDaemon message;
  message.mutable_wants_gpu();
  return send_message(fd_.get(), message);
}

Result<> WorkerLink::send_ended(std::string_view cause) {
  control::ToDaemon message;
  message.mutable_ended()->set_cause(cause.data(), cause.size());
  return send_message(fd_.get(), message);
}

Result<Grant> WorkerLink::wait_for_grant() {
  std::vector<char> bytes(kMaxMessage);
  std::array<UniqueFd, kMostGrantFds> fds;
  auto received = receive(fd_.get(), bytes, fds);
  if (!received) return tl::unexpected(received.error());
  control::ToWorker message;
  if (!message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())) || !message.has_start()) {
    return fail(Errc::bad_data, "worker link: grant");
  }
  const control::WorkerStart& start = message.start();
  Grant grant;
  if (start.region_kind() != 0) grant.region_kind = static_cast<protocol::RegionKind>(start.region_kind());
  const bool doorbell = grant.region_kind == protocol::RegionKind::ivshmem && *received == kMostSliceFds;
  if (*received != grant_fds(grant.region_kind) && !doorbell)
    return fail(Errc::bad_data, "worker link: grant");
  grant.compression = start.compression();
  grant.slice_offset = start.slice_offset();
  grant.session_id = start.session_id();
  grant.tenant = start.tenant();
  grant.program = start.program();
  grant.guest_pid = start.guest_pid();
  grant.gpu = start.gpu();
  grant.limits.control_bytes = start.limits().control_bytes();
  grant.limits.arena_bytes = start.limits().arena_bytes();
  grant.limits.max_objects = start.limits().max_objects();
  grant.limits.device_memory_bytes = start.limits().device_memory_bytes();
  const auto* hello = reinterpret_cast<const std::byte*>(start.hello().data());
  grant.hello.assign(hello, hello + start.hello().size());
  grant.control = std::move(fds[0]);
  grant.stats = std::move(fds[1]);
  grant.gate = std::move(fds[2]);
  grant.region = std::move(fds[3]);
  grant.doorbell_to_host = std::move(fds[4]);
  grant.doorbell_to_guest = std::move(fds[5]);
  return grant;
}

}  // namespace viaduct::host
