#include "transport/mirror/lz4.hpp"

#include <dlfcn.h>

#include <type_traits>

#include "base/log.hpp"
#include "base/switches.hpp"

namespace viaduct::transport {

namespace {

Lz4 load() noexcept {
  Lz4 lz4;
  void* library = ::dlopen("liblz4.so.1", RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    VIADUCT_LOG_INFO("mirror",
                     "no liblz4.so.1: nothing is compressed (Debian has it in the package liblz4-1)");
    return lz4;
  }
  int (*state_bytes)() = nullptr;
  const auto find = [library](const char* name, auto& out) {
    out = reinterpret_cast<std::remove_reference_t<decltype(out)>>(::dlsym(library, name));
    return out != nullptr;
  };
  const bool complete = find("LZ4_sizeofState", state_bytes) &&
                        find("LZ4_compress_fast_extState", lz4.compress) &&
                        find("LZ4_decompress_safe", lz4.decompress);
  if (complete) lz4.state_bytes = static_cast<std::size_t>(state_bytes());
  return lz4;
}

}  // namespace

const Lz4* loaded_lz4() noexcept {
  if (!perf_enabled(PerfSwitch::compression)) return nullptr;
  static const Lz4 lz4 = load();
  return lz4.state_bytes != 0 ? &lz4 : nullptr;
}

}  // namespace viaduct::transport
