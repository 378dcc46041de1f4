#include "launch.hpp"

#include <unistd.h>

#include <string_view>

extern char** environ;

namespace viaduct::bench {

std::string program_folder() {
  char path[4096];
  const ssize_t size = readlink("/proc/self/exe", path, sizeof path);
  if (size <= 0) return {};
  const std::string program(path, static_cast<std::size_t>(size));
  return program.substr(0, program.rfind('/'));
}

std::string manifest_beside_program() {
  const std::string folder = program_folder();
  return folder.substr(0, folder.rfind('/')) + "/share/vulkan/icd.d/viaduct_icd.json";
}

std::vector<std::string> environment_for(const std::string& manifest) {
  std::vector<std::string> result;
  for (char** entry = environ; *entry; ++entry) {
    std::string_view text = *entry;
    bool replaced = text.starts_with("VK_DRIVER_FILES=") || text.starts_with("VK_ICD_FILENAMES=");
    if (!replaced || manifest.empty()) result.emplace_back(text);
  }
  if (!manifest.empty()) {
    result.push_back("VK_DRIVER_FILES=" + manifest);
    result.push_back("VK_ICD_FILENAMES=" + manifest);  // loaders before 1.3.207
  }
  return result;
}

}  // namespace viaduct::bench
