#include "host-renderer/http/http_server.hpp"

#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <boost/optional.hpp>
#include <utility>

#include "base/log.hpp"
#include "host-renderer/daemon/listener.hpp"
#include "host-renderer/http/guard.hpp"

namespace viaduct::host::http {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;

using Stream = beast::basic_stream<asio::generic::stream_protocol>;
using Message = beast::http::request<beast::http::string_body>;
using Response = beast::http::response<beast::http::string_body>;

std::string_view view(beast::string_view text) { return {text.data(), text.size()}; }

}  // namespace

class Server::Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(std::weak_ptr<Server> server, asio::generic::stream_protocol::socket socket)
      : server_(std::move(server)), stream_(std::move(socket)), buffer_(kMaxHeader) {}

  void read() {
    parser_.emplace();
    parser_->header_limit(kMaxHeader);
    parser_->body_limit(kMaxBody);
    stream_.expires_after(kRequestTime);
    beast::http::async_read(
        stream_, buffer_, *parser_,
        [self = shared_from_this()](beast::error_code error, std::size_t) { self->on_request(error); });
  }

  void close() {
    beast::error_code ignored;
    stream_.socket().shutdown(asio::socket_base::shutdown_both, ignored);
    stream_.close();
  }

 private:
  void on_request(beast::error_code error) {
    if (error == beast::http::error::header_limit || error == beast::http::error::buffer_overflow)
      return answer({431, "text/plain; charset=utf-8", "the request's header is too large\n"}, false);
    if (error == beast::http::error::body_limit)
      return answer({413, "text/plain; charset=utf-8", "the request's body is too large\n"}, false);
    // Other errors of that kind are requests that are none; of another kind, connections that have ended.
    if (error &&
        error.category() == beast::http::make_error_code(beast::http::error::bad_method).category() &&
        error != beast::http::error::end_of_stream && error != beast::http::error::partial_message)
      return answer({400, "text/plain; charset=utf-8", "that is no HTTP request\n"}, false);
    const auto server = server_.lock();
    if (error || !server) return close();
    answer(answer_to(*server), parser_->get().keep_alive());
  }

  [[nodiscard]] Answer answer_to(const Server& server) const {
    using beast::http::field;
    const Message& message = parser_->get();
    const std::string_view target = view(message.target());
    const RequestHead head{.method = view(message.method_string()),
                           .path = target.substr(0, target.find('?')),
                           .host = view(message[field::host]),
                           .authorization = view(message[field::authorization]),
                           .content_type = view(message[field::content_type]),
                           .origin = view(message[field::origin]),
                           .fetch_site = view(message["Sec-Fetch-Site"]),
                           .request_header = view(message[kRequestHeader])};
    if (auto refused = refusal(server.token_, head)) return *std::move(refused);
    const bool post = message.method() == beast::http::verb::post;
    if (!post && !message.body().empty())
      return {413, "text/plain; charset=utf-8", "such requests have no body here\n"};
    return server.handler_({post, std::string(head.path), message.body(), !server.token_.empty()});
  }

  void answer(Answer answer, bool keep) {
    response_ = {};
    response_.version(11);
    response_.result(answer.status);
    response_.set(beast::http::field::content_type, answer.type);
    response_.set(beast::http::field::cache_control, "no-store");
    response_.set("X-Content-Type-Options", "nosniff");
    response_.set("X-Frame-Options", "DENY");
    response_.set("Referrer-Policy", "no-referrer");
    response_.set("Cross-Origin-Resource-Policy", "same-origin");
    response_.set("Content-Security-Policy", answer.content_policy.empty()
                                                 ? "default-src 'none'; frame-ancestors 'none'"
                                                 : answer.content_policy);
    if (answer.status == 401) response_.set(beast::http::field::www_authenticate, "Bearer");
    if (answer.status == 405) response_.set(beast::http::field::allow, answer.allow);
    response_.keep_alive(keep);
    response_.body() = std::move(answer.body);
    response_.prepare_payload();
    stream_.expires_after(kAnswerTime);
    const auto done = [self = shared_from_this(), keep](beast::error_code error, std::size_t) {
      if (error || !keep) return self->close();
      self->read();
    };
    if (parser_->get().method() != beast::http::verb::head)
      return beast::http::async_write(stream_, response_, done);
    // The header alone, with the size that the body would have.
    head_.emplace(response_);
    beast::http::async_write_header(stream_, *head_, done);
  }

  std::weak_ptr<Server> server_;
  Stream stream_;
  beast::flat_buffer buffer_;
  boost::optional<beast::http::request_parser<beast::http::string_body>> parser_;
  Response response_;
  boost::optional<beast::http::response_serializer<beast::http::string_body>> head_;
};

Server::Server(std::string token, Handler handler) : token_(std::move(token)), handler_(std::move(handler)) {}

Server::~Server() {
  for (const auto& each : connections_)
    if (const auto connection = each.lock()) connection->close();
}

std::shared_ptr<Server> Server::start(asio::io_context& loop, UniqueFd socket, const std::string& label,
                                      std::string token, Handler handler) {
  std::shared_ptr<Server> self(new Server(std::move(token), std::move(handler)));
  self->listener_ = daemon::Listener::start(
      loop, std::move(socket), label,
      [weak = std::weak_ptr<Server>(self)](asio::generic::stream_protocol::socket connected) {
        if (const auto server = weak.lock()) server->on_connection(std::move(connected));
      });
  VIADUCT_LOG_INFO("http", "listening on %s%s", label.c_str(),
                   self->token_.empty() ? "" : " for whoever shows the token");
  return self;
}

void Server::on_connection(asio::generic::stream_protocol::socket socket) {
  std::erase_if(connections_, [](const std::weak_ptr<Connection>& each) { return each.expired(); });
  while (connections_.size() >= kMaxConnections) {
    if (const auto oldest = connections_.front().lock()) oldest->close();
    connections_.pop_front();
  }
  const auto connection = std::make_shared<Connection>(weak_from_this(), std::move(socket));
  connections_.push_back(connection);
  connection->read();
}

}  // namespace viaduct::host::http
