// Rows `sharing`: the rows of mapped memory again, with a service that shares it in one way only.
#include <array>
#include <cstdlib>
#include <optional>

#include "api/plan.hpp"
#include "api/service.hpp"

namespace viaduct::bench {
namespace {

struct Way {
  const char *word, *text;
};
constexpr Way kWays[] = {{"import", "pages imported"}, {"shadow", "shadowed"}};
constexpr std::array kGroups{"memory", "transfer"};

std::string suffix_of(const Way& way) { return std::string(".") + way.word; }

bool is_shared_memory(const Row& row) {
  for (const char* group : kGroups)
    if (std::string(row.group) == group) return true;
  return false;
}

void miss(Column& column, const Way& way, const std::string& reason) {
  for (const Row& row : rows())
    if (is_shared_memory(row)) {
      column.figures.erase(row.key + suffix_of(way));
      column.missing[row.key + suffix_of(way)] = reason;
    }
}

void measure_way(const ApiOptions& options, const Way& way, Column& column) {
  const std::string setting = std::string("VIADUCT_MEMORY=") + way.word;
  const Service service(options.driver, {setting});
  const auto before = column.environment;
  column.environment.push_back("VIADUCT_URL=" + service.url());
  for (const Group& group : groups())
    for (const char* name : kGroups)
      if (std::string(group.name) == name) measure_group(group, suffix_of(way), column);
  column.environment = before;
  // The worker's own words where a way was asked for that the driver does not have.
  if (service.log().find("was asked for and does not work") != std::string::npos)
    miss(column, way, "the driver cannot share memory in this way");
}

}  // namespace

void add_sharing_lines(std::vector<Line>& lines) {
  for (const Way& way : kWays) {
    for (const Row& row : rows()) {
      if (!is_shared_memory(row)) continue;
      lines.push_back(
          {row.key + suffix_of(way), "sharing", std::string(way.text) + ": " + row.text, row.unit, {}});
    }
  }
}

void measure_sharing(const ApiOptions& options, ApiReport& report) {
  Column& native = report.columns[0];
  Column once{native.name, native.manifest, {}, {}, {}, {}};
  for (const Group& group : groups())
    for (const char* name : kGroups)
      if (std::string(group.name) == name) measure_group(group, "", once);
  for (const Way& way : kWays) {
    for (const auto& [key, samples] : once.figures) {
      auto& all = native.figures[key + suffix_of(way)];
      all.insert(all.end(), samples.begin(), samples.end());
    }
    for (std::size_t i = 1; i < report.columns.size(); ++i) {
      if (i > 1)
        miss(report.columns[i], way, "a way of Viaduct's");
      else if (!options.service_is_ours)
        miss(report.columns[i], way, "VIADUCT_URL names a service that shares as it does");
      else
        measure_way(options, way, report.columns[i]);
    }
  }
}

}  // namespace viaduct::bench
