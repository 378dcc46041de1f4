#include "host-renderer/daemon/region_choice.hpp"

namespace viaduct::host::daemon {
namespace {

using protocol::RegionKind;

struct Named {
  RegionKind kind;
  const char* name;
};
constexpr Named kNames[] = {
    {RegionKind::memfd, "memfd"}, {RegionKind::ivshmem, "ivshmem"}, {RegionKind::none, "none"}};

std::string names_of(uint32_t kinds) {
  std::string list;
  for (const Named& each : kNames) {
    if ((kinds & static_cast<uint32_t>(each.kind)) != 0)
      list += (list.empty() ? "" : ", ") + std::string(each.name);
  }
  return list.empty() ? "nothing" : list;
}

}  // namespace

tl::expected<RegionKind, std::string> choose_region(const protocol::Hello& hello,
                                                    const Surroundings& around) {
  uint32_t here = static_cast<uint32_t>(RegionKind::none);
  if (around.local) here |= static_cast<uint32_t>(RegionKind::memfd);
  if (around.memory && !around.local) here |= static_cast<uint32_t>(RegionKind::ivshmem);
  here &= around.served;
  for (const Named& each : kNames) {
    if ((here & hello.regions & static_cast<uint32_t>(each.kind)) != 0) return each.kind;
  }
  std::string text = "no kind of region fits: the guest takes " + names_of(hello.regions) +
                     ", and this connection could have " + names_of(here);
  if (!around.local && !around.memory && hello.takes(RegionKind::ivshmem)) {
    text +=
        "; the tenant has no shared memory: give it `memory` on the host, or connect with ?region=auto or "
        "none";
  } else if ((around.served & hello.regions) == 0) {
    text += "; install the same Viaduct on both sides";
  } else {
    text += "; connect with ?region=auto";
  }
  return tl::unexpected(text);
}

}  // namespace viaduct::host::daemon
