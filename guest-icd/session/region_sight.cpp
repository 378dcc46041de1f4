#include "guest-icd/session/region_sight.hpp"

#include <cerrno>
#include <utility>
#include <vector>

#include "base/uncached.hpp"
#include "transport/region/pci_memory.hpp"

namespace viaduct::guest {
namespace {

using protocol::Sight;
using transport::PciMemory;

RegionSight unseen(Sight sight, std::string message) {
  RegionSight result;
  result.proof.sight = sight;
  result.proof.message = std::move(message);
  return result;
}

std::string how_to_enable(const PciMemory& device) {
  return device.name + " is not enabled: install viaduct-guest, whose udev rule enables it, or write 1 to " +
         device.resource.substr(0, device.resource.rfind('/')) + "/enable as root";
}

std::string why_not_mapped(const PciMemory& device, const Error& error) {
  const std::string where = device.resource + ": " + to_string(error);
  if (!device.enabled) return where + "; " + how_to_enable(device);
  if (error.code == Errc::refused) {
    return where +
           "; put this program's user into the group render, and install viaduct-guest, whose udev rule "
           "gives the device to that group";
  }
  if (error.sys_errno == EPERM) {
    return where +
           "; the guest's kernel is locked down (Secure Boot), which forbids it: switch Secure Boot off "
           "in this VM, or connect with ?region=none";
  }
  return where;
}

}  // namespace

RegionSight look_at(const protocol::RegionOffer& offer, const std::string& root) {
  const std::vector<PciMemory> devices = transport::find_pci_memory(root);
  if (devices.empty()) return unseen(Sight::no_device, "no PCI device 1af4:1110 under " + root);
  std::string sizes, trouble;
  bool any_mapped = false, refused = false;
  for (const PciMemory& device : devices) {
    sizes += (sizes.empty() ? "" : ", ") + device.name + " has " + std::to_string(device.size >> 20) + " MiB";
    if (device.size != offer.file_size) continue;
    auto slice = transport::map_pci_memory(device, offer.slice_offset, offer.slice_size);
    if (!slice) {
      trouble += (trouble.empty() ? "" : "; ") + why_not_mapped(device, slice.error());
      refused = refused || slice.error().code == Errc::refused || slice.error().sys_errno == EPERM;
      continue;
    }
    RegionSight seen;
    copy_from_uncached(seen.proof.nonce.data(), slice->data() + offer.nonce_offset, seen.proof.nonce.size());
    if (!protocol::has_nonce_mark(seen.proof.nonce)) {
      any_mapped = any_mapped || device.enabled;
      if (!device.enabled) trouble += (trouble.empty() ? "" : "; ") + how_to_enable(device);
      continue;
    }
    seen.proof.sight = Sight::seen;
    seen.slice = std::move(*slice);
    if (offer.doorbell == protocol::kNoDoorbell) return seen;
    if (auto registers = transport::map_pci_registers(device)) seen.registers = std::move(*registers);
    return seen;
  }
  if (!trouble.empty()) return unseen(refused ? Sight::no_access : Sight::failed, trouble);
  if (any_mapped) return unseen(Sight::other_bytes, sizes);
  return unseen(Sight::wrong_size,
                sizes + "; the host offers " + std::to_string(offer.file_size >> 20) + " MiB");
}

}  // namespace viaduct::guest
