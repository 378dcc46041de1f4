#include "guest-icd/wsi/wayland_library.hpp"

#include "guest-icd/wsi/dynamic_library.hpp"

namespace viaduct::guest::wsi {

const WaylandLibrary* WaylandLibrary::get() noexcept {
  static WaylandLibrary table{};
  static const bool loaded = [] {
    DynamicLibrary library("libwayland-client.so.0");
#define VIADUCT_LOAD(name) library.load(#name, table.name);
    VIADUCT_WAYLAND_FUNCTIONS(VIADUCT_LOAD)
    VIADUCT_WAYLAND_INTERFACES(VIADUCT_LOAD)
#undef VIADUCT_LOAD
    return library.complete();
  }();
  return loaded ? &table : nullptr;
}

}  // namespace viaduct::guest::wsi
