// How a guest in a VM finds the memory that the host offers to it: among the VM's ivshmem devices the one
// that has the offer's size and shows, at the offered place, a nonce that the host has just written. What it
// saw is the proof that goes back; the host compares it.
//
// Any thread; holds nothing but what it returns.
#pragma once

#include <string>

#include "base/mapping.hpp"
#include "protocol/control/handshake.hpp"

namespace viaduct::guest {

struct RegionSight {
  protocol::RegionProof proof;
  Mapping slice;      // where it is seen
  Mapping registers;  // of the device, where the offer has a doorbell and they can be mapped
};

// `root`: the folder of the devices (transport::pci_root()).
RegionSight look_at(const protocol::RegionOffer& offer, const std::string& root);

}  // namespace viaduct::guest
