// The rows of `viaduct-bench api`: what each is called, what it must reach, and the functions that measure
// them.
//
// A row's function measures whatever driver the loader finds in this process and prints `KEY VALUE` lines, or
// `KEY - REASON` where the driver cannot do it. The parent (runner.hpp) starts such processes on one driver
// and the other in turns and makes the table.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <span>
#include <vector>

namespace viaduct::bench {

// How a row's figure is judged. `native` is the native driver's figure in the same run.
struct Target {
  enum class Kind {
    kNone,          // nothing to reach: the row informs
    kAtMost,        // forwarded <= value
    kAtLeast,       // forwarded >= value
    kRatioAtMost,   // forwarded / native <= value
    kRatioAtLeast,  // forwarded / native >= value
    kNativePlus,    // forwarded <= native + value
  };
  Kind kind = Kind::kNone;
  double value = 0;
};

struct Row {
  const char* key;
  const char* group;
  const char* text;
  const char* unit;
  Target target;
};

// All rows in the order of the table.
std::span<const Row> rows();

struct Group {
  const char* name;
  void (*measure)();
};

// All groups, in the order in which they are measured. `start` is the first: it needs a process without a
// past.
std::span<const Group> groups();

void put(const char* key, double value);
void skip(const char* key, const char* reason);

using Clock = std::chrono::steady_clock;

inline double nanoseconds_since(Clock::time_point start) {
  return std::chrono::duration<double, std::nano>(Clock::now() - start).count();
}

// Of a copy; 0 of nothing.
double percentile(std::vector<double> samples, double fraction);

// The median, over `rounds` rounds, of the mean time in nanoseconds of one of `count` calls.
template <class Body>
double median_of(int rounds, int count, Body body) {
  std::vector<double> samples;
  for (int round = 0; round < rounds; ++round) {
    const auto start = Clock::now();
    for (int i = 0; i < count; ++i) body();
    samples.push_back(nanoseconds_since(start) / count);
  }
  return percentile(std::move(samples), 0.5);
}

void measure_start();
void measure_recording();
void measure_threads();
void measure_loops();
void measure_waiting();
void measure_objects();
void measure_descriptors();
void measure_pipelines();
void measure_memory();
void measure_transfers();
void measure_presenting();
void measure_idle();
void measure_growth();

}  // namespace viaduct::bench
