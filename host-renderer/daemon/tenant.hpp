// A tenant's listening socket and what hangs on it. Private to the server.
#pragma once

#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>
#include <deque>
#include <memory>
#include <string>

#include "host-renderer/daemon/guest_socket.hpp"
#include "host-renderer/daemon/server.hpp"

namespace viaduct::host::daemon {

// A connection whose first frame has not arrived yet.
struct Server::Handshake {
  explicit Handshake(GuestSocket&& connected) : socket(std::move(connected)) {}
  GuestSocket socket;
  Peer peer;
  std::weak_ptr<Tenant> tenant;
  std::shared_ptr<FrameReader> reader;
};

struct Server::Tenant {
  explicit Tenant(boost::asio::io_context& loop) : acceptor(loop), pause(loop) {}
  std::string name;
  std::string path;
  std::string base;  // the listening socket beside which it lies
  TenantConfig limits;
  boost::asio::local::stream_protocol::acceptor acceptor;
  boost::asio::steady_timer pause;
  std::deque<std::shared_ptr<Handshake>> handshakes;
  uint32_t sessions = 0;
};

}  // namespace viaduct::host::daemon
