#include "guest-icd/session/connection.hpp"

#include <errno.h>
#include <unistd.h>
#include <vulkan/vulkan.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "generated/protocol/commands.hpp"
#include "guest-icd/session/region_sight.hpp"
#include "protocol/control/handshake.hpp"
#include "protocol/wire/peer_structs.hpp"
#include "transport/region/pci_memory.hpp"
#include "transport/stream/connect.hpp"
#include "transport/stream/frame.hpp"
#include "transport/stream/token.hpp"
#include "transport/url.hpp"
#include "transport/wait/pci_doorbell.hpp"
#include "transport/wait/stream_doorbell.hpp"

namespace viaduct::guest {
namespace {

// Wine writes its program's command line over its own arguments, where the short name points into; the name
// of its first thread is the program's.
std::string program_name() {
  std::string name = program_invocation_short_name;
  std::error_code failed;
  const std::string file = std::filesystem::read_symlink("/proc/self/exe", failed).filename().string();
  if (file.rfind("wine", 0) != 0) return name;
  std::ifstream comm("/proc/self/comm");
  std::string line;
  return std::getline(comm, line) && !line.empty() ? line : name;
}

// What a URL allows of what this driver can take.
std::uint32_t regions_of(const transport::Url& url) {
  const auto bit = [](protocol::RegionKind kind) { return static_cast<std::uint32_t>(kind); };
  switch (url.region) {
    case transport::RegionChoice::memfd:
      return bit(protocol::RegionKind::memfd);
    case transport::RegionChoice::ivshmem:
      return bit(protocol::RegionKind::ivshmem);
    case transport::RegionChoice::none:
      return bit(protocol::RegionKind::none);
    case transport::RegionChoice::automatic:
      break;
  }
  if (url.kind == transport::UrlKind::unix_socket) return bit(protocol::RegionKind::memfd);
  return bit(protocol::RegionKind::ivshmem) | bit(protocol::RegionKind::none);
}

protocol::Hello make_hello(const transport::Url& url, std::string token) {
  protocol::Hello hello;
  hello.regions = regions_of(url);
  hello.knows_packing = true;
  hello.token = std::move(token);
  hello.registry_version = VK_HEADER_VERSION_COMPLETE;
  hello.pid = static_cast<std::uint32_t>(::getpid());
  hello.program = program_name();
  const auto count = static_cast<std::size_t>(protocol::Command::kCount);
  hello.commands.reserve(count);
  for (const protocol::CommandInfo& info : protocol::kCommandInfo) {
    hello.commands.push_back({info.name_hash, info.form_hash});
  }
  return hello;
}

// What a guest saw of an offer.
struct Seen {
  Mapping slice;
  std::unique_ptr<transport::Doorbell> bell;  // the device's, if it has one
};

// A slice of the VM's memory, which was seen before the welcome.
Result<> take_slice(const transport::RegionLayout& layout, Seen seen, Connection& made) {
  const transport::Caching caching = transport::caching_of(seen.slice);
  auto region = transport::Region::attach_slice(std::move(seen.slice), layout, caching);
  if (!region) return tl::unexpected(region.error());
  auto ear = transport::StreamEar::create(made.control->fd());
  if (!ear) return tl::unexpected(ear.error());
  made.region = std::move(*region);
  made.device_doorbell = seen.bell != nullptr;
  made.doorbell_to_host = std::move(seen.bell);
  if (!made.doorbell_to_host) {
    made.doorbell_to_host = std::make_unique<transport::StreamBell>(made.control->fd());
  }
  made.doorbell_to_guest = std::make_unique<transport::StreamEar>(std::move(*ear));
  return {};
}

// Answers an offer of the VM's memory with what this process sees of it.
Result<Seen> answer_offer(const transport::Frame& frame, transport::Stream& control,
                          const Deadline& deadline) {
  const auto offer = protocol::decode_region_offer(frame.payload);
  if (!offer) return tl::unexpected(offer.error());
  RegionSight sight = look_at(*offer, transport::pci_root());
  const auto proof = protocol::encode_region_proof(sight.proof);
  if (auto sent = transport::write_frame(control, transport::FrameKind::region_proof, proof, {}, deadline);
      !sent) {
    return tl::unexpected(sent.error());
  }
  Seen seen{std::move(sight.slice), nullptr};
  if (sight.registers) {
    seen.bell = std::make_unique<transport::PciBell>(std::move(sight.registers), offer->doorbell);
  }
  return seen;
}

// The region that a welcome speaks of; `seen` where one was offered.
Result<> take_region(const protocol::Welcome& welcome, transport::Frame& frame, Seen seen, Connection& made) {
  transport::RegionLayout layout;
  layout.region_size = welcome.region_size;
  layout.control_size = welcome.control_size;
  if (welcome.region == protocol::RegionKind::none) {
    auto mirror = transport::GuestMirror::start(layout, made.control->fd(), transport::loaded_lz4());
    if (!mirror) return tl::unexpected(mirror.error());
    made.mirror = std::move(*mirror);
    return {};
  }
  if (welcome.region == protocol::RegionKind::ivshmem) return take_slice(layout, std::move(seen), made);
  if (welcome.region != protocol::RegionKind::memfd || frame.fds.size() != 3) {
    return fail(Errc::bad_data, "the host's welcome has another kind of region than its descriptors");
  }
  auto region = transport::Region::attach(std::move(frame.fds[0]), layout);
  if (!region) return tl::unexpected(region.error());
  made.region = std::move(*region);
  made.doorbell_to_host = std::make_unique<transport::EventDoorbell>(std::move(frame.fds[1]));
  made.doorbell_to_guest = std::make_unique<transport::EventDoorbell>(std::move(frame.fds[2]));
  return {};
}

// `why` gets the host's own words when it refuses.
Result<Connection> connect_to(const std::string& place, const Deadline& deadline, std::string& why) {
  const auto url = transport::parse_url(place);
  if (!url) return tl::unexpected(url.error());
  auto token = transport::token_for(*url);
  if (!token) return tl::unexpected(token.error());
  auto stream = transport::connect(*url, deadline);
  if (!stream) return tl::unexpected(stream.error());
  Connection made;
  made.control = std::move(*stream);
  const auto payload = protocol::encode_hello(make_hello(*url, std::move(*token)));
  if (auto sent =
          transport::write_frame(*made.control, transport::FrameKind::session_hello, payload, {}, deadline);
      !sent) {
    return tl::unexpected(sent.error());
  }
  transport::ReadFrameOptions options;
  options.accept_fds = true;
  auto frame = transport::read_frame(*made.control, deadline, options);
  Seen seen;
  if (frame && frame->kind == transport::FrameKind::region_offer) {
    auto answered = answer_offer(*frame, *made.control, deadline);
    if (!answered) return tl::unexpected(answered.error());
    seen = std::move(*answered);
    frame = transport::read_frame(*made.control, deadline, options);
  }
  if (!frame) return tl::unexpected(frame.error());
  if (frame->kind == transport::FrameKind::refused) {
    if (const auto refusal = protocol::decode_refusal(frame->payload)) why = refusal->message;
    return fail(Errc::refused, "the host refused the session");
  }
  if (frame->kind != transport::FrameKind::welcome) {
    return fail(Errc::bad_data, "the host's answer is not a welcome");
  }
  const auto welcome = protocol::decode_welcome(frame->payload);
  if (!welcome) return tl::unexpected(welcome.error());
  if (auto taken = take_region(*welcome, *frame, std::move(seen), made); !taken)
    return tl::unexpected(taken.error());
  made.known = KnownCommands(welcome->commands);
  if (const char* lacking = made.known.missing_necessity()) {
    why = std::string("the host does not know ") + lacking + " as this driver sends it";
    return fail(Errc::incompatible, "host and guest are of versions that cannot work together");
  }
  made.session_id = welcome->session_id;
  made.driver_name = welcome->driver_name;
  std::vector<protocol::ChainStructInfo> structs;
  structs.reserve(welcome->structs.size());
  for (const protocol::Known& known : welcome->structs) structs.push_back({known.name, known.form});
  protocol::learn_peer_structs(structs);
  return made;
}

// A host that hangs up without a word may just have been restarted, or had no hello for too long because this
// machine was paused or stalled after the connection was made.
Result<Connection> connect_twice(const std::string& place, const Deadline& deadline, std::string& why) {
  auto first = connect_to(place, deadline, why);
  if (first || first.error().code != Errc::closed) return first;
  auto second = connect_to(place, deadline, why);
  if (!second && second.error().code == Errc::closed) {
    why =
        "something answers there and hangs up without a word, twice: it is no viaductd, or its log says why";
  }
  return second;
}

}  // namespace

Result<Connection> connect_to_host(const Deadline& deadline, std::string& tried) {
  Result<Connection> last = fail(Errc::not_found, "no place to look for the host");
  for (const std::string& place : transport::standard_places()) {
    std::string why;
    last = connect_twice(place, deadline, why);
    if (last) return last;
    if (!tried.empty()) tried += "; ";
    tried += place + " (" + (why.empty() ? to_string(last.error()) : why) + ")";
  }
  return last;
}

}  // namespace viaduct::guest
