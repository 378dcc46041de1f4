#include "host-renderer/worker/carrier.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <utility>

#include "base/switches.hpp"
#include "transport/mirror/linked_lz4.hpp"
#include "transport/wait/stream_doorbell.hpp"

namespace viaduct::host {

Result<std::unique_ptr<Carrier>> Carrier::make(Grant& grant, const protocol::Hello& hello,
                                               const transport::RegionLayout& layout) {
  std::unique_ptr<Carrier> carrier(new Carrier(grant.control.get()));
  Result<> taken;
  switch (grant.region_kind) {
    case protocol::RegionKind::memfd:
      taken = carrier->take_memfd(grant, layout);
      break;
    case protocol::RegionKind::ivshmem:
      taken = carrier->take_slice(grant, layout);
      break;
    case protocol::RegionKind::none:
      taken = carrier->take_stream(grant.compression && hello.knows_packing, layout);
      break;
  }
  if (!taken) return tl::unexpected(taken.error());
  return carrier;
}

Result<> Carrier::take_memfd(const Grant& grant, const transport::RegionLayout& layout) {
  auto file = grant.region.dup();
  if (!file) return tl::unexpected(file.error());
  auto region = transport::Region::initialise(std::move(*file), layout);
  if (!region) return tl::unexpected(region.error());
  region_ = std::move(*region);
  from_guest_ = std::make_unique<transport::EventDoorbell>(UniqueFd(::dup(grant.doorbell_to_host.get())));
  to_guest_ = std::make_unique<transport::EventDoorbell>(UniqueFd(::dup(grant.doorbell_to_guest.get())));
  return {};
}

Result<> Carrier::take_slice(Grant& grant, const transport::RegionLayout& layout) {
  const UniqueFd memory = std::move(grant.region);
  auto region = transport::Region::initialise_slice(memory.get(), grant.slice_offset, layout);
  if (!region) return tl::unexpected(region.error());
  auto ear = transport::StreamEar::create(control_, std::move(grant.doorbell_to_host));
  if (!ear) return tl::unexpected(ear.error());
  region_ = std::move(*region);
  slice_ = true;
  from_guest_ = std::make_unique<transport::StreamEar>(std::move(*ear));
  to_guest_ = std::make_unique<transport::StreamBell>(control_);
  return {};
}

Result<> Carrier::take_stream(bool may_pack, const transport::RegionLayout& layout) {
  auto file = transport::Region::create_memfd("viaduct-mirror", layout);
  if (!file) return tl::unexpected(file.error());
  auto region = transport::Region::initialise(std::move(*file), layout);
  if (!region) return tl::unexpected(region.error());
  region_ = std::move(*region);
  const bool packs = may_pack && perf_enabled(PerfSwitch::compression);
  auto mirror = transport::HostMirror::create(region_, control_, packs ? &transport::linked_lz4() : nullptr);
  if (!mirror) return tl::unexpected(mirror.error());
  mirror_ = std::move(*mirror);
  return {};
}

Result<> Carrier::start() {
  if (mirror_) return mirror_->start();
  return {};
}

void Carrier::hang_up() const noexcept { ::shutdown(control_, slice_ ? SHUT_WR : SHUT_RDWR); }

}  // namespace viaduct::host
