// A worker's private root: a read-only tmpfs on which only the view's entries are bound.
#pragma once

#include <string>

#include "host-renderer/sandbox/view.hpp"

namespace viaduct::host::sandbox {

// What was tried and its errno; ok() if nothing failed.
struct Failure {
  std::string what;
  int error = 0;
  [[nodiscard]] bool ok() const { return what.empty(); }
};

// Where a program of this name is found inside the private root.
inline std::string path_inside(const std::string& name) { return "/viaduct/" + name; }

// In a fresh mount namespace with the power to mount: replaces the root. Afterwards nothing outside of
// the view can be named any more, but for the program `worker`, which is at path_inside(name).
Failure enter_private_root(const View& view, const std::string& worker, const std::string& name);

// Where no mount namespace can be had: Landlock rules for the same view. Needs no_new_privs. Returns
// false in `enforced` (and no failure) on a kernel without Landlock.
Failure restrict_paths(const View& view, const std::string& worker, bool& enforced);

}  // namespace viaduct::host::sandbox
