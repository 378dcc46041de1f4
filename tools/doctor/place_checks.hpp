// What leads to the host: the places that are tried and where they stand, the token that is shown over TCP,
// the machine's vsock, and the device whose memory the host shares. Reads files, opens devices; changes
// nothing. Any thread.
#pragma once

#include <string>
#include <vector>

#include "tools/report/report.hpp"
#include "transport/region/pci_memory.hpp"
#include "transport/url.hpp"

namespace viaduct::tools {

// Where the environment and the machine's file send programs; places that make no sense are findings, and are
// left out.
std::vector<transport::Url> check_places(Report& report, const char* url_file = transport::kUrlFile);

void check_token(Report& report);
void check_vsock(Report& report, const char* device = "/dev/vsock");

// How the memory's device can be reached: `mapped` of each is what mapping it gave, 0 or an errno.
struct MemoryDevice {
  transport::PciMemory found;
  int mapped = 0;
};
std::vector<MemoryDevice> find_memory_devices(const std::string& root);

struct MemorySurroundings {
  bool wanted = false;   // the place says ?region=ivshmem, so that nothing else will do
  bool root = false;     // this process is root
  std::string group;     // of the device's file
  std::string lockdown;  // what the kernel's lockdown says: "none [integrity] confidentiality"
  std::string user;
};
void check_memory_devices(const std::vector<MemoryDevice>& devices, const MemorySurroundings& around,
                          Report& report);

// "integrity" of "none [integrity] confidentiality"; empty where nothing is chosen.
std::string chosen_lockdown(const std::string& text);
// The surroundings of this process and of the first device.
MemorySurroundings memory_surroundings(const std::vector<MemoryDevice>& devices);

}  // namespace viaduct::tools
