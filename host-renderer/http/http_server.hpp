// HTTP/1.1 on the daemon's event loop, for programs and people that watch the service. It reads requests,
// asks the guard (guard.hpp) whether they are allowed and a function for the answer, and sends it.
//
// A client is not trusted: the header is at most kMaxHeader bytes and the body of a POST kMaxBody, a request
// has to be complete kRequestTime after the connection was ready for it, and an answer to be taken within
// kAnswerTime; at most kMaxConnections are open, and one more has the oldest of them closed. Nothing here
// runs while nobody asks.
//
// Event loop only.
#pragma once

#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <string>

#include "base/unique_fd.hpp"
#include "host-renderer/http/http_message.hpp"

namespace viaduct::host::daemon {
class Listener;
}

namespace viaduct::host::http {

inline constexpr std::size_t kMaxConnections = 32;
inline constexpr std::size_t kMaxHeader = 8192;
inline constexpr std::size_t kMaxBody = 4096;
inline constexpr std::chrono::seconds kRequestTime{30};  // also how long a connection may be idle
inline constexpr std::chrono::seconds kAnswerTime{10};

class Server : public std::enable_shared_from_this<Server> {
 public:
  using Handler = std::function<Answer(const Request& request)>;

  // `socket` listens already and does not block; `token` is empty where nobody has to show one.
  static std::shared_ptr<Server> start(boost::asio::io_context& loop, UniqueFd socket,
                                       const std::string& label, std::string token, Handler handler);
  ~Server();

 private:
  class Connection;

  Server(std::string token, Handler handler);
  void on_connection(boost::asio::generic::stream_protocol::socket socket);

  std::string token_;
  Handler handler_;
  std::shared_ptr<daemon::Listener> listener_;
  std::deque<std::weak_ptr<Connection>> connections_;  // the oldest first
};

}  // namespace viaduct::host::http
