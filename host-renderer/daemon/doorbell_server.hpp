// The server of a VM whose shared memory is an ivshmem-doorbell: QEMU connects to it when the VM starts, and
// gets the memory and, for each vector, the eventfd that a store of the VM into the device's doorbell
// register rings. The host is peer 0 of that protocol, the VM peer 1 (QEMU's docs/specs/ivshmem-spec,
// "ivshmem client-server protocol"). Each session of the VM has a vector of its own; one that gets none is
// woken by its stream.
//
// QEMU does not connect again to a service that was restarted: until the VM is, no doorbell is offered.
//
// Event loop only. A bell keeps its server alive.
#pragma once

#include <bitset>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "base/unique_fd.hpp"
#include "host-renderer/daemon/guest_socket.hpp"
#include "host-renderer/daemon/guest_watch.hpp"
#include "host-renderer/vm/vm_memory.hpp"

namespace viaduct::host::daemon {

// As many as `viaductctl vm` tells QEMU to have; QEMU refuses a server that sends more.
inline constexpr uint32_t kDoorbellVectors = 64;

class DoorbellServer;

class Bell {
 public:
  Bell(std::shared_ptr<DoorbellServer> server, uint32_t vector)
      : server_(std::move(server)), vector_(vector) {}
  ~Bell();
  Bell(const Bell&) = delete;
  Bell& operator=(const Bell&) = delete;

  [[nodiscard]] int fd() const;  // the eventfd, non-blocking
  // What the guest stores: the peer in the upper half, its vector in the lower one.
  [[nodiscard]] uint32_t value() const { return vector_; }

 private:
  std::shared_ptr<DoorbellServer> server_;
  uint32_t vector_;
};

class DoorbellServer : public std::enable_shared_from_this<DoorbellServer> {
 public:
  [[nodiscard]] static Result<std::shared_ptr<DoorbellServer>> make(std::string tenant,
                                                                    std::shared_ptr<vm::VmMemory> memory);
  // QEMU, or whoever may open the socket. A second one is sent away while the first is there.
  void on_connection(GuestSocket socket);
  // Null while no VM is attached, or where all vectors are taken.
  [[nodiscard]] std::shared_ptr<Bell> take();

 private:
  friend class Bell;
  struct Machine {
    explicit Machine(GuestSocket&& connected) : socket(std::move(connected)), watch(socket, UniqueFd()) {}
    GuestSocket socket;
    GuestWatch watch;
  };

  DoorbellServer(std::string tenant, std::shared_ptr<vm::VmMemory> memory)
      : tenant_(std::move(tenant)), memory_(std::move(memory)) {}
  [[nodiscard]] Result<> introduce(int socket) const;

  std::string tenant_;
  std::shared_ptr<vm::VmMemory> memory_;
  std::vector<UniqueFd> to_host_, to_vm_;  // by vector
  std::bitset<kDoorbellVectors> taken_;
  std::unique_ptr<Machine> machine_;
};

}  // namespace viaduct::host::daemon
