// The parent of the tenants: starts one process a tenant and driver, lets the forwarded and the native ones
// run in turns (so that a machine's slow minute hits both), and collects their frame times. Nothing it
// started outlives it.
#pragma once

#include <cstdint>
#include <string>

#include "fps/report.hpp"
#include "fps/scene.hpp"

namespace viaduct::bench {

struct RunOptions {
  uint32_t tenants = 1;
  double seconds = 10;
  Scene scene = Scene::kCubes;
  uint32_t width = 0, height = 0;  // 0: by the kind of device
  bool native = false;
  bool progress = true;
  std::string native_driver, icd, json, frames_dir;
};

// False when a tenant failed; what went wrong is on standard error, and `report` has what was measured until
// then.
bool run_fps(const RunOptions& options, Report& report);

}  // namespace viaduct::bench
