// What was measured: a column a driver, a list of figures a row; and how a column's figures are taken.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "api/rows.hpp"

namespace viaduct::bench {

struct Column {
  std::string name;                                    // "native", "Viaduct", or as --icd says
  std::string manifest;                                // of its driver; empty: the loader's choice
  std::vector<std::string> environment;                // NAME=VALUE, besides and instead of this process's
  std::string device;                                  // what the driver calls itself, once it was asked
  std::map<std::string, std::vector<double>> figures;  // by row key, one a round
  std::map<std::string, std::string> missing;          // by row key, with the reason

  // The median over the rounds; 0 if there is none.
  double figure(const std::string& key) const;
  bool has(const std::string& key) const { return figures.contains(key); }
};

// Measures `group` once in a process of its own on the column's driver. `suffix` is appended to the keys. If
// the process fails, it says so on standard error, and the rows that it did not come to are missing for that
// reason.
void measure_group(const Group& group, const std::string& suffix, Column& column);

// Asks the column's driver for its device's name, in a process of its own. std::runtime_error if it has no
// device.
void name_device(Column& column);

// What that process runs: the name of the group. Its exit status.
int api_rows_main(int argc, char** argv);

}  // namespace viaduct::bench
