// Turns frame times into the table and the JSON that `viaduct-bench fps` prints.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace viaduct::bench {

struct Sample {  // one tenant on one driver
  std::vector<uint32_t> times_ns;
  uint64_t elapsed_ns = 0;

  double fps() const;
  double percentile_ms(double fraction) const;
};

struct TenantResult {
  uint32_t number = 0;
  Sample forwarded, native;
};

struct Report {
  std::string scene, forwarded_device, native_device, native_driver;
  uint32_t width = 0, height = 0;
  double seconds = 0;
  bool with_native = false;
  std::vector<TenantResult> tenants;
};

// (sum x)^2 / (n * sum x^2): 1 when all are equal, 1/n when one has it all (Jain, Chiu, Hawe 1984).
double jain_index(const std::vector<double>& values);

std::string table(const Report& report);
std::string json(const Report& report);

}  // namespace viaduct::bench
