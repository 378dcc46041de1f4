// How the bench starts itself again on one driver or the other.
#pragma once

#include <string>
#include <vector>

namespace viaduct::bench {

// The folder that this program lies in.
std::string program_folder();
// PREFIX/share/vulkan/icd.d/viaduct_icd.json for a program in PREFIX/bin: right in the build tree and
// installed.
std::string manifest_beside_program();
// This process's environment with the loader pointed at `manifest`; unchanged if it is empty.
std::vector<std::string> environment_for(const std::string& manifest);

}  // namespace viaduct::bench
