// Frames over a guest's or an administrator's socket, for the event loop: reading one with a deadline,
// writing one without waiting, and who the peer is.
#pragma once

#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/unique_fd.hpp"
#include "transport/stream/frame.hpp"

namespace viaduct::host::daemon {

using GuestSocket = boost::asio::generic::stream_protocol::socket;

struct Peer {
  // 0 if it lives in a pid namespace that this process cannot see; of another machine, what that calls it.
  pid_t pid = 0;
  uid_t uid = static_cast<uid_t>(-1);
  UniqueFd process;  // pidfd; empty if there is none to be had
};
// Of a Unix socket.
Peer peer_of(const GuestSocket& socket);

// Reads exactly one frame and not a byte more: what follows is the worker's. Calls back once, with the
// frame or why there is none (Errc::closed before the first byte is a peer that said nothing).
class FrameReader : public std::enable_shared_from_this<FrameReader> {
 public:
  using Done = std::function<void(Result<transport::Frame>)>;
  FrameReader(GuestSocket& socket, boost::asio::any_io_executor executor)
      : socket_(socket), timer_(executor), retry_(executor) {}
  // Lets a connection of Mesa's virpipe driver through: `vtest` is called with its program's name instead of
  // `done`, and no byte has been taken from the socket then. Call before start().
  void expect_vtest(std::function<void(const std::string& program)> vtest) { vtest_ = std::move(vtest); }
  // The socket must outlive the reading; cancel() ends it without a call.
  void start(std::chrono::milliseconds deadline, Done done);
  void cancel();

 private:
  void look();
  void read_header();
  void read_payload(const transport::FrameHeader& header);
  void finish(Result<transport::Frame> result);
  GuestSocket& socket_;
  boost::asio::steady_timer timer_;
  boost::asio::steady_timer retry_;
  std::function<void(const std::string&)> vtest_;
  std::array<std::byte, sizeof(transport::FrameHeader)> header_{};
  transport::Frame frame_;
  Done done_;
};

// Best effort, never blocks: a peer that does not read loses the message.
void send_frame_now(GuestSocket& socket, transport::FrameKind kind, std::span<const std::byte> payload);

}  // namespace viaduct::host::daemon
