// dlopen for the window system libraries. A library once opened stays open for the life of the process:
// threads of the application may still be inside it at any time.
#pragma once

#include <dlfcn.h>

namespace viaduct::guest::wsi {

class DynamicLibrary {
 public:
  explicit DynamicLibrary(const char* soname) noexcept : handle_(::dlopen(soname, RTLD_NOW | RTLD_LOCAL)) {}

  /// Stores the symbol's address; one that is missing makes the whole library count as missing.
  template <class Pointer>
  void load(const char* name, Pointer& out) noexcept {
    void* symbol = handle_ == nullptr ? nullptr : ::dlsym(handle_, name);
    out = reinterpret_cast<Pointer>(symbol);
    complete_ = complete_ && symbol != nullptr;
  }
  bool complete() const noexcept { return handle_ != nullptr && complete_; }

 private:
  void* handle_;
  bool complete_ = true;
};

}  // namespace viaduct::guest::wsi
