// `viaduct-bench api`: what calls, frames and sessions cost, natively and through Viaduct in one run.
#pragma once

namespace viaduct::bench {

// The whole command, its arguments without the program's name and the word api. The process's exit status.
int api_main(int argc, char** argv);

extern const char kApiUsage[];

}  // namespace viaduct::bench
