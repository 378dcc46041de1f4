// Server's offers of a VM's shared memory: a guest gets a slice only after it has proved that it sees it, by
// repeating what the host wrote there. One that does not goes on without shared memory, if it can.
#include <utility>

#include "base/log.hpp"
#include "host-renderer/daemon/server.hpp"
#include "host-renderer/daemon/tenant.hpp"
#include "transport/region/layout.hpp"

namespace viaduct::host::daemon {
namespace {

// In the first chunk, which is the guest's to write once the session has begun.
constexpr uint64_t kNonceOffset = transport::RegionLayout::kChunkOffset;

constexpr std::chrono::milliseconds kLookAgain{10};
constexpr uint32_t kMostLooks = 50;

const char* name_of(protocol::Sight sight) {
  switch (sight) {
    case protocol::Sight::seen:
      return "the device shows other memory than this tenant's";
    case protocol::Sight::no_device:
      return "the VM has no such device";
    case protocol::Sight::no_access:
      return "the guest may not map the device";
    case protocol::Sight::wrong_size:
      return "the VM's device has another size";
    case protocol::Sight::other_bytes:
      return "the VM's device is another tenant's, or the file was replaced while the VM ran";
    case protocol::Sight::failed:
      break;
  }
  return "the guest could not map it";
}

}  // namespace

void Server::offer_region(const std::shared_ptr<Handshake>& handshake, protocol::Hello hello) {
  const auto door = handshake->door.lock();
  if (!door) return;
  Tenant& tenant = *handshake->tenant;
  if (!tenant.memory) return go_without_memory(*handshake, std::move(hello), tenant.no_memory);
  if (tenant.memory->leaving() > 0 && handshake->looks++ < kMostLooks) {
    // Programs that are started one after the other get the same memory each.
    const auto timer = std::make_shared<boost::asio::steady_timer>(loop_, kLookAgain);
    timer->async_wait(
        [this, timer, handshake, hello = std::move(hello)](boost::system::error_code error) mutable {
          if (!error) offer_region(handshake, std::move(hello));
        });
    return;
  }
  auto slice = tenant.memory->take(transport::kDefaultControlSize + tenant.limits.arena_bytes);
  if (!slice) return go_without_memory(*handshake, std::move(hello), slice.error());
  const auto nonce = protocol::make_nonce();
  const auto written =
      nonce ? (*slice)->write(kNonceOffset, *nonce) : Result<>(tl::unexpected(nonce.error()));
  if (!written) return go_without_memory(*handshake, std::move(hello), to_string(written.error()));

  protocol::RegionOffer offer;
  offer.file_size = (*slice)->file_size();
  offer.slice_offset = (*slice)->offset();
  offer.slice_size = (*slice)->size();
  offer.control_size = transport::kDefaultControlSize;
  offer.nonce_offset = kNonceOffset;
  handshake->offer = std::make_unique<Offer>(Offer{std::move(hello), std::move(*slice), *nonce, nullptr});
  if (tenant.doorbells) handshake->offer->bell = tenant.doorbells->take();
  if (handshake->offer->bell) offer.doorbell = handshake->offer->bell->value();
  send_frame_now(handshake->socket, transport::FrameKind::region_offer, protocol::encode_region_offer(offer));

  make_room(*door, handshake->machine);
  handshake->reader = std::make_shared<FrameReader>(handshake->socket, loop_.get_executor());
  door->handshakes.push_back(handshake);
  handshake->reader->start(
      std::chrono::milliseconds(options_.config.handshake_timeout_ms),
      [this, handshake](Result<transport::Frame> frame) { on_proof(handshake, std::move(frame)); });
}

void Server::on_proof(const std::shared_ptr<Handshake>& handshake, Result<transport::Frame> frame) {
  const auto door = handshake->door.lock();
  if (!door) return;
  std::erase(door->handshakes, handshake);
  std::unique_ptr<Offer> offer = std::move(handshake->offer);
  const auto proof = !frame ? tl::unexpected(frame.error())
                     : frame->kind != transport::FrameKind::region_proof
                         ? fail(Errc::bad_data, "a frame of another kind")
                         : protocol::decode_region_proof(frame->payload);
  if (!proof) {
    VIADUCT_LOG_WARN("daemon", "%s: no proof that it sees its memory: %s", handshake->who().c_str(),
                     to_string(proof.error()).c_str());
    return refuse(*handshake, protocol::RefusalCode::bad_data,
                  "the proof of shared memory makes no sense: " + to_string(proof.error()));
  }
  const std::shared_ptr<Tenant> tenant = handshake->tenant;
  if (const std::string full = objection(*tenant); !full.empty()) {
    VIADUCT_LOG_WARN("daemon", "%s refused: %s", handshake->who().c_str(), full.c_str());
    return refuse(*handshake, protocol::RefusalCode::limit, full);
  }
  if (proof->sight == protocol::Sight::seen && protocol::same_nonce(proof->nonce, offer->nonce)) {
    const protocol::Hello hello = std::move(offer->hello);
    return launch(*handshake, hello, protocol::RegionKind::ivshmem, std::move(offer));
  }
  std::string why = name_of(proof->sight);
  if (!proof->message.empty()) why += " (" + proof->message + ")";
  go_without_memory(*handshake, std::move(offer->hello), why);
}

void Server::go_without_memory(Handshake& handshake, protocol::Hello hello, const std::string& why) {
  if (hello.takes(protocol::RegionKind::none)) {
    VIADUCT_LOG_WARN("daemon", "%s: %s: its session goes without shared memory, and so slower",
                     handshake.who().c_str(), why.c_str());
    return launch(handshake, hello, protocol::RegionKind::none);
  }
  VIADUCT_LOG_WARN("daemon", "%s refused: no shared memory: %s", handshake.who().c_str(), why.c_str());
  refuse(handshake, protocol::RefusalCode::no_region,
         "no shared memory: " + why + "; connect with ?region=auto or none to go without");
}

}  // namespace viaduct::host::daemon
