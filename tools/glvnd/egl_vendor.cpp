// libEGL_viaduct.so.0: an EGL vendor of libglvnd that has no display to offer. libglvnd asks the vendors in
// the order of their files' names, so this one hears what kind of display a program wants before Mesa does,
// chooses Mesa's driver, and passes.

#include <EGL/egl.h>
#include <EGL/eglext.h>
#include <glvnd/libeglabi.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "tools/glvnd/mesa_choice.hpp"

namespace {

// What libglvnd wants of every vendor. Without a display none of them is ever called but the last three.
constexpr std::array<std::string_view, 27> kRequired = {"eglBindTexImage",
                                                        "eglChooseConfig",
                                                        "eglCopyBuffers",
                                                        "eglCreateContext",
                                                        "eglCreatePbufferFromClientBuffer",
                                                        "eglCreatePbufferSurface",
                                                        "eglCreatePixmapSurface",
                                                        "eglCreateWindowSurface",
                                                        "eglDestroyContext",
                                                        "eglDestroySurface",
                                                        "eglGetConfigAttrib",
                                                        "eglGetConfigs",
                                                        "eglInitialize",
                                                        "eglMakeCurrent",
                                                        "eglQueryContext",
                                                        "eglQuerySurface",
                                                        "eglReleaseTexImage",
                                                        "eglSurfaceAttrib",
                                                        "eglSwapBuffers",
                                                        "eglSwapInterval",
                                                        "eglTerminate",
                                                        "eglWaitClient",
                                                        "eglWaitGL",
                                                        "eglWaitNative",
                                                        "eglGetError",
                                                        "eglQueryString",
                                                        "eglReleaseThread"};

EGLBoolean nothing() { return EGL_FALSE; }
EGLint no_error() { return EGL_SUCCESS; }
EGLBoolean release_thread() { return EGL_TRUE; }
const char* query_string(EGLDisplay display, EGLint name) {
  return display == EGL_NO_DISPLAY && name == EGL_EXTENSIONS ? "" : nullptr;
}

EGLDisplay get_platform_display(EGLenum platform, void* native, const EGLAttrib* attributes) {
  static_cast<void>(native);
  static_cast<void>(attributes);
  if (platform == EGL_PLATFORM_GBM_KHR) {
    viaduct::tools::leave_mesa_alone();
  } else {
    viaduct::tools::choose_mesa_driver();
  }
  return EGL_NO_DISPLAY;
}

// What Mesa says too; a vendor of no interface is not kept.
EGLBoolean supports_api(EGLenum api) { return api == EGL_OPENGL_API || api == EGL_OPENGL_ES_API; }

void* get_proc_address(const char* name) {
  const std::string_view wanted(name);
  if (wanted == "eglGetError") return reinterpret_cast<void*>(&no_error);
  if (wanted == "eglQueryString") return reinterpret_cast<void*>(&query_string);
  if (wanted == "eglReleaseThread") return reinterpret_cast<void*>(&release_thread);
  const bool required = std::find(kRequired.begin(), kRequired.end(), wanted) != kRequired.end();
  return required ? reinterpret_cast<void*>(&nothing) : nullptr;
}

void* get_dispatch_address(const char* name) {
  static_cast<void>(name);
  return nullptr;
}

void set_dispatch_index(const char* name, int index) {
  static_cast<void>(name);
  static_cast<void>(index);
}

}  // namespace

extern "C" [[gnu::visibility("default")]] EGLBoolean __egl_Main(uint32_t version,
                                                                const __EGLapiExports* exports,
                                                                __EGLvendorInfo* vendor,
                                                                __EGLapiImports* imports) {
  static_cast<void>(exports);
  static_cast<void>(vendor);
  if (EGL_VENDOR_ABI_GET_MAJOR_VERSION(version) != EGL_VENDOR_ABI_MAJOR_VERSION) return EGL_FALSE;
  imports->getPlatformDisplay = &get_platform_display;
  imports->getSupportsAPI = &supports_api;
  imports->getProcAddress = &get_proc_address;
  imports->getDispatchAddress = &get_dispatch_address;
  imports->setDispatchIndex = &set_dispatch_index;
  return EGL_TRUE;
}
