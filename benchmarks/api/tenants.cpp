// Rows `tenants`: several processes that render at once, by the same machinery as `viaduct-bench fps`.
#include <algorithm>

#include "api/plan.hpp"
#include "fps/runner.hpp"

namespace viaduct::bench {
namespace {

constexpr unsigned kCounts[] = {1, 2, 4, 8, 16};
constexpr double kSeconds = 2.5;  // measured, on each driver

std::string key_of(unsigned count, const char* figure) {
  return "tenants_" + std::to_string(count) + "_" + figure;
}

void take(unsigned count, const Report& report, Sample TenantResult::*which, Column& column) {
  std::vector<double> rates;
  double sum = 0, slowest = 0;
  for (const TenantResult& tenant : report.tenants) {
    const Sample& sample = tenant.*which;
    rates.push_back(sample.fps());
    sum += rates.back();
    slowest = std::max(slowest, sample.percentile_ms(0.99));
  }
  column.figures[key_of(count, "fps")].push_back(sum);
  column.figures[key_of(count, "fairness")].push_back(jain_index(rates));
  column.figures[key_of(count, "p99_ms")].push_back(slowest);
}

void miss(unsigned count, Column& column) {
  for (const char* figure : {"fps", "fairness", "p99_ms"})
    column.missing[key_of(count, figure)] = "failed, see the messages of the run";
}

}  // namespace

void add_tenant_lines(std::vector<Line>& lines) {
  for (unsigned count : kCounts) {
    const std::string who = std::to_string(count) + (count == 1 ? " tenant" : " tenants");
    lines.push_back({key_of(count, "fps"), "tenants", who + " with the GPU-bound loop, sum", "fps", {}});
    lines.push_back({key_of(count, "fairness"), "tenants", "… Jain's fairness", "index", {}});
    lines.push_back(
        {key_of(count, "p99_ms"), "tenants", "… p99 of the frame time, the slowest tenant's", "ms", {}});
  }
}

void measure_tenants(const ApiOptions& options, ApiReport& report) {
  for (unsigned count : kCounts) {
    if (std::none_of(report.lines.begin(), report.lines.end(), [&](const Line& line) {
          return line.key.starts_with("tenants_" + std::to_string(count) + "_");
        }))
      continue;
    show_progress(std::to_string(count) + " tenants");
    const bool alone = report.columns.size() == 1;
    for (std::size_t i = alone ? 0 : 1; i < report.columns.size(); ++i) {
      RunOptions run;
      run.tenants = count;
      run.seconds = kSeconds;
      run.native = i == 1;
      run.progress = false;
      run.native_driver = options.driver;
      run.icd = report.columns[i].manifest;
      Report result;
      const bool good = run_fps(run, result);
      good ? take(count, result, &TenantResult::forwarded, report.columns[i])
           : miss(count, report.columns[i]);
      if (i == 1)
        good ? take(count, result, &TenantResult::native, report.columns[0]) : miss(count, report.columns[0]);
    }
  }
}

}  // namespace viaduct::bench
