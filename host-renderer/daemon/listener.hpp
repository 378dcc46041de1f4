// One listening socket on the event loop, of any family: accepts connections for as long as it lives.
//
// Where a connection cannot be accepted (no descriptors left, most likely) it pauses a moment, since sessions
// that end free some. Event loop only.
#pragma once

#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <memory>
#include <string>

#include "base/unique_fd.hpp"
#include "host-renderer/daemon/guest_socket.hpp"

namespace viaduct::host::daemon {

class Listener : public std::enable_shared_from_this<Listener> {
 public:
  using OnConnection = std::function<void(GuestSocket)>;

  // `socket` listens already and does not block; `label` is for the log. No call comes after the last
  // reference is gone.
  static std::shared_ptr<Listener> start(boost::asio::io_context& loop, UniqueFd socket, std::string label,
                                         OnConnection on_connection);

 private:
  Listener(boost::asio::io_context& loop, std::string label, OnConnection on_connection);
  void accept();

  boost::asio::basic_socket_acceptor<boost::asio::generic::stream_protocol> acceptor_;
  boost::asio::steady_timer pause_;
  std::string label_;
  OnConnection on_connection_;
};

}  // namespace viaduct::host::daemon
