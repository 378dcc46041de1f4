// Server's handshakes: what a connection is, whose it is, and whether it gets what it asks for.
#include <algorithm>
#include <cstdio>
#include <utility>

#include "base/log.hpp"
#include "host-renderer/admin/admin_service.hpp"
#include "host-renderer/daemon/gl_session.hpp"
#include "host-renderer/daemon/net_sockets.hpp"
#include "host-renderer/daemon/region_choice.hpp"
#include "host-renderer/daemon/server.hpp"
#include "host-renderer/daemon/session.hpp"
#include "host-renderer/daemon/tenant.hpp"
#include "transport/region/layout.hpp"
#include "transport/stream/net_stream.hpp"

namespace viaduct::host::daemon {
namespace {

using std::chrono::milliseconds;

// Unfinished handshakes: of a tenant's socket, or of a machine, and of a door that everybody knocks at.
constexpr std::size_t kMaxHandshakes = 32;
constexpr std::size_t kMaxOfDoor = 1024;

std::string other_version(std::span<const std::byte> payload) {
  const uint32_t theirs = protocol::stated_version(payload);
  const std::string older = theirs < protocol::kProtocolVersion ? "the guest's package is the older one"
                                                                : "the host's package is the older one";
  return "the guest's driver speaks protocol version " + std::to_string(theirs) + ", this host version " +
         std::to_string(protocol::kProtocolVersion) + "; " + older +
         ": install the same Viaduct on both sides";
}

// What to do about a connection between machines that is nobody's.
std::string how_to_be_known(const std::optional<uint32_t>& cid, bool shows_token) {
  if (cid) {
    const std::string number = std::to_string(*cid);
    return "no tenant of this host has the vsock CID " + number + ": set cid = " + number +
           " for one in its configuration, or give the VM's device the guest-cid that stands there";
  }
  return std::string(shows_token ? "the token is not that of any tenant of this host"
                                 : "over TCP this host asks for a token, and none came") +
         ": put the content of the tenant's token_file on the host into /etc/viaduct/token in the VM, or "
         "name a "
         "file with VIADUCT_TOKEN_FILE";
}

}  // namespace

std::string Server::Handshake::who() const {
  if (machine.empty()) return "tenant " + tenant->name + ": pid " + std::to_string(peer.pid);
  return tenant ? "tenant " + tenant->name + ": " + address : address;
}

// Whoever keeps opening connections only displaces itself: the oldest of them has had its time.
void Server::make_room(Door& door, const std::string& machine) {
  const auto same = [&](const std::shared_ptr<Handshake>& each) { return each->machine == machine; };
  const auto of_machine = std::count_if(door.handshakes.begin(), door.handshakes.end(), same);
  auto oldest = door.handshakes.begin();
  if (static_cast<std::size_t>(of_machine) >= kMaxHandshakes) {
    oldest = std::find_if(door.handshakes.begin(), door.handshakes.end(), same);
  } else if (door.handshakes.size() < kMaxOfDoor) {
    return;
  }
  VIADUCT_LOG_WARN("daemon", "%s: too many unfinished handshakes; the oldest is closed",
                   (*oldest)->who().c_str());
  (*oldest)->reader->cancel();
  door.handshakes.erase(oldest);
}

void Server::on_connection(const std::shared_ptr<Door>& door, GuestSocket socket) {
  auto handshake = std::make_shared<Handshake>(std::move(socket));
  handshake->door = door;
  if (door->local()) {
    handshake->tenant = door->tenant;
    handshake->peer = peer_of(handshake->socket);
  } else {
    NetPeer peer = net_peer_of(handshake->socket.native_handle());
    handshake->machine = std::move(peer.machine);
    handshake->address = std::move(peer.text);
    handshake->cid = peer.cid;
    transport::set_tcp_options(handshake->socket.native_handle(), transport::TcpEnd::host);
  }
  make_room(*door, handshake->machine);
  handshake->reader = std::make_shared<FrameReader>(handshake->socket, loop_.get_executor());
  door->handshakes.push_back(handshake);
  if (door->local() && options_.config.gl == "virgl") {
    handshake->reader->expect_vtest(
        [this, handshake](const std::string& program) { begin_gl_session(handshake, program); });
  }
  // The socket must outlive the read: the callback holds the handshake.
  handshake->reader->start(
      milliseconds(options_.config.handshake_timeout_ms),
      [this, handshake](Result<transport::Frame> frame) { on_frame(handshake, std::move(frame)); });
}

void Server::on_frame(const std::shared_ptr<Handshake>& handshake, Result<transport::Frame> frame) {
  const auto door = handshake->door.lock();
  if (!door) return;
  std::erase(door->handshakes, handshake);
  if (!frame) {
    if (frame.error().code == Errc::closed) return;  // looked whether somebody listens
    VIADUCT_LOG_WARN("daemon", "%s: bad handshake: %s", handshake->who().c_str(),
                     to_string(frame.error()).c_str());
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
      VIADUCT_LOG_WARN("daemon", "%s: bad handshake: a frame of kind %u comes first",
                       handshake->who().c_str(), static_cast<unsigned>(frame->kind));
  }
}

void Server::refuse(Handshake& handshake, protocol::RefusalCode code, const std::string& message) {
  ++refused_;
  send_frame_now(handshake.socket, transport::FrameKind::refused, protocol::encode_refusal({code, message}));
}

bool Server::identify(Handshake& handshake, const std::string& token) {
  if (handshake.machine.empty()) return true;  // the socket said it
  for (const auto& [name, tenant] : tenants_) {
    // Every token is compared, so that the time tells nothing about them.
    const bool theirs =
        handshake.cid ? handshake.cid == tenant->limits.cid : protocol::same_token(token, tenant->token);
    if (theirs) handshake.tenant = tenant;
  }
  if (handshake.tenant) return true;
  const std::string how = how_to_be_known(handshake.cid, !token.empty());
  VIADUCT_LOG_WARN("daemon", "%s refused: %s", handshake.who().c_str(), how.c_str());
  refuse(handshake, protocol::RefusalCode::not_allowed, how);
  return false;
}

void Server::begin_session(const std::shared_ptr<Handshake>& handshake, transport::Frame frame) {
  auto hello = protocol::decode_hello(frame.payload);
  if (!hello) {
    VIADUCT_LOG_WARN("daemon", "%s: bad handshake: %s", handshake->who().c_str(),
                     to_string(hello.error()).c_str());
    const bool version = hello.error().code == Errc::incompatible;
    return refuse(
        *handshake, version ? protocol::RefusalCode::incompatible : protocol::RefusalCode::bad_data,
        version ? other_version(frame.payload) : "the hello makes no sense: " + to_string(hello.error()));
  }
  if (!identify(*handshake, hello->token)) return;
  const std::shared_ptr<Tenant> tenant = handshake->tenant;
  if (!options_.no_vulkan.empty()) {
    return refuse(*handshake, protocol::RefusalCode::no_worker,
                  "this host lends OpenGL only, by `viaductctl run`: " + options_.no_vulkan);
  }
  if (const std::string full = objection(*tenant); !full.empty()) {
    VIADUCT_LOG_WARN("daemon", "%s refused: all %u sessions are taken", handshake->who().c_str(),
                     tenant->limits.sessions);
    return refuse(*handshake, protocol::RefusalCode::limit, full);
  }
  const bool local = handshake->machine.empty();
  const auto region = choose_region(*hello, {.local = local, .memory = tenant->limits.memory_bytes != 0});
  if (!region) {
    VIADUCT_LOG_WARN("daemon", "%s refused: %s", handshake->who().c_str(), region.error().c_str());
    return refuse(*handshake, protocol::RefusalCode::no_region, region.error());
  }
  // The worker has no business with the token.
  hello->token.clear();
  if (*region == protocol::RegionKind::ivshmem) return offer_region(handshake, std::move(*hello));
  launch(*handshake, *hello, *region);
}

void Server::launch(Handshake& handshake, const protocol::Hello& hello, protocol::RegionKind region,
                    std::unique_ptr<Offer> offer) {
  const std::shared_ptr<Tenant> tenant = handshake.tenant;
  if (!handshake.machine.empty()) handshake.peer.pid = static_cast<pid_t>(hello.pid);
  SessionOptions options = session_options(handshake, hello.program);
  options.region = region;
  if (offer) {
    options.limits.arena_bytes = offer->slice->size() - transport::kDefaultControlSize;
    options.slice = std::move(offer->slice);
    options.bell = std::move(offer->bell);
  }
  options.hello = protocol::encode_hello(hello);
  const uint32_t id = options.id;
  ++tenant->sessions;
  auto session = std::make_shared<Session>(std::move(handshake.socket), std::move(handshake.peer),
                                           std::move(options), on_over(tenant));
  sessions_[id] = session;
  session->start(pool_);
}

void Server::begin_gl_session(const std::shared_ptr<Handshake>& handshake, const std::string& program) {
  const auto door = handshake->door.lock();
  if (!door) return;
  std::erase(door->handshakes, handshake);
  const std::shared_ptr<Tenant> tenant = handshake->tenant;
  if (const std::string full = objection(*tenant); !full.empty()) {
    // vtest has no message for it: Mesa sees the connection closed.
    ++refused_;
    VIADUCT_LOG_WARN("daemon", "%s (%s, OpenGL) refused: %s", handshake->who().c_str(), program.c_str(),
                     full.c_str());
    return;
  }
  SessionOptions options = session_options(*handshake, program);
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

SessionOptions Server::session_options(const Handshake& handshake, const std::string& program) {
  const Tenant& tenant = *handshake.tenant;
  SessionOptions options;
  options.id = next_session_++;
  options.tenant = tenant.name;
  if (const auto door = handshake.door.lock()) options.socket = door->place;
  options.program = program.empty() ? "unknown" : program;
  options.gpu = options_.config.gpu;
  options.scheduler = &scheduler_;
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

// Whoever may have a session may ask: it would show the same.
void Server::answer_device(const std::shared_ptr<Handshake>& handshake, const transport::Frame& frame) {
  const auto query = protocol::decode_device_query(frame.payload);
  if (!query) {
    const bool version = query.error().code == Errc::incompatible;
    return refuse(*handshake, version ? protocol::RefusalCode::incompatible : protocol::RefusalCode::bad_data,
                  version ? other_version(frame.payload)
                          : "the question for the device makes no sense: " + to_string(query.error()));
  }
  if (!identify(*handshake, query->token)) return;
  const bool gl = options_.config.gl == "virgl" && handshake->machine.empty();
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
  const auto door = handshake->door.lock();
  if (!door) return;
  if (!door->local()) {
    VIADUCT_LOG_WARN("admin", "%s asked for administration over %s and was refused", handshake->who().c_str(),
                     door->place.c_str());
    reply.set_error(
        "administration is not done from other machines; run viaductctl on the host itself, with its "
        "Unix socket");
  } else if (uid != 0 && uid != options_.service_uid) {
    VIADUCT_LOG_WARN("admin", "uid %u (pid %d) asked for administration and was refused", uid,
                     static_cast<int>(handshake->peer.pid));
    reply.set_error("administration is for root and the service's own user (uid " +
                    std::to_string(options_.service_uid) + "), not for uid " + std::to_string(uid) +
                    "; run viaductctl as one of them");
  } else {
    control::AdminRequest request;
    if (request.ParseFromArray(frame.payload.data(), static_cast<int>(frame.payload.size()))) {
      reply = AdminService(*this).handle(request, door->base);
    } else {
      reply.set_error("the request cannot be read; use the viaductctl of this viaductd's version");
    }
  }
  const std::string bytes = reply.SerializeAsString();
  send_frame_now(handshake->socket, transport::FrameKind::admin_reply, std::as_bytes(std::span(bytes)));
}

}  // namespace viaduct::host::daemon
