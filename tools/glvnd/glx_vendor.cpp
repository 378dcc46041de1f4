// libGLX_viaduct.so.0: a GLX vendor of libglvnd, asked for by __GLX_VENDOR_LIBRARY_NAME=viaduct. It chooses
// Mesa's driver and makes Mesa the vendor.

#include <dlfcn.h>
#include <glvnd/libglxabi.h>

#include "tools/glvnd/mesa_choice.hpp"

extern "C" [[gnu::visibility("default")]] Bool __glx_Main(uint32_t version, const __GLXapiExports* exports,
                                                          __GLXvendorInfo* vendor, __GLXapiImports* imports) {
  void* mesa = ::dlopen("libGLX_mesa.so.0", RTLD_LAZY | RTLD_LOCAL);
  if (mesa == nullptr) return False;
  const auto mesa_main = reinterpret_cast<decltype(&__glx_Main)>(::dlsym(mesa, __GLX_MAIN_PROTO_NAME));
  if (mesa_main == nullptr) return False;
  viaduct::tools::choose_mesa_driver();
  return mesa_main(version, exports, vendor, imports);
}
