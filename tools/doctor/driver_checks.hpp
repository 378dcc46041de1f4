// What the package has placed in this machine: the Vulkan driver's manifest and library, the loader, and what
// lets OpenGL programs render by Zink. Reads files and loads libraries; one thread.
#pragma once

#include <string>
#include <vector>

#include "tools/report/report.hpp"

namespace viaduct::tools {

inline constexpr const char* kReinstall = "apt install --reinstall viaduct-guest";

// Where the Vulkan loader looks for drivers' manifests with this environment.
struct ManifestPlaces {
  std::string named;                 // of VK_DRIVER_FILES or VK_ICD_FILENAMES; empty: the folders
  std::string variable;              // which of them
  std::vector<std::string> folders;  // icd.d, in the loader's order
};
ManifestPlaces manifest_places();

// The path of the driver's library that a manifest names, absolute or a bare name; empty if it names none.
std::string library_of(const std::string& manifest);

// Whether programs of this environment find the driver. Where only the folder of this program's own prefix
// has it, it is named for this process (VK_DRIVER_FILES), so that the rest can be looked at.
void check_driver(const ManifestPlaces& places, Report& report);

void check_opengl(Report& report);

}  // namespace viaduct::tools
