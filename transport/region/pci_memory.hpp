// The memory of a VM's ivshmem devices, as its processes see it: found under /sys/bus/pci/devices, mapped
// from user space.
//
// A device (PCI id 1af4:1110) has its shared memory as BAR 2, in two files: `resource2`, which maps it
// uncached, and `resource2_wc`, which maps it write-combined. This maps `resource2_wc` where it is there and
// `resource2` where it is not, never both: two kinds of mapping of one page are undefined on x86. Which one
// makes no difference where the hypervisor overrides the guest's choice (KVM on most Intel hosts: the memory
// is the host's, and cached); where it does not (AMD), uncached stores cost a bus transaction each and
// write-combined ones a line each. A guest cannot read which of them it has, so it measures (caching_of). Any
// thread; errors are data for the handshake.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/mapping.hpp"
#include "base/result.hpp"
#include "transport/region/region.hpp"

namespace viaduct::transport {

inline constexpr const char* kPciDevices = "/sys/bus/pci/devices";
// $VIADUCT_PCI_ROOT for tests (not in set-user-id programs), otherwise kPciDevices.
std::string pci_root();

struct PciMemory {
  std::string name;      // "0000:00:04.0"
  std::string resource;  // the path of its BAR 2's file
  std::uint64_t size = 0;
  bool enabled = true;  // whether it answers at its addresses; somebody writes 1 to its file `enable`
};

// All of them, by name; the list is empty where there are none or no such folder.
std::vector<PciMemory> find_pci_memory(const std::string& root);

// A part of one, page-aligned. refused: no permission; io otherwise (kernel lockdown among it: EPERM).
Result<Mapping> map_pci_memory(const PciMemory& device, std::uint64_t offset, std::uint64_t size);

// Its registers (BAR 0), where the doorbell is; a device without one ignores what is stored there.
Result<Mapping> map_pci_registers(const PciMemory& device);

// How the mapped device's memory is reached in fact. Loads of one word take a nanosecond each from a cache
// and hundreds from a bus, so the quickest of a few rounds tells, and an interruption can only make it say
// write_combined, which is right for every kind of memory and merely slower for cached one.
// VIADUCT_PERF=no_cached_bar: always write_combined.
Caching caching_of(const Mapping& memory) noexcept;

}  // namespace viaduct::transport
