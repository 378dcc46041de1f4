// The parts of benchmarks/link/network.py that run inside a network: the rows, measured by a guest, and a
// relay that delays a TCP stream.
#pragma once

namespace viaduct::bench {

// `link-rows`: prints "NAME VALUE" lines; times in microseconds, rates in MB/s or 1/s.
int link_rows_main(int argc, char** argv);
// `link-relay PORT ADDRESS:PORT MICROSECONDS`: what arrives at the one goes on to the other that much later,
// in both directions, one connection after the other or several at once. Runs until it is killed.
int link_relay_main(int argc, char** argv);

}  // namespace viaduct::bench
