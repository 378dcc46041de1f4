// The folder of results: one section of RESULTS.md, one JSON and one chart a device.
#include <cctype>
#include <fstream>
#include <iterator>

#include "api/report.hpp"
#include "text.hpp"

namespace viaduct::bench {
namespace {

constexpr char kHead[] =
    "# Results\n\nEach section is written by the command that it names, on the machine that it names. "
    "[NOTES.md](NOTES.md) says how to read the rows.\n";

// "swiftshader-device" of "SwiftShader Device (Subzero)".
std::string slug(const std::string& device) {
  std::string out;
  for (char c : device.substr(0, device.find('('))) {
    if (std::isalnum(static_cast<unsigned char>(c)))
      out += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    else if (!out.empty() && out.back() != '-')
      out += '-';
  }
  while (out.ends_with('-')) out.pop_back();
  return out.empty() ? "device" : out;
}

std::string section(const ApiReport& report, const std::string& name) {
  std::string out = "\n## " + report.columns[0].device + ", " + std::to_string(report.cores) + " cores\n\n";
  out += "Taken on " + report.date + " on " + report.processor + ", " + std::to_string(report.cores) +
         " cores; medians of " + std::to_string(report.rounds) + " rounds, all columns in turns:\n\n```\n" +
         report.command + "\n```\n\n";
  if (report.columns.size() > 1) out += "![Time through Viaduct beside native](" + name + ".svg)\n\n";
  return out + api_markdown(report) + "\n";
}

}  // namespace

bool write_results(const ApiReport& report, const std::string& folder) {
  const std::string name = "api-" + slug(report.columns[0].device);
  const std::string path = folder + "/RESULTS.md";
  std::ifstream file(path);
  std::string text{std::istreambuf_iterator<char>(file), {}};
  if (text.empty()) text = kHead;
  const std::string begin = "<!-- " + name + " -->\n", end = "<!-- end of " + name + " -->\n";
  const std::string mine = begin + section(report, name) + end;
  const auto from = text.find(begin), to = text.find(end);
  if (from != text.npos && to != text.npos && from < to)
    text.replace(from, to + end.size() - from, mine);
  else
    text += "\n" + mine;
  return write_text(folder + "/" + name + ".json", api_json(report)) &&
         write_text(folder + "/" + name + ".svg", api_chart(report)) && write_text(path, text);
}

}  // namespace viaduct::bench
