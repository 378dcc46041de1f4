#include "host-renderer/sandbox/view.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>
#include <string_view>
#include <system_error>

namespace viaduct::host::sandbox {
namespace {

namespace fs = std::filesystem;

// What the dynamic linker, the Vulkan loader and drivers read. Nothing with a user's or a service's data.
constexpr const char* kSystemPaths[] = {
    "/usr",
    "/bin",
    "/sbin",
    "/lib",
    "/lib32",
    "/lib64",
    "/libx32",
    "/nix/store",
    "/gnu/store",
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/etc/vulkan",
    "/etc/alternatives",
    "/etc/glvnd",
    "/etc/drirc",
    "/run/opengl-driver",
};
constexpr const char* kDevices[] = {"/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom"};

// Folders in which a library may lie but whose other content is none of a worker's business.
constexpr std::string_view kSharedFolders[] = {"/",    "/tmp", "/var/tmp", "/run",  "/home",
                                               "/etc", "/dev", "/dev/shm", "/root", "/opt"};

bool under(std::string_view path, std::string_view folder) {
  return path == folder || (path.size() > folder.size() && path.starts_with(folder) &&
                            (folder.back() == '/' || path[folder.size()] == '/'));
}

class Builder {
 public:
  void add(const std::string& given) {
    if (given.empty()) return;
    std::error_code error;
    const std::string path = trim(fs::absolute(given, error).lexically_normal().string());
    const std::string real = fs::canonical(path, error).string();
    if (error || path == "/" || real == "/") return;
    add_resolved(path, real);
    if (real != path) add_resolved(real, real);
  }

  // A link stays a link (/lib -> usr/lib), so that paths look as they do outside.
  void add_system(const std::string& path) {
    std::error_code error;
    if (fs::is_symlink(path, error)) {
      const std::string real = fs::canonical(path, error).string();
      if (error) return;
      view_.entries.push_back({ViewEntry::Kind::link, path, fs::read_symlink(path).string()});
      if (!covered(real)) add_resolved(real, real);
      return;
    }
    add(path);
  }

  bool add_device(const std::string& path) {
    struct stat info {};
    if (::stat(path.c_str(), &info) != 0) return false;
    if (S_ISDIR(info.st_mode)) {
      std::error_code error;
      bool any = false;
      for (const auto& entry : fs::directory_iterator(path, error)) any |= add_device(entry.path().string());
      return any;
    }
    if (!S_ISCHR(info.st_mode)) return false;
    std::error_code error;
    const std::string real = fs::canonical(path, error).string();
    if (error) return false;
    view_.entries.push_back({ViewEntry::Kind::device, path, real});
    return true;
  }

  View take() {
    std::stable_sort(view_.entries.begin(), view_.entries.end(),
                     [](const ViewEntry& a, const ViewEntry& b) { return a.path < b.path; });
    // A device or folder may have been named twice.
    const auto last = std::unique(view_.entries.begin(), view_.entries.end(),
                                  [](const ViewEntry& a, const ViewEntry& b) { return a.path == b.path; });
    view_.entries.erase(last, view_.entries.end());
    return std::move(view_);
  }

  View view_;

 private:
  static std::string trim(std::string path) {
    while (path.size() > 1 && path.back() == '/') path.pop_back();
    return path;
  }
  [[nodiscard]] bool covered(const std::string& path) const {
    return std::any_of(view_.entries.begin(), view_.entries.end(), [&](const ViewEntry& entry) {
      return entry.kind != ViewEntry::Kind::device && under(path, entry.path);
    });
  }
  void add_resolved(const std::string& path, const std::string& real) {
    if (covered(path)) return;
    std::error_code error;
    const auto kind = fs::is_directory(real, error) ? ViewEntry::Kind::directory : ViewEntry::Kind::file;
    view_.entries.push_back({kind, path, real});
  }
};

void add_manifest(Builder& builder, const std::string& manifest) {
  builder.add(manifest);
  const std::string library = manifest_library(manifest);
  if (library.empty()) return;
  std::error_code error;
  for (const std::string& path : {library, fs::canonical(library, error).string()}) {
    if (path.empty()) continue;
    const std::string folder = fs::path(path).parent_path().string();
    const bool shared =
        std::find(std::begin(kSharedFolders), std::end(kSharedFolders), folder) != std::end(kSharedFolders);
    builder.add(shared || under(folder, "/dev/shm") ? path : folder);
  }
}

}  // namespace

View make_view(const ViewOptions& options) {
  Builder builder;
  for (const char* path : kSystemPaths) builder.add_system(path);
  for (const std::string& manifest : options.manifests) add_manifest(builder, manifest);
  for (const std::string& path : options.extra) builder.add(path);
  for (const char* path : kDevices) builder.add_device(path);

  bool gpu = builder.add_device("/dev/dri");
  gpu |= builder.add_device("/dev/kfd");
  builder.add_device("/dev/udmabuf");
  std::error_code error;
  bool nvidia = false;
  for (const auto& entry : fs::directory_iterator("/dev", error)) {
    if (entry.path().filename().string().starts_with("nvidia")) {
      nvidia |= builder.add_device(entry.path().string());
    }
  }
  if (gpu || nvidia) builder.add("/sys");
  View view = builder.take();
  view.gpu_nodes = gpu || nvidia;
  view.nvidia = nvidia;
  return view;
}

std::vector<gid_t> device_groups(const View& view) {
  std::set<gid_t> groups;
  for (const ViewEntry& entry : view.entries) {
    if (entry.kind != ViewEntry::Kind::device ||
        !(under(entry.path, "/dev/dri") || entry.path == "/dev/kfd" ||
          entry.path.starts_with("/dev/nvidia") || entry.path == "/dev/udmabuf")) {
      continue;
    }
    struct stat info {};
    // Group 0 on a node means that nobody chose a group for it; it is never handed to a worker.
    if (::stat(entry.source.c_str(), &info) == 0 && info.st_gid != 0) groups.insert(info.st_gid);
  }
  return {groups.begin(), groups.end()};
}

std::vector<std::string> installed_manifests() {
  std::vector<std::string> manifests;
  std::set<std::string> names;
  for (const char* folder :
       {"/etc/vulkan/icd.d", "/usr/local/share/vulkan/icd.d", "/usr/share/vulkan/icd.d"}) {
    std::error_code error;
    std::vector<std::string> here;
    for (const auto& entry : fs::directory_iterator(folder, error)) {
      const std::string name = entry.path().filename().string();
      if (entry.path().extension() != ".json" || name.find("viaduct") != std::string::npos) continue;
      if (names.insert(name).second) here.push_back(entry.path().string());
    }
    std::sort(here.begin(), here.end());
    manifests.insert(manifests.end(), here.begin(), here.end());
  }
  return manifests;
}

std::string manifest_library(const std::string& manifest) {
  std::ifstream file(manifest);
  const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  // One value of a file that the loader will parse in full: the first string after the key.
  const std::string key = "\"library_path\"";
  std::size_t at = text.find(key);
  if (at == std::string::npos) return {};
  at = text.find('"', text.find(':', at + key.size()));
  if (at == std::string::npos) return {};
  std::string value;
  for (++at; at < text.size() && text[at] != '"'; ++at) {
    if (text[at] == '\\' && at + 1 < text.size()) ++at;
    value.push_back(text[at]);
  }
  if (value.find('/') == std::string::npos) return {};
  std::error_code error;
  if (value.front() != '/') {
    value = (fs::absolute(manifest, error).parent_path() / value).lexically_normal().string();
  }
  return fs::exists(value, error) ? value : std::string();
}

}  // namespace viaduct::host::sandbox
