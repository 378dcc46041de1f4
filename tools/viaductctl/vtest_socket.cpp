#include "tools/viaductctl/vtest_socket.hpp"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <functional>
#include <iterator>
#include <string_view>
#include <system_error>

#include "base/unique_fd.hpp"

namespace viaduct::tools {
namespace {

namespace fs = std::filesystem;

// Debian's multiarch folders, and others'.
template <class Visit>
void visit_mesa_libraries(const fs::path& root, Visit visit) {
  std::error_code error;
  const auto look_in = [&](const fs::path& folder) {
    visit(folder / "dri" / "swrast_dri.so");
    for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
      const std::string name = it->path().filename().string();
      if (name.starts_with("libgallium-") && name.ends_with(".so")) visit(it->path());
    }
  };
  for (const char* prefix : {"usr/lib", "usr/lib64", "usr/local/lib", "usr/local/lib64"}) {
    const fs::path folder = root / prefix;
    look_in(folder);
    std::error_code listing;
    for (fs::directory_iterator it(folder, listing), end; !listing && it != end; it.increment(listing)) {
      if (it->path().filename().string().find("-linux-") != std::string::npos) look_in(it->path());
    }
  }
}

bool file_contains(const fs::path& path, std::string_view text) {
  std::ifstream file(path, std::ios::binary);
  const std::string content((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  return std::search(content.begin(), content.end(), std::boyer_moore_searcher(text.begin(), text.end())) !=
         content.end();
}

bool write_file(const char* path, const std::string& text) {
  const UniqueFd file(::open(path, O_WRONLY | O_CLOEXEC));
  return file && ::write(file.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size());
}

// A mount namespace of this process's own; without root inside a user namespace.
bool leave_mounts() {
  const uid_t uid = ::geteuid();
  const gid_t gid = ::getegid();
  if (::unshare(CLONE_NEWNS) != 0) {
    if (::unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) return false;
    write_file("/proc/self/setgroups", "deny");
    const auto itself = [](unsigned id) { return std::to_string(id) + " " + std::to_string(id) + " 1\n"; };
    if (!write_file("/proc/self/uid_map", itself(uid)) || !write_file("/proc/self/gid_map", itself(gid))) {
      return false;
    }
  }
  // What the administrator mounts later still arrives here; what is mounted here goes nowhere.
  return ::mount(nullptr, "/", nullptr, MS_REC | MS_SLAVE, nullptr) == 0;
}

}  // namespace

bool mesa_takes_socket_name(const fs::path& root) {
  bool any = false;
  visit_mesa_libraries(root, [&](const fs::path& library) {
    // Its Vulkan driver for vtest reads the variable too, so the place it replaces must be there as well.
    any = any || (file_contains(library, "VTEST_SOCKET_NAME") && file_contains(library, kVtestPlace));
  });
  return any;
}

std::string mount_vtest_socket(const std::string& socket, const std::string& place) {
  const auto trouble = [&](const std::string& what) {
    const std::string reason = std::strerror(errno);
    return "this Mesa looks for OpenGL's server at " + place + " only, and " + what + " (" + reason +
           "); let an administrator make it a link: ln -s " + socket + " " + place;
  };
  struct stat wanted {};
  struct stat found {};
  if (::stat(socket.c_str(), &wanted) != 0) return trouble(socket + " cannot be looked at");
  if (::stat(place.c_str(), &found) == 0 && found.st_dev == wanted.st_dev && found.st_ino == wanted.st_ino) {
    return {};
  }
  { const UniqueFd made(::open(place.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0644)); }
  if (!leave_mounts()) return trouble("it could not be mounted there in a namespace of the program's own");
  // Never through a link that another user may have left there.
  const UniqueFd target(::open(place.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  if (!target || ::fstat(target.get(), &found) != 0) return trouble("it could not be made");
  if (S_ISLNK(found.st_mode) || S_ISDIR(found.st_mode)) {
    errno = EEXIST;
    return trouble("a link or folder of somebody's is in the way");
  }
  const std::string through = "/proc/self/fd/" + std::to_string(target.get());
  if (::mount(socket.c_str(), through.c_str(), nullptr, MS_BIND, nullptr) != 0) {
    return trouble("it could not be mounted there");
  }
  return {};
}

}  // namespace viaduct::tools
