// `viaductctl top`: asks the service for its counters again and again and shows what happened in between. The
// service keeps no figures for it and does nothing while nobody asks. One thread, the program's only one.
#pragma once

#include "tools/viaductctl/options.hpp"

namespace viaduct::tools {

// The exit status.
int top(const CtlOptions& options);

}  // namespace viaduct::tools
