#include "api/plan.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <fstream>
#include <functional>
#include <stdexcept>
#include <thread>

#include "api/service.hpp"
#include "launch.hpp"

namespace viaduct::bench {
namespace {

std::string processor_name() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);)
    if (line.starts_with("model name")) return line.substr(line.find(':') + 2);
  return "an unnamed processor";
}

std::string today() {
  const std::time_t now = std::time(nullptr);
  char text[16];
  std::strftime(text, sizeof text, "%Y-%m-%d", std::gmtime(&now));
  return text;
}

std::vector<Line> lines_of(const ApiOptions& options) {
  std::vector<Line> lines;
  for (const Row& row : rows()) lines.push_back({row.key, row.group, row.text, row.unit, row.target});
  if (!options.ablate) {
    add_sharing_lines(lines);
    add_tenant_lines(lines);
  }
  for (const std::string& name : options.only)
    if (std::none_of(lines.begin(), lines.end(),
                     [&](const Line& line) { return name == line.key || name == line.group; }))
      throw std::runtime_error("there is no row and no group '" + name + "'");
  std::erase_if(lines, [&](const Line& line) {
    return !options.only.empty() &&
           std::none_of(options.only.begin(), options.only.end(),
                        [&](const std::string& name) { return name == line.key || name == line.group; });
  });
  return lines;
}

void expect_one_device(const ApiReport& report) {
  const std::string &native = report.columns[0].device, &lent = report.columns[1].device;
  if (lent.find(native) == lent.npos)
    std::fprintf(stderr,
                 "viaduct-bench api: native is '%s', but Viaduct lends '%s': name the driver with --driver\n",
                 native.c_str(), lent.c_str());
}

}  // namespace

bool has_group(const ApiReport& report, const std::string& group) {
  return std::any_of(report.lines.begin(), report.lines.end(),
                     [&](const Line& line) { return line.group == group; });
}

void show_progress(const std::string& text) {
  if (isatty(STDERR_FILENO)) std::fprintf(stderr, "\r\033[K%s", text.c_str());
}

ApiReport begin_report(const ApiOptions& options) {
  ApiReport report;
  report.lines = lines_of(options);
  report.date = today();
  report.processor = processor_name();
  report.cores = std::max(1u, std::thread::hardware_concurrency());
  report.driver = options.driver;
  report.command = options.command;
  report.rounds = options.rounds;
  auto add = [&](const std::string& name, const std::string& manifest) {
    report.columns.push_back({name, manifest, {}, {}, {}, {}});
    name_device(report.columns.back());
  };
  add("native", options.driver);
  if (options.native_only) {
    for (Line& line : report.lines) line.target = {};  // those are of what Viaduct must reach
    return report;
  }
  add("Viaduct", manifest_beside_program());
  auto host_side = [&](int process) {
    report.columns.back().environment.push_back(kServiceVariable + ("=" + std::to_string(process)));
  };
  host_side(options.service_process);
  expect_one_device(report);
  for (const auto& [name, manifest] : options.peers) {
    add(name, manifest);
    host_side(0);
  }
  return report;
}

void measure_report(const ApiOptions& options, ApiReport& report,
                    const std::function<bool(const ApiReport&)>& keep) {
  for (int round = 0; round < options.rounds; ++round) {
    report.rounds = round + 1;
    for (const Group& group : groups()) {
      if (!has_group(report, group.name)) continue;
      show_progress("round " + std::to_string(round + 1) + " of " + std::to_string(options.rounds) + ": " +
                    group.name);
      for (Column& column : report.columns) measure_group(group, "", column);
      // A run that is cut off loses no more than a group in its first round, and than a round later.
      if (round == 0 && !keep(report)) return;
    }
    if (has_group(report, "sharing")) {
      show_progress("round " + std::to_string(round + 1) + ": sharing");
      measure_sharing(options, report);
    }
    if (round + 1 < options.rounds && !keep(report)) return;
  }
  if (has_group(report, "tenants")) measure_tenants(options, report);
  show_progress("");
}

}  // namespace viaduct::bench
