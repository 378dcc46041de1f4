#include "guest-icd/wsi/xcb_library.hpp"

#include "guest-icd/wsi/dynamic_library.hpp"

namespace viaduct::guest::wsi {

#define VIADUCT_LOAD(name) library.load(#name, table.name);

const XcbLibrary* XcbLibrary::get() noexcept {
  static XcbLibrary table{};
  static const bool loaded = [] {
    DynamicLibrary library("libxcb.so.1");
    VIADUCT_XCB_FUNCTIONS(VIADUCT_LOAD)
    return library.complete();
  }();
  return loaded ? &table : nullptr;
}

const XcbShmLibrary* XcbShmLibrary::get() noexcept {
  static XcbShmLibrary table{};
  static const bool loaded = [] {
    DynamicLibrary library("libxcb-shm.so.0");
    VIADUCT_XCB_SHM_FUNCTIONS(VIADUCT_LOAD)
    VIADUCT_LOAD(xcb_shm_id)
    return library.complete();
  }();
  return loaded ? &table : nullptr;
}

const XcbPresentLibrary* XcbPresentLibrary::get() noexcept {
  static XcbPresentLibrary table{};
  static const bool loaded = [] {
    DynamicLibrary library("libxcb-present.so.0");
    VIADUCT_XCB_PRESENT_FUNCTIONS(VIADUCT_LOAD)
    VIADUCT_LOAD(xcb_present_id)
    return library.complete();
  }();
  return loaded ? &table : nullptr;
}

const XcbRandrLibrary* XcbRandrLibrary::get() noexcept {
  static XcbRandrLibrary table{};
  static const bool loaded = [] {
    DynamicLibrary library("libxcb-randr.so.0");
    VIADUCT_XCB_RANDR_FUNCTIONS(VIADUCT_LOAD)
    VIADUCT_LOAD(xcb_randr_id)
    return library.complete();
  }();
  return loaded ? &table : nullptr;
}

const X11XcbLibrary* X11XcbLibrary::get() noexcept {
  static X11XcbLibrary table{};
  static const bool loaded = [] {
    DynamicLibrary library("libX11-xcb.so.1");
    VIADUCT_LOAD(XGetXCBConnection)
    return library.complete();
  }();
  return loaded ? &table : nullptr;
}

#undef VIADUCT_LOAD

}  // namespace viaduct::guest::wsi
