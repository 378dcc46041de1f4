#include "transport/region/pci_memory.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <system_error>

#include "base/clock.hpp"
#include "base/switches.hpp"
#include "base/unique_fd.hpp"

namespace viaduct::transport {

namespace {

namespace fs = std::filesystem;

constexpr const char* kVendor = "0x1af4";
constexpr const char* kDevice = "0x1110";

std::string word_of(const fs::path& file) {
  std::ifstream stream(file);
  std::string word;
  stream >> word;
  return word;
}

std::uint64_t size_of(const fs::path& file) {
  struct stat info;
  return ::stat(file.c_str(), &info) == 0 ? static_cast<std::uint64_t>(info.st_size) : 0;
}

}  // namespace

std::string pci_root() {
  const char* given = ::secure_getenv("VIADUCT_PCI_ROOT");
  return given != nullptr && given[0] != '\0' ? given : kPciDevices;
}

std::vector<PciMemory> find_pci_memory(const std::string& root) {
  std::vector<PciMemory> found;
  std::error_code none;
  for (fs::directory_iterator each(root, none), end; !none && each != end; each.increment(none)) {
    const fs::path folder = each->path();
    if (word_of(folder / "vendor") != kVendor || word_of(folder / "device") != kDevice) continue;
    PciMemory device;
    device.name = folder.filename();
    const fs::path combined = folder / "resource2_wc";
    const fs::path uncached = folder / "resource2";
    const bool has_combined = fs::exists(combined, none);
    none.clear();
    device.resource = has_combined ? combined : uncached;
    device.size = size_of(device.resource);
    device.enabled = word_of(folder / "enable") != "0";
    found.push_back(std::move(device));
  }
  std::sort(found.begin(), found.end(),
            [](const PciMemory& a, const PciMemory& b) { return a.name < b.name; });
  return found;
}

Result<Mapping> map_pci_memory(const PciMemory& device, std::uint64_t offset, std::uint64_t size) {
  const UniqueFd file(::open(device.resource.c_str(), O_RDWR | O_CLOEXEC));
  if (!file) return fail(errno == EACCES ? Errc::refused : Errc::io, "open the device's memory", errno);
  return Mapping::map(file.get(), size, offset);
}

Result<Mapping> map_pci_registers(const PciMemory& device) {
  const fs::path path = fs::path(device.resource).parent_path() / "resource0";
  const UniqueFd file(::open(path.c_str(), O_RDWR | O_CLOEXEC));
  if (!file) return fail(errno == EACCES ? Errc::refused : Errc::io, "open the device's registers", errno);
  return Mapping::map(file.get(), kPageSize);
}

Caching caching_of(const Mapping& memory) noexcept {
  constexpr int kRounds = 5;
  constexpr int kLoads = 64;
  constexpr std::uint64_t kCachedNs = 20 * kLoads;  // an uncached load takes ten times as long and more
  if (!perf_enabled(PerfSwitch::cached_bar) || !memory) return Caching::write_combined;
  const auto* word = reinterpret_cast<const volatile std::uint64_t*>(memory.data());
  for (int round = 0; round < kRounds; ++round) {
    const std::uint64_t start = now_ns();
    for (int i = 0; i < kLoads; ++i) (void)*word;
    if (now_ns() - start < kCachedNs) return Caching::cached;
  }
  return Caching::write_combined;
}

}  // namespace viaduct::transport
