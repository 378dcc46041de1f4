// What a run of `viaduct-bench api` measures, and in which order: column beside column, row after row, round
// after round, so that a slow minute of the machine hits all columns.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "api/report.hpp"

namespace viaduct::bench {

struct ApiOptions {
  int rounds = 0;                 // 0: five, of an ablation two
  std::vector<std::string> only;  // rows and groups; empty: all
  std::string driver;             // manifest of the host's driver; empty: the loader's choice
  std::vector<std::pair<std::string, std::string>> peers;  // name and manifest
  bool native_only = false;
  bool ablate = false;
  bool service_is_ours = false;                // not one that VIADUCT_URL named
  int service_process = 0;                     // of ours; 0 if it is not
  std::string json, markdown, chart, results;  // files and a folder; empty: none
  std::string command;                         // as it was typed
};

// The empty report of a run: its machine, columns and lines. std::runtime_error if `only` names nothing, or
// if a driver gives no device.
ApiReport begin_report(const ApiOptions& options);
// Fills it. The service, if one is needed, is there and VIADUCT_URL names it. keep: called with what there
// is so far after each group of the first round, and between rounds; false ends the run.
void measure_report(const ApiOptions& options, ApiReport& report,
                    const std::function<bool(const ApiReport&)>& keep);

// Each optimisation off by its switch in VIADUCT_PERF: a column a switch, the first one with all of them on.
ApiReport measure_ablation(const ApiOptions& options);

// Lines and columns that one family of rows adds to the plain ones: mapped memory shared in each way, and
// several tenants at once.
void add_sharing_lines(std::vector<Line>& lines);
void add_tenant_lines(std::vector<Line>& lines);
void measure_sharing(const ApiOptions& options, ApiReport& report);
void measure_tenants(const ApiOptions& options, ApiReport& report);

// Whether a group has a line left.
bool has_group(const ApiReport& report, const std::string& group);
// A line of progress on standard error, where that is a terminal.
void show_progress(const std::string& text);

}  // namespace viaduct::bench
