// Tenants, the doors by which their guests come in, and connections that have not said yet what they want.
// Private to the server.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>

#include "host-renderer/daemon/doorbell_server.hpp"
#include "host-renderer/daemon/guest_socket.hpp"
#include "host-renderer/daemon/listener.hpp"
#include "host-renderer/daemon/server.hpp"
#include "host-renderer/vm/vm_memory.hpp"
#include "protocol/control/handshake.hpp"

namespace viaduct::host::daemon {

struct Server::Tenant {
  std::string name;
  TenantConfig limits;
  std::string token;  // of its token_file; empty: none
  uint32_t sessions = 0;
  std::shared_ptr<vm::VmMemory> memory;       // of the tenant's VM; null: none, or not to be had
  std::string no_memory;                      // why not, where the settings want one
  std::shared_ptr<DoorbellServer> doorbells;  // null: its device has none
};

// A listening socket. One on this machine is one tenant's; those between machines are everybody's.
struct Server::Door {
  BoundSocket::Via via = BoundSocket::Via::local;
  std::string place;  // the socket's path, or the URL
  std::string base;   // the listening socket beside which it lies; empty between machines
  std::shared_ptr<Tenant> tenant;
  std::shared_ptr<Listener> listener;
  std::deque<std::shared_ptr<Handshake>> handshakes;

  [[nodiscard]] bool local() const { return via == BoundSocket::Via::local; }
};

// A guest that was shown its slice of the VM's memory and has not said yet what it sees there.
struct Server::Offer {
  protocol::Hello hello;  // without its token
  std::shared_ptr<vm::Slice> slice;
  protocol::Nonce nonce{};
  std::shared_ptr<Bell> bell;  // null: the stream rings
};

// A connection whose first frame has not arrived yet, or which looks at what was offered to it.
struct Server::Handshake {
  explicit Handshake(GuestSocket&& connected) : socket(std::move(connected)) {}
  // For the log.
  [[nodiscard]] std::string who() const;

  GuestSocket socket;
  Peer peer;
  std::weak_ptr<Door> door;
  std::shared_ptr<Tenant> tenant;  // null until a connection between machines has said who it is
  std::string machine;             // where it comes from; empty for this one
  std::string address;             // the same with its port
  std::optional<uint32_t> cid;     // vsock
  std::shared_ptr<FrameReader> reader;
  std::unique_ptr<Offer> offer;
  uint32_t looks = 0;  // whether memory has come free for an offer
};

}  // namespace viaduct::host::daemon
