// One tenant: a process of its own that renders when its parent tells it to, and says how long each frame
// took.
#pragma once

#include "fps/renderer.hpp"

namespace viaduct::bench {

// Obeys the messages that arrive on `fd` until the parent says quit or goes away. The exit status of the
// process.
int run_tenant(const RendererOptions& options, int fd);

}  // namespace viaduct::bench
