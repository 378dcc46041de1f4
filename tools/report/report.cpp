#include "tools/report/report.hpp"

#include <algorithm>
#include <sstream>

#include "base/json.hpp"

namespace viaduct::tools {
namespace {

const char* word_of(State state) {
  return state == State::ok ? "ok" : state == State::warning ? "warning" : "wrong";
}

constexpr std::size_t kStateWidth = 9;

std::string padded(std::string text, std::size_t width) {
  if (text.size() < width) text.append(width - text.size(), ' ');
  return text;
}

std::string things(std::size_t count, const char* one, const char* many) {
  return count == 1 ? one : std::to_string(count) + many;
}

}  // namespace

std::size_t Report::count(State state) const {
  return static_cast<std::size_t>(std::count_if(findings_.begin(), findings_.end(),
                                                [state](const Finding& f) { return f.state == state; }));
}

std::string report_table(const Report& report, const std::string& well) {
  std::size_t width = 0;
  for (const Finding& finding : report.findings()) width = std::max(width, finding.check.size());
  std::string out;
  for (const Finding& finding : report.findings()) {
    const std::string state = finding.state == State::wrong ? "WRONG" : word_of(finding.state);
    out += padded(state, kStateWidth) + padded(finding.check, width + 2) + finding.text + "\n";
    std::istringstream lines(finding.mend);
    for (std::string line; std::getline(lines, line);) {
      out += std::string(kStateWidth + width + 2, ' ') + "> " + line + "\n";
    }
  }
  const std::size_t wrong = report.count(State::wrong);
  const std::size_t warnings = report.count(State::warning);
  if (wrong != 0) {
    return out + "\n" + things(wrong, "One thing is", " things are") +
           " wrong; the lines that begin with > say what mends " + (wrong == 1 ? "it.\n" : "them.\n");
  }
  return out + "\n" + well +
         (warnings == 0 ? "" : " " + things(warnings, "One thing is", " things are") + " worth knowing.") +
         "\n";
}

std::string report_json(const Report& report) {
  std::vector<std::string> checks;
  for (const Finding& finding : report.findings()) {
    checks.push_back(JsonObject()
                         .text("check", finding.check)
                         .text("state", word_of(finding.state))
                         .text("text", finding.text)
                         .text("mend", finding.mend)
                         .str());
  }
  return JsonObject()
             .raw("checks", json_array(checks))
             .number("wrong", report.count(State::wrong))
             .number("warnings", report.count(State::warning))
             .str() +
         "\n";
}

}  // namespace viaduct::tools
