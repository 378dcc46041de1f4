#include "tools/viaductctl/config_check.hpp"

#include <algorithm>
#include <filesystem>

#include "host-renderer/daemon/config.hpp"

namespace viaduct::tools {
namespace {

namespace fs = std::filesystem;

constexpr const char* kMainFile = "viaductd.toml";

// The file that viaductd would be given.
std::string main_file_of(const std::string& path) {
  std::error_code none;
  if (fs::is_directory(path, none)) return fs::path(path) / kMainFile;
  const fs::path folder = fs::absolute(path, none).parent_path();
  if (folder.filename() == "tenants.d") return folder.parent_path() / kMainFile;
  return path;
}

std::string counted(std::size_t n, const std::string& what) {
  return std::to_string(n) + " " + what + (n == 1 ? "" : "s");
}

}  // namespace

CheckOutcome check_config(const std::vector<std::string>& paths) {
  CheckOutcome outcome{"", true};
  std::vector<std::string> looked_at;
  for (const std::string& path : paths) {
    const std::string file = main_file_of(path);
    if (std::find(looked_at.begin(), looked_at.end(), file) != looked_at.end()) continue;
    looked_at.push_back(file);
    const host::daemon::Settings settings = host::daemon::read_settings(file);
    for (const host::daemon::Complaint& complaint : settings.complaints)
      outcome.text += host::daemon::to_string(complaint) + "\n";
    if (settings.complaints.empty()) {
      outcome.text += file + ": nothing is wrong; " + counted(settings.files.size(), "file") + ", " +
                      counted(settings.config.tenants.size(), "tenant") + " named\n";
    } else {
      outcome.right = false;
    }
  }
  return outcome;
}

}  // namespace viaduct::tools
