// What a worker may see of the host's file system: the list from which its mount namespace (or, where
// there is none, its Landlock rules) is made.
//
// Made once, by the daemon at start, from trusted input: the command line, the environment and the
// driver manifests that the administrator installed. Every source is resolved to a real path here,
// because symbolic links mean something else once the root has been changed.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace viaduct::host::sandbox {

struct ViewEntry {
  enum class Kind { directory, file, device, link };
  Kind kind = Kind::directory;
  std::string path;    // where the worker sees it
  std::string source;  // the real path behind it; for a link, its text
};

struct View {
  std::vector<ViewEntry> entries;  // parents before children
  bool gpu_nodes = false;          // there are device nodes of a real GPU
  bool nvidia = false;             // its driver wants more of /proc
};

struct ViewOptions {
  std::vector<std::string> manifests;  // driver manifests (ICD JSON)
  std::vector<std::string> extra;      // files and directories exposed by --expose or the configuration
};

// Paths that do not exist are left out.
View make_view(const ViewOptions& options);

// Groups that own the GPU's device nodes in the view; a worker keeps these and no other.
std::vector<gid_t> device_groups(const View& view);

// The manifests that the Vulkan loader would find in the system's folders, without our own.
std::vector<std::string> installed_manifests();

// "library_path" of a manifest, made absolute; empty if it is left to the dynamic linker's search or
// the file cannot be read.
std::string manifest_library(const std::string& manifest);

}  // namespace viaduct::host::sandbox
