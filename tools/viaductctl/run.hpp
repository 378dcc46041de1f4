// `viaductctl run`: a program on the guest driver, with everything set.
#pragma once

#include <string>

#include "tools/viaductctl/options.hpp"

namespace viaduct::tools {

// Becomes the program. Returns (what to say) only if that failed.
std::string run_program(const CtlOptions& options);

// The driver's manifest, seen from this binary: ../share/vulkan/icd.d in a build tree and under an
// install prefix, else the system's folders. Empty if there is none.
std::string find_manifest();

}  // namespace viaduct::tools
