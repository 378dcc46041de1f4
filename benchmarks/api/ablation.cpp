#include <cstdlib>
#include <deque>

#include "api/plan.hpp"
#include "api/service.hpp"
#include "base/switches.hpp"
#include "launch.hpp"

namespace viaduct::bench {
namespace {

constexpr const char* kWords[] = {
#define VIADUCT_ROW(name, text) "no_" #name,
    VIADUCT_PERF_SWITCHES(VIADUCT_ROW)
#undef VIADUCT_ROW
};

}  // namespace

ApiReport measure_ablation(const ApiOptions& options) {
  ApiReport report = begin_report(options);
  report.columns.erase(report.columns.begin());      // native has no switches
  report.columns.resize(1);                          // nor have the peers
  for (Line& line : report.lines) line.target = {};  // those are of native
  std::deque<Service> services;                      // each lives as long as its column is measured
  for (const char* word : kWords) {
    const std::string setting = std::string("VIADUCT_PERF=") + word;
    Column column{word, report.columns[0].manifest, {setting}, report.columns[0].device, {}, {}};
    if (options.service_is_ours) {
      services.emplace_back(options.driver, std::vector<std::string>{setting});
      column.environment.push_back(kServiceVariable + ("=" + std::to_string(services.back().process())));
      column.environment.push_back("VIADUCT_URL=" + services.back().url());
    }
    report.columns.push_back(column);
  }
  measure_report(options, report, [](const ApiReport&) { return true; });
  return report;
}

}  // namespace viaduct::bench
