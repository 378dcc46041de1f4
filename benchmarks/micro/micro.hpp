// `viaduct-bench micro`: what single calls cost, natively and through Viaduct. The rows are those of
// DESIGN.md's table.
#pragma once

namespace viaduct::bench {

// The whole command, its arguments without the program's name and the word micro. The process's exit status.
int micro_main(int argc, char** argv);
// Measures every row (or the one named) on the driver that the loader finds; prints "NAME VALUE" lines.
// Started by micro_main only.
int micro_rows_main(int argc, char** argv);

extern const char kMicroUsage[];

}  // namespace viaduct::bench
