// `viaduct-bench fps`: frames per second of N tenants at once, each a process of its own.
#pragma once

namespace viaduct::bench {

// The whole command, its arguments without the program's name and the word fps. The process's exit status.
int fps_main(int argc, char** argv);
// What a tenant's process runs; started by fps_main only.
int fps_tenant_main(int argc, char** argv);

extern const char kFpsUsage[];

}  // namespace viaduct::bench
