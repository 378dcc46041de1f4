#include "host-renderer/daemon/listener.hpp"

#include <sys/socket.h>

#include <utility>

#include "base/log.hpp"

namespace viaduct::host::daemon {
namespace {

constexpr std::chrono::milliseconds kPause{100};

int family_of(int socket) {
  int family = AF_UNSPEC;
  socklen_t length = sizeof(family);
  ::getsockopt(socket, SOL_SOCKET, SO_DOMAIN, &family, &length);
  return family;
}

}  // namespace

Listener::Listener(boost::asio::io_context& loop, std::string label, OnConnection on_connection)
    : acceptor_(loop), pause_(loop), label_(std::move(label)), on_connection_(std::move(on_connection)) {}

std::shared_ptr<Listener> Listener::start(boost::asio::io_context& loop, UniqueFd socket, std::string label,
                                          OnConnection on_connection) {
  std::shared_ptr<Listener> self(new Listener(loop, std::move(label), std::move(on_connection)));
  const int family = family_of(socket.get());
  self->acceptor_.assign(boost::asio::generic::stream_protocol(family, 0), socket.release());
  self->accept();
  return self;
}

void Listener::accept() {
  acceptor_.async_accept([weak = weak_from_this()](boost::system::error_code error, GuestSocket socket) {
    const auto self = weak.lock();
    if (!self || error == boost::asio::error::operation_aborted) return;
    if (!error) {
      self->on_connection_(std::move(socket));
      return self->accept();
    }
    VIADUCT_LOG_WARN("daemon", "%s: a connection could not be accepted: %s", self->label_.c_str(),
                     error.message().c_str());
    self->pause_.expires_after(kPause);
    self->pause_.async_wait([weak](boost::system::error_code stopped) {
      if (const auto again = weak.lock(); again && !stopped) again->accept();
    });
  });
}

}  // namespace viaduct::host::daemon
