// Turns columns of figures into a table, JSON, Markdown and a chart.
#pragma once

#include <string>
#include <vector>

#include "api/columns.hpp"

namespace viaduct::bench {

// A row of the table: one of rows(), or one that only this run has (a way of sharing memory, a number of
// tenants).
struct Line {
  std::string key, group, text, unit;
  Target target;
};

struct ApiReport {
  std::string date, processor, driver;  // driver: its manifest, empty if the loader chose
  std::string command;                  // that measured it
  unsigned cores = 0;
  int rounds = 0;
  std::vector<Line> lines;
  std::vector<Column> columns;  // native, then Viaduct and the peers if they were measured

  // Viaduct's column; native's own if there is no other.
  const Column& forwarded() const { return columns[columns.size() > 1 ? 1 : 0]; }
};

enum class Verdict { kNone, kMet, kMissed };

// A line's figures against the native ones.
struct Comparison {
  double native = 0, forwarded = 0, ratio = 0;  // ratio: 0 if there is none
  bool comparable = false;                      // both were measured
  double ratio_low = 0, ratio_high = 0;         // of the single rounds
  Verdict verdict = Verdict::kNone;
};
Comparison compare(const Line& line, const Column& native, const Column& other);

// "<= 1.2 x", "<= native + 6 us"; empty for a row without a target.
std::string target_text(const Line& line);
// Whether more of the row's unit is better.
bool is_rate(const Line& line);

std::string api_table(const ApiReport& report);
std::string api_markdown(const ApiReport& report);
std::string api_json(const ApiReport& report);
// What each column takes beside the first one, without figures or targets: of a run with --ablate.
std::string ablation_table(const ApiReport& report);
// Writes FOLDER/api-DEVICE.json, its chart FOLDER/api-DEVICE.svg, and the device's section of
// FOLDER/RESULTS.md, in place of the one that is there. False, with a line on standard error, if that cannot
// be done.
bool write_results(const ApiReport& report, const std::string& folder);
// An SVG: each row's cost relative to native, below one is better.
std::string api_chart(const ApiReport& report);

}  // namespace viaduct::bench
