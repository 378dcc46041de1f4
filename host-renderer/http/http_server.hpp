// HTTP/1.1 on the daemon's event loop, for programs that watch the service. It reads requests without a body,
// asks a function for the answer and sends it; it knows no path.
//
// A client is not trusted: the header is at most kMaxHeader bytes, a request has to be complete kRequestTime
// after the connection was ready for it, and an answer to be taken within kAnswerTime; at most
// kMaxConnections are open, and one more has the oldest of them closed. Where there is a token, every request
// has to show it. Where there is none, its Host has to be an address or localhost (http_place.hpp). Nothing
// here runs while nobody asks.
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

namespace viaduct::host::daemon {
class Listener;
}

namespace viaduct::host::http {

inline constexpr std::size_t kMaxConnections = 32;
inline constexpr std::size_t kMaxHeader = 8192;
inline constexpr std::chrono::seconds kRequestTime{30};  // also how long a connection may be idle
inline constexpr std::chrono::seconds kAnswerTime{10};

struct Answer {
  unsigned status = 404;
  std::string type = "text/plain; charset=utf-8";
  std::string body = "there is nothing here\n";
};

class Server : public std::enable_shared_from_this<Server> {
 public:
  // The answer to GET of this path; what follows a '?' is cut off.
  using Handler = std::function<Answer(const std::string& path)>;

  // `socket` listens already and does not block. An empty token: nobody has to show one.
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
