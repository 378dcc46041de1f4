#include "api/api.hpp"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

#include "api/plan.hpp"
#include "api/service.hpp"
#include "launch.hpp"
#include "text.hpp"

namespace viaduct::bench {

const char kApiUsage[] =
    "viaduct-bench api [OPTIONS]\n"
    "  What calls, frames and sessions cost, natively and through Viaduct in turns, beside what they must "
    "cost.\n"
    "  Starts a service of its own, unless VIADUCT_URL names one.\n"
    "  --rounds N           how often each column is measured; medians count (default 5, with --ablate 2)\n"
    "  --only NAME          this row or group only (repeatable; also a,b,c): start, record, threads, loops, "
    "wait,\n"
    "                       objects, descriptors, pipelines, memory, transfer, present, idle, growth, "
    "sharing,\n"
    "                       tenants\n"
    "  --driver FILE        manifest of the host's driver, native and lent (else VIADUCT_NATIVE_DRIVER, else "
    "the\n"
    "                       loader's and viaductd's choice)\n"
    "  --icd NAME=FILE      another driver's column beside ours, by its manifest (repeatable)\n"
    "  --native             the native column only\n"
    "  --ablate             what each optimisation is worth: a column for each with it switched off\n"
    "  --json FILE          the figures of each round as JSON\n"
    "  --markdown FILE      the table as Markdown\n"
    "  --chart FILE         the ratios as an SVG\n"
    "  --results DIR        all three, as this device's section of DIR/RESULTS.md\n";

namespace {

struct BadOption : std::runtime_error {
  using std::runtime_error::runtime_error;
};

void add_only(ApiOptions& options, std::string_view names) {
  while (!names.empty()) {
    const auto comma = std::min(names.find(','), names.size());
    if (comma > 0) options.only.emplace_back(names.substr(0, comma));
    names.remove_prefix(std::min(comma + 1, names.size()));
  }
}

void add_peer(ApiOptions& options, const std::string& text) {
  const auto equals = text.find('=');
  if (equals == text.npos || equals == 0) throw BadOption("--icd wants NAME=FILE, not '" + text + "'");
  options.peers.emplace_back(text.substr(0, equals), text.substr(equals + 1));
  if (access(options.peers.back().second.c_str(), R_OK) != 0)
    throw BadOption("--icd: " + options.peers.back().second + " cannot be read");
}

void take_value(ApiOptions& options, std::string_view name, const std::string& value) {
  if (name == "--rounds") {
    options.rounds = std::atoi(value.c_str());
    if (options.rounds < 1 || options.rounds > 1000)
      throw BadOption("--rounds wants 1 to 1000, not '" + value + "'");
  } else if (name == "--only") {
    add_only(options, value);
  } else if (name == "--driver") {
    options.driver = value;
  } else if (name == "--icd") {
    add_peer(options, value);
  } else if (name == "--json") {
    options.json = value;
  } else if (name == "--markdown") {
    options.markdown = value;
  } else if (name == "--chart") {
    options.chart = value;
  } else if (name == "--results") {
    options.results = value;
  } else {
    throw BadOption("unknown option '" + std::string(name) + "'");
  }
}

// False: the help was asked for and given.
bool parse(int argc, char** argv, ApiOptions& options) {
  options.command = "viaduct-bench api";
  for (int i = 0; i < argc; ++i) options.command += std::string(" ") + argv[i];
  for (int i = 0; i < argc; ++i) {
    const std::string_view name = argv[i];
    if (name == "--help" || name == "-h") {
      std::fputs(kApiUsage, stdout);
      return false;
    }
    if (name == "--native") {
      options.native_only = true;
    } else if (name == "--ablate") {
      options.ablate = true;
    } else if (i + 1 == argc) {
      throw BadOption("'" + std::string(name) + "' is unknown, or wants a value");
    } else {
      take_value(options, name, argv[++i]);
    }
  }
  if (options.native_only && (options.ablate || !options.peers.empty()))
    throw BadOption("--native is the native column only: it goes with neither --ablate nor --icd");
  if (options.native_only && !(options.chart.empty() && options.results.empty()))
    throw BadOption("--chart and --results compare columns: --native has only one");
  if (options.ablate && !(options.results.empty() && options.markdown.empty() && options.chart.empty()))
    throw BadOption("--ablate prints its table and writes --json only");
  if (options.rounds == 0) options.rounds = options.ablate ? 2 : 5;
  if (const char* driver = std::getenv("VIADUCT_NATIVE_DRIVER"); driver != nullptr && options.driver.empty())
    options.driver = driver;
  if (!options.driver.empty() && access(options.driver.c_str(), R_OK) != 0)
    throw BadOption("the driver's manifest " + options.driver + " cannot be read");
  return true;
}

bool write_all(const ApiOptions& options, const ApiReport& report) {
  bool good = true;
  if (!options.json.empty()) good = write_text(options.json, api_json(report)) && good;
  if (!options.markdown.empty()) good = write_text(options.markdown, api_markdown(report)) && good;
  if (!options.chart.empty()) good = write_text(options.chart, api_chart(report)) && good;
  if (!options.results.empty()) good = write_results(report, options.results) && good;
  return good;
}

int run(ApiOptions& options) {
  std::optional<Service> service;
  if (!options.native_only && std::getenv("VIADUCT_URL") == nullptr) {
    service.emplace(options.driver, std::vector<std::string>{});
    setenv("VIADUCT_URL", service->url().c_str(), 1);
    options.service_is_ours = true;
    options.service_process = service->process();
  }
  const VirtualDisplay display;
  if (options.ablate) {
    const ApiReport report = measure_ablation(options);
    std::fputs(ablation_table(report).c_str(), stdout);
    return write_all(options, report) ? 0 : 1;
  }
  ApiReport report = begin_report(options);
  measure_report(options, report, [&](const ApiReport& so_far) { return write_all(options, so_far); });
  std::fputs(api_table(report).c_str(), stdout);
  return write_all(options, report) ? 0 : 1;
}

}  // namespace

int api_main(int argc, char** argv) {
  try {
    ApiOptions options;
    return parse(argc, argv, options) ? run(options) : 0;
  } catch (const BadOption& error) {
    std::fprintf(stderr, "viaduct-bench api: %s\n%s", error.what(), kApiUsage);
    return 2;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "viaduct-bench api: %s\n", error.what());
    return 1;
  }
}

}  // namespace viaduct::bench
