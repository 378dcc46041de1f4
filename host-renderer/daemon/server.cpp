#include "host-renderer/daemon/server.hpp"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/read.hpp>
#include <charconv>
#include <cstdio>
#include <utility>

#include "base/log.hpp"
#include "host-renderer/admin/admin_service.hpp"
#include "host-renderer/daemon/gl_session.hpp"
#include "host-renderer/daemon/region_choice.hpp"
#include "host-renderer/daemon/session.hpp"
#include "host-renderer/daemon/tenant.hpp"

namespace viaduct::host::daemon {
namespace {

using Acceptor = boost::asio::local::stream_protocol::acceptor;
using std::chrono::milliseconds;

constexpr uint32_t kMaxHandshakes = 32;  // unfinished ones, a tenant
constexpr milliseconds kAcceptPause{100};

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

std::string other_version(std::span<const std::byte> payload) {
  const uint32_t theirs = protocol::stated_version(payload);
  const std::string older = theirs < protocol::kProtocolVersion ? "the guest's package is the older one"
                                                                : "the host's package is the older one";
  return "the guest's driver speaks protocol version " + std::to_string(theirs) + ", this host version " +
         std::to_string(protocol::kProtocolVersion) + "; " + older +
         ": install the same Viaduct on both sides";
}

}  // namespace

int find_gpu(const control::WorkerReady& ready, const std::string& wanted) {
  if (wanted.empty()) return 0;
  int index = -1;
  const char* end = wanted.data() + wanted.size();
  const auto parsed = std::from_chars(wanted.data(), end, index);
  if (parsed.ec == std::errc() && parsed.ptr == end)
    return index >= 0 && index < ready.gpus_size() ? index : -1;
  for (int i = 0; i < ready.gpus_size(); ++i) {
    if (lower(ready.gpus(i).name()).find(lower(wanted)) != std::string::npos) return i;
  }
  return -1;
}

Server::Server(ServerOptions options, Spawner spawner)
    : options_(std::move(options)),
      spawner_(std::move(spawner)),
      pool_(loop_, spawner_, options_.no_vulkan.empty() ? options_.config.warm_workers : 0),
      signals_(loop_),
      spawner_watch_(loop_) {
  pool_.set_check([this](const control::WorkerReady& ready) { return check_worker(ready); });
  pool_.set_on_failure([](const std::string& reason) {
    VIADUCT_LOG_ERROR("daemon", "a worker could not start: %s", reason.c_str());
  });
}

Server::~Server() {
  // Everything that holds workers goes before the spawner, which waits for them.
  for (const auto& [id, session] : std::exchange(sessions_, {})) session->end("the service stops");
  tenants_.clear();
  pool_.stop();
  if (spawner_watch_.is_open()) spawner_watch_.close();
}

std::string Server::check_worker(const control::WorkerReady& ready) {
  if (!ready.locked_down()) {
    const std::string text = "it could not install its seccomp filter: " + ready.lockdown_error();
    if (options_.config.require_sandbox) return text + "; --require-sandbox refuses that";
    VIADUCT_LOG_WARN("daemon", "a worker is not fully confined: %s", text.c_str());
  }
  if (ready.gpus_size() == 0) return "the driver offers no GPU; choose another with --driver";
  if (find_gpu(ready, options_.config.gpu) < 0) {
    std::string list;
    for (int i = 0; i < ready.gpus_size(); ++i) list += " " + std::to_string(i) + "=" + ready.gpus(i).name();
    return "no GPU is called '" + options_.config.gpu + "' (--gpu); there are:" + list;
  }
  if (!seen_ready_) {
    for (int i = 0; i < ready.gpus_size(); ++i) {
      VIADUCT_LOG_INFO("daemon", "gpu %d: %s (%s)", i, ready.gpus(i).name().c_str(),
                       ready.gpus(i).driver_name().c_str());
    }
  }
  seen_ready_ = true;
  last_ready_ = ready;
  return {};
}

int Server::run() {
  signals_.add(SIGINT);
  signals_.add(SIGTERM);
  signals_.async_wait([this](boost::system::error_code error, int) {
    if (!error) stop(0);
  });
  watch_spawner();
  for (BoundSocket& socket : options_.sockets) add_listener(std::move(socket));
  if (options_.no_vulkan.empty()) {
    pool_.start();
  } else {
    VIADUCT_LOG_WARN("daemon", "only OpenGL is lent (--gl virgl): %s", options_.no_vulkan.c_str());
  }
  loop_.run();
  return exit_status_;
}

void Server::watch_spawner() {
  const int copy = ::fcntl(spawner_.fd(), F_DUPFD_CLOEXEC, 0);
  if (copy < 0) return;
  spawner_watch_.assign(copy);
  spawner_watch_.async_wait(
      boost::asio::posix::stream_descriptor::wait_error, [this](boost::system::error_code error) {
        if (error) return;
        VIADUCT_LOG_ERROR("daemon",
                          "the spawner died; no worker can be started any more, so the service ends");
        stop(1);
      });
}

void Server::stop(int status) {
  if (std::exchange(stopping_, true)) return;
  exit_status_ = status;
  VIADUCT_LOG_INFO("daemon", "stopping; %zu sessions end", sessions_.size());
  for (const auto& [id, session] : std::exchange(sessions_, {})) session->end("the service stops");
  loop_.stop();
}

int Server::list_gpus() {
  int status = 1;
  boost::asio::steady_timer timer(loop_, milliseconds(options_.config.start_timeout_ms));
  timer.async_wait([this](boost::system::error_code error) {
    if (error) return;
    std::fprintf(stderr, "viaductd: no worker started within %u ms\n", options_.config.start_timeout_ms);
    loop_.stop();
  });
  pool_.take([&](WorkerPool::Taken taken) {
    if (!taken) {
      std::fprintf(stderr, "viaductd: the GPUs cannot be listed: %s\n", taken.error().c_str());
    } else {
      for (int i = 0; i < last_ready_.gpus_size(); ++i) {
        const control::Gpu& gpu = last_ready_.gpus(i);
        std::printf("%d  %s  (%s %s, Vulkan %u.%u.%u)\n", i, gpu.name().c_str(), gpu.driver_name().c_str(),
                    gpu.driver_info().c_str(), gpu.api_version() >> 22 & 0x7f,
                    gpu.api_version() >> 12 & 0x3ff, gpu.api_version() & 0xfff);
      }
      (*taken)->kill();
      status = 0;
    }
    loop_.stop();
  });
  loop_.run();
  return status;
}

void Server::add_listener(BoundSocket socket) {
  const auto known = options_.config.tenants.find(socket.tenant);
  auto tenant = std::make_shared<Tenant>(loop_);
  tenant->name = socket.tenant;
  tenant->path = socket.path;
  tenant->base = socket.base;
  tenant->limits = known == options_.config.tenants.end() ? options_.config.limits : known->second;
  tenant->acceptor.assign(boost::asio::local::stream_protocol(), socket.fd.release());
  VIADUCT_LOG_INFO("daemon", "listening on unix://%s (tenant %s)", tenant->path.c_str(),
                   tenant->name.c_str());
  tenants_[tenant->path] = tenant;
  accept(tenant);
}

void Server::accept(const std::shared_ptr<Tenant>& tenant) {
  const std::weak_ptr<Tenant> weak = tenant;
  tenant->acceptor.async_accept([this, weak](boost::system::error_code error, GuestSocket socket) {
    const auto self = weak.lock();
    if (!self || error == boost::asio::error::operation_aborted) return;
    if (!error) {
      on_connection(self, std::move(socket));
      return accept(self);
    }
    // Out of descriptors, most likely: sessions that end will free some.
    VIADUCT_LOG_WARN("daemon", "tenant %s: a connection could not be accepted: %s", self->name.c_str(),
                     error.message().c_str());
    self->pause.expires_after(kAcceptPause);
    self->pause.async_wait([this, weak](boost::system::error_code stopped) {
      if (const auto again = weak.lock(); again && !stopped) accept(again);
    });
  });
}

void Server::on_connection(const std::shared_ptr<Tenant>& tenant, GuestSocket socket) {
  if (tenant->handshakes.size() >= kMaxHandshakes) {
    // The oldest has had its time; whoever keeps opening connections only displaces itself.
    const auto oldest = tenant->handshakes.front();
    VIADUCT_LOG_WARN("daemon", "tenant %s: %u unfinished handshakes; the oldest (pid %d) is closed",
                     tenant->name.c_str(), kMaxHandshakes, static_cast<int>(oldest->peer.pid));
    oldest->reader->cancel();
    tenant->handshakes.pop_front();
  }
  auto handshake = std::make_shared<Handshake>(std::move(socket));
  handshake->tenant = tenant;
  handshake->peer = peer_of(handshake->socket);
  handshake->reader = std::make_shared<FrameReader>(handshake->socket, loop_.get_executor());
  tenant->handshakes.push_back(handshake);
  if (options_.config.gl == "virgl") {
    handshake->reader->expect_vtest(
        [this, handshake](const std::string& program) { begin_gl_session(handshake, program); });
  }
  // The socket must outlive the read: the callback holds the handshake.
  handshake->reader->start(
      milliseconds(options_.config.handshake_timeout_ms),
      [this, handshake](Result<transport::Frame> frame) { on_frame(handshake, std::move(frame)); });
}

void Server::on_frame(const std::shared_ptr<Handshake>& handshake, Result<transport::Frame> frame) {
  const auto tenant = handshake->tenant.lock();
  if (!tenant) return;
  std::erase(tenant->handshakes, handshake);
  if (!frame) {
    if (frame.error().code == Errc::closed) return;  // looked whether somebody listens
    VIADUCT_LOG_WARN("daemon", "tenant %s: pid %d: bad handshake: %s", tenant->name.c_str(),
                     static_cast<int>(handshake->peer.pid), to_string(frame.error()).c_str());
    if (frame.error().code == Errc::incompatible) {
      refuse(*handshake, protocol::RefusalCode::incompatible,
             "the guest's driver speaks another version of the protocol; install the same Viaduct on both "
             "sides");
    }
    return;
  }
  switch (frame->kind) {
    case transport::FrameKind::session_hello:
      return begin_session(handshake, std::move(*frame));
    case transport::FrameKind::admin_request:
      return begin_admin(handshake, *frame);
    case transport::FrameKind::device_query:
      return answer_device(handshake, *frame);
    default:
      VIADUCT_LOG_WARN("daemon", "tenant %s: pid %d: bad handshake: a frame of kind %u comes first",
                       tenant->name.c_str(), static_cast<int>(handshake->peer.pid),
                       static_cast<unsigned>(frame->kind));
  }
}

void Server::refuse(Handshake& handshake, protocol::RefusalCode code, const std::string& message) {
  ++refused_;
  send_frame_now(handshake.socket, transport::FrameKind::refused, protocol::encode_refusal({code, message}));
}

void Server::begin_session(const std::shared_ptr<Handshake>& handshake, transport::Frame frame) {
  const auto tenant = handshake->tenant.lock();
  auto hello = protocol::decode_hello(frame.payload);
  if (!hello) {
    VIADUCT_LOG_WARN("daemon", "tenant %s: pid %d: bad handshake: %s", tenant->name.c_str(),
                     static_cast<int>(handshake->peer.pid), to_string(hello.error()).c_str());
    const bool version = hello.error().code == Errc::incompatible;
    return refuse(
        *handshake, version ? protocol::RefusalCode::incompatible : protocol::RefusalCode::bad_data,
        version ? other_version(frame.payload) : "the hello makes no sense: " + to_string(hello.error()));
  }
  if (!options_.no_vulkan.empty()) {
    return refuse(*handshake, protocol::RefusalCode::no_worker,
                  "this host lends OpenGL only, by `viaductctl run`: " + options_.no_vulkan);
  }
  if (const std::string full = objection(*tenant); !full.empty()) {
    VIADUCT_LOG_WARN("daemon", "tenant %s: pid %d refused: all %u sessions are taken", tenant->name.c_str(),
                     static_cast<int>(handshake->peer.pid), tenant->limits.sessions);
    return refuse(*handshake, protocol::RefusalCode::limit, full);
  }
  const auto region = choose_region(*hello, {.local = true});
  if (!region) return refuse(*handshake, protocol::RefusalCode::no_region, region.error());
  SessionOptions options = session_options(*tenant, hello->program);
  options.region = *region;
  // The worker has no business with the token.
  hello->token.clear();
  options.hello = protocol::encode_hello(*hello);
  const uint32_t id = options.id;
  ++tenant->sessions;
  auto session = std::make_shared<Session>(std::move(handshake->socket), std::move(handshake->peer),
                                           std::move(options), on_over(tenant));
  sessions_[id] = session;
  session->start(pool_);
}

void Server::begin_gl_session(const std::shared_ptr<Handshake>& handshake, const std::string& program) {
  const auto tenant = handshake->tenant.lock();
  if (!tenant) return;
  std::erase(tenant->handshakes, handshake);
  if (const std::string full = objection(*tenant); !full.empty()) {
    // vtest has no message for it: Mesa sees the connection closed.
    ++refused_;
    VIADUCT_LOG_WARN("daemon", "tenant %s: pid %d (%s, OpenGL) refused: %s", tenant->name.c_str(),
                     static_cast<int>(handshake->peer.pid), program.c_str(), full.c_str());
    return;
  }
  SessionOptions options = session_options(*tenant, program);
  const uint32_t id = options.id;
  ++tenant->sessions;
  auto session = std::make_shared<GlSession>(std::move(handshake->socket), std::move(handshake->peer),
                                             std::move(options), on_over(tenant));
  sessions_[id] = session;
  session->start(loop_, spawner_);
}

std::string Server::objection(const Tenant& tenant) const {
  if (tenant.sessions < tenant.limits.sessions) return {};
  return "tenant " + tenant.name + " has all the sessions it may have (" +
         std::to_string(tenant.limits.sessions) + "); end one, or raise `sessions` in the configuration";
}

SessionOptions Server::session_options(const Tenant& tenant, const std::string& program) {
  SessionOptions options;
  options.id = next_session_++;
  options.tenant = tenant.name;
  options.socket = tenant.path;
  options.program = program.empty() ? "unknown" : program;
  options.gpu = options_.config.gpu;
  options.limits = tenant.limits;
  options.start_timeout = milliseconds(options_.config.start_timeout_ms);
  options.require_sandbox = options_.config.require_sandbox;
  ++started_;
  return options;
}

LiveSession::Over Server::on_over(const std::shared_ptr<Tenant>& tenant) {
  return [this, weak = std::weak_ptr<Tenant>(tenant)](LiveSession& over) {
    if (const auto owner = weak.lock()) --owner->sessions;
    if (over.was_refused()) ++refused_;
    sessions_.erase(over.options().id);
  };
}

// Whoever may open the socket may ask: a session would show the same.
void Server::answer_device(const std::shared_ptr<Handshake>& handshake, const transport::Frame& frame) {
  const auto query = protocol::decode_device_query(frame.payload);
  if (!query) {
    const bool version = query.error().code == Errc::incompatible;
    return refuse(*handshake, version ? protocol::RefusalCode::incompatible : protocol::RefusalCode::bad_data,
                  version ? other_version(frame.payload)
                          : "the question for the device makes no sense: " + to_string(query.error()));
  }
  const bool gl = options_.config.gl == "virgl";
  const auto answer = [this, handshake, gl] {
    protocol::DeviceInfo info;
    info.vulkan = seen_ready_;
    info.gl_server = gl;
    if (seen_ready_) info.device_type = last_ready_.gpus(find_gpu(last_ready_, options_.config.gpu)).type();
    send_frame_now(handshake->socket, transport::FrameKind::device_info, protocol::encode_device_info(info));
  };
  if (seen_ready_ || !options_.no_vulkan.empty()) return answer();
  // Nobody knows before a worker has loaded the driver, and an empty pool may never have started one.
  pool_.take([this, handshake, answer, gl](WorkerPool::Taken taken) {
    if (!taken && gl) return answer();
    if (!taken) {
      return refuse(*handshake, protocol::RefusalCode::no_worker,
                    "the renderer could not start: " + taken.error());
    }
    (*taken)->kill();
    answer();
  });
}

void Server::begin_admin(const std::shared_ptr<Handshake>& handshake, const transport::Frame& frame) {
  const uid_t uid = handshake->peer.uid;
  control::AdminReply reply;
  if (uid != 0 && uid != options_.service_uid) {
    VIADUCT_LOG_WARN("admin", "uid %u (pid %d) asked for administration and was refused", uid,
                     static_cast<int>(handshake->peer.pid));
    reply.set_error("administration is for root and the service's own user (uid " +
                    std::to_string(options_.service_uid) + "), not for uid " + std::to_string(uid) +
                    "; run viaductctl as one of them");
  } else {
    control::AdminRequest request;
    if (request.ParseFromArray(frame.payload.data(), static_cast<int>(frame.payload.size()))) {
      const auto tenant = handshake->tenant.lock();
      reply = AdminService(*this).handle(request, tenant->base);
    } else {
      reply.set_error("the request cannot be read; use the viaductctl of this viaductd's version");
    }
  }
  const std::string bytes = reply.SerializeAsString();
  send_frame_now(handshake->socket, transport::FrameKind::admin_reply, std::as_bytes(std::span(bytes)));
}

}  // namespace viaduct::host::daemon
