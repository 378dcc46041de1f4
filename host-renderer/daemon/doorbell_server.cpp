#include "host-renderer/daemon/doorbell_server.hpp"

#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/log.hpp"
#include "transport/wait/doorbell.hpp"

namespace viaduct::host::daemon {
namespace {

// The protocol's numbers.
constexpr int64_t kVersion = 0;
constexpr int64_t kHost = 0;
constexpr int64_t kVm = 1;
constexpr int64_t kMemoryFollows = -1;

// One message: a number, and perhaps a descriptor. The socket is fresh and has room for all of them.
Result<> tell(int socket, int64_t number, int fd = -1) {
  iovec io{&number, sizeof(number)};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> ancillary{};
  msghdr message{};
  message.msg_iov = &io;
  message.msg_iovlen = 1;
  if (fd >= 0) {
    message.msg_control = ancillary.data();
    message.msg_controllen = ancillary.size();
    cmsghdr* part = CMSG_FIRSTHDR(&message);
    part->cmsg_level = SOL_SOCKET;
    part->cmsg_type = SCM_RIGHTS;
    part->cmsg_len = CMSG_LEN(sizeof(int));
    std::memcpy(CMSG_DATA(part), &fd, sizeof(fd));
  }
  if (::sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT) != static_cast<ssize_t>(sizeof(number))) {
    return fail(Errc::io, "introduce the VM's memory", errno);
  }
  return {};
}

}  // namespace

Bell::~Bell() { server_->taken_.reset(vector_); }

int Bell::fd() const { return server_->to_host_[vector_].get(); }

Result<std::shared_ptr<DoorbellServer>> DoorbellServer::make(std::string tenant,
                                                             std::shared_ptr<vm::VmMemory> memory) {
  std::shared_ptr<DoorbellServer> server(new DoorbellServer(std::move(tenant), std::move(memory)));
  for (uint32_t i = 0; i < kDoorbellVectors; ++i) {
    for (std::vector<UniqueFd>* fds : {&server->to_host_, &server->to_vm_}) {
      auto fd = transport::EventDoorbell::create_eventfd();
      if (!fd) return tl::unexpected(fd.error());
      fds->push_back(std::move(*fd));
    }
  }
  return server;
}

void DoorbellServer::on_connection(GuestSocket socket) {
  if (machine_) {
    VIADUCT_LOG_WARN(
        "daemon", "tenant %s: a second VM wants its memory and is sent away; each VM is a tenant of its own",
        tenant_.c_str());
    return;
  }
  if (const auto fits = memory_->file().check(); !fits) {
    VIADUCT_LOG_ERROR("daemon", "tenant %s: its VM gets no shared memory: %s", tenant_.c_str(),
                      fits.error().c_str());
    return;
  }
  if (const auto told = introduce(socket.native_handle()); !told) {
    VIADUCT_LOG_WARN("daemon", "tenant %s: its VM left while it was given its memory: %s", tenant_.c_str(),
                     to_string(told.error()).c_str());
    return;
  }
  VIADUCT_LOG_INFO("daemon", "tenant %s: its VM has its memory and %u doorbells", tenant_.c_str(),
                   kDoorbellVectors);
  machine_ = std::make_unique<Machine>(std::move(socket));
  machine_->watch.start([weak = weak_from_this()](const char*) {
    const auto self = weak.lock();
    if (!self || !self->machine_) return;
    VIADUCT_LOG_INFO("daemon", "tenant %s: its VM is gone", self->tenant_.c_str());
    self->machine_.reset();
  });
}

Result<> DoorbellServer::introduce(int socket) const {
  Result<> told = tell(socket, kVersion);
  if (told) told = tell(socket, kVm);
  if (told) told = tell(socket, kMemoryFollows, memory_->file().lent.get());
  for (const UniqueFd& fd : to_host_) {
    if (told) told = tell(socket, kHost, fd.get());
  }
  for (const UniqueFd& fd : to_vm_) {
    if (told) told = tell(socket, kVm, fd.get());
  }
  return told;
}

std::shared_ptr<Bell> DoorbellServer::take() {
  if (!machine_ || taken_.all()) return nullptr;
  uint32_t vector = 0;
  while (taken_.test(vector)) ++vector;
  taken_.set(vector);
  return std::make_shared<Bell>(shared_from_this(), vector);
}

}  // namespace viaduct::host::daemon
