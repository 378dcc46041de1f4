#include "api/report.hpp"

#include <algorithm>

#include "text.hpp"

namespace viaduct::bench {
namespace {

const char* word(Verdict verdict) {
  return verdict == Verdict::kNone ? "" : verdict == Verdict::kMet ? "yes" : "no";
}

// Shares and multiples have no unit to write.
std::string unit_text(const Line& line) {
  return line.unit == "index" || line.unit == "times" ? "" : " " + line.unit;
}

// A figure, or why there is none; the reason itself stands below the table.
std::string cell(const Line& line, const Column& column) {
  const double value = column.figure(line.key);
  if (column.has(line.key)) return format(value >= 1000 ? "%.0f" : "%.4g", value) + unit_text(line);
  return column.missing.contains(line.key) ? "not offered" : "-";
}

std::string ratio_number(double ratio) { return format(ratio < 0.1 ? "%.2g" : "%.2f", ratio); }

std::string ratio_text(const Comparison& one) { return one.ratio > 0 ? ratio_number(one.ratio) : "-"; }

std::string spread_text(const Comparison& one) {
  return one.ratio > 0 ? ratio_number(one.ratio_low) + " to " + ratio_number(one.ratio_high) : "";
}

Verdict judge(const Target& target, const Comparison& one) {
  using enum Target::Kind;
  bool met = false;
  switch (target.kind) {
    case kNone:
      return Verdict::kNone;
    case kAtMost:
      met = one.forwarded <= target.value;
      break;
    case kAtLeast:
      met = one.forwarded >= target.value;
      break;
    case kRatioAtMost:
      if (!one.comparable) return Verdict::kNone;
      met = one.ratio <= target.value;
      break;
    case kRatioAtLeast:
      if (!one.comparable) return Verdict::kNone;
      met = one.ratio >= target.value;
      break;
    case kNativePlus:
      if (!one.comparable) return Verdict::kNone;
      met = one.forwarded <= one.native + target.value;
      break;
  }
  return met ? Verdict::kMet : Verdict::kMissed;
}

std::string samples_json(const Column& column, const std::string& key) {
  std::string out = "[";
  if (const auto found = column.figures.find(key); found != column.figures.end())
    for (double value : found->second) out += format("%s%.6g", out.size() > 1 ? ", " : "", value);
  return out + "]";
}

std::string missing_json(const Line& line, const ApiReport& report) {
  std::string out = "{";
  for (const Column& column : report.columns)
    if (const auto found = column.missing.find(line.key); found != column.missing.end())
      out += (out.size() > 1 ? ", " : "") + quote(column.name) + ": " + quote(found->second);
  return out + "}";
}

// Each line of each column that has no figure, with the reason, one a line of text.
std::string missing_text(const ApiReport& report, const char* before) {
  std::string out;
  for (const Line& line : report.lines)
    for (const Column& column : report.columns)
      if (const auto found = column.missing.find(line.key);
          found != column.missing.end() && !column.has(line.key))
        out += before + line.key + " (" + column.name + "): " + found->second + "\n";
  return out;
}

// One line of the table as cells: name, native, then two a column; the second column has three more.
std::vector<std::string> cells_of(const Line& line, const ApiReport& report) {
  std::vector<std::string> cells{line.text, cell(line, report.columns[0])};
  for (std::size_t i = 1; i < report.columns.size(); ++i) {
    const Comparison one = compare(line, report.columns[0], report.columns[i]);
    cells.insert(cells.end(), {cell(line, report.columns[i]), ratio_text(one)});
    if (i == 1) cells.insert(cells.end(), {spread_text(one), target_text(line), word(one.verdict)});
  }
  return cells;
}

std::vector<std::string> heads_of(const ApiReport& report) {
  std::vector<std::string> heads{""};
  for (std::size_t i = 0; i < report.columns.size(); ++i) {
    heads.push_back(report.columns[i].name);
    if (i > 0) heads.push_back("ratio");
    if (i == 1) heads.insert(heads.end(), {"of rounds", "must reach", "met"});
  }
  return heads;
}

// Characters, not bytes.
std::size_t length(const std::string& text) {
  return static_cast<std::size_t>(std::count_if(
      text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

std::string aligned(const std::vector<std::vector<std::string>>& table) {
  std::vector<std::size_t> widths(table[0].size());
  for (const auto& cells : table)
    for (std::size_t i = 0; i < cells.size(); ++i) widths[i] = std::max(widths[i], length(cells[i]));
  std::string out;
  for (const auto& cells : table) {
    for (std::size_t i = 0; i < cells.size(); ++i) {
      const std::string blanks(widths[i] - length(cells[i]), ' ');
      out += i == 0 ? cells[i] + blanks : "  " + blanks + cells[i];
    }
    while (out.ends_with(' ')) out.pop_back();
    out += '\n';
  }
  return out;
}

// How many times as long the row takes; "=" if single rounds lie on both sides of no change.
std::string change_text(const Line& line, const Comparison& one) {
  if (one.ratio <= 0) return "-";
  if (one.ratio_low < 1 && one.ratio_high > 1) return "=";
  return format("%.2f", is_rate(line) ? 1 / one.ratio : one.ratio);
}

}  // namespace

Comparison compare(const Line& line, const Column& native, const Column& other) {
  Comparison one;
  one.native = native.figure(line.key);
  one.forwarded = other.figure(line.key);
  if (!other.has(line.key)) return one;
  one.comparable = native.has(line.key);
  if (one.native > 0 && one.forwarded > 0) {
    one.ratio = one.ratio_low = one.ratio_high = one.forwarded / one.native;
    const auto &ours = other.figures.at(line.key), &theirs = native.figures.at(line.key);
    for (std::size_t i = 0; i < std::min(ours.size(), theirs.size()); ++i) {
      if (theirs[i] <= 0) continue;
      one.ratio_low = std::min(one.ratio_low, ours[i] / theirs[i]);
      one.ratio_high = std::max(one.ratio_high, ours[i] / theirs[i]);
    }
  }
  one.verdict = judge(line.target, one);
  return one;
}

std::string target_text(const Line& line) {
  using enum Target::Kind;
  switch (line.target.kind) {
    case kNone:
      break;
    case kAtMost:
      return format("<= %g", line.target.value) + unit_text(line);
    case kAtLeast:
      return format(">= %g", line.target.value) + unit_text(line);
    case kRatioAtMost:
      return format("<= %g x", line.target.value);
    case kRatioAtLeast:
      return format(">= %g x", line.target.value);
    case kNativePlus:
      return format("<= native + %g %s", line.target.value, line.unit.c_str());
  }
  return "";
}

bool is_rate(const Line& line) {
  return line.unit == "fps" || line.unit == "GB/s" || line.unit == "Mcmd/s" || line.unit == "index" ||
         line.unit == "times";
}

std::string api_table(const ApiReport& report) {
  std::vector<std::vector<std::string>> table{heads_of(report)};
  for (const Line& line : report.lines) table.push_back(cells_of(line, report));
  return aligned(table) + missing_text(report, "not offered: ");
}

std::string ablation_table(const ApiReport& report) {
  std::vector<std::vector<std::string>> table{{""}};
  for (const Column& column : report.columns) table[0].push_back(column.name);
  for (const Line& line : report.lines) {
    std::vector<std::string> cells{line.text, cell(line, report.columns[0])};
    for (std::size_t i = 1; i < report.columns.size(); ++i)
      cells.push_back(change_text(line, compare(line, report.columns[0], report.columns[i])));
    table.push_back(std::move(cells));
  }
  return aligned(table) +
         "Each switch's column: how many times as long the row takes without that optimisation; '=' if the "
         "rounds differ "
         "by as much among themselves.\n" +
         missing_text(report, "not offered: ");
}

std::string api_markdown(const ApiReport& report) {
  auto row = [](const std::vector<std::string>& cells) {
    std::string out = "|";
    for (const std::string& one : cells) out += " " + one + " |";
    return out + "\n";
  };
  const auto heads = heads_of(report);
  std::string out = row(heads) + "|";
  for (std::size_t i = 0; i < heads.size(); ++i) out += "---|";
  out += '\n';
  for (const Line& line : report.lines) out += row(cells_of(line, report));
  const std::string missing = missing_text(report, "- ");
  return missing.empty() ? out : out + "\nNot offered:\n\n" + missing;
}

std::string api_json(const ApiReport& report) {
  std::string out = "{\n  \"date\": " + quote(report.date) + ",\n  \"processor\": " + quote(report.processor);
  out += format(",\n  \"cores\": %u,\n  \"rounds\": %d,\n  \"driver\": ", report.cores, report.rounds) +
         quote(report.driver) + ",\n  \"columns\": {";
  for (std::size_t i = 0; i < report.columns.size(); ++i)
    out += (i ? ", " : "") + quote(report.columns[i].name) + ": " + quote(report.columns[i].device);
  out += "},\n  \"rows\": [";
  bool first = true;
  for (const Line& line : report.lines) {
    const Comparison one = compare(line, report.columns[0], report.forwarded());
    out += (first ? "\n" : ",\n") + std::string("    {\"key\": ") + quote(line.key) +
           ", \"group\": " + quote(line.group) + ", \"text\": " + quote(line.text) +
           ", \"unit\": " + quote(line.unit) + ", \"target\": " + quote(target_text(line)) +
           ", \"met\": " + quote(word(one.verdict)) + format(", \"ratio\": %.5g", one.ratio) +
           format(", \"ratio_low\": %.5g, \"ratio_high\": %.5g", one.ratio_low, one.ratio_high) +
           ", \"samples\": {";
    for (std::size_t i = 0; i < report.columns.size(); ++i)
      out +=
          (i ? ", " : "") + quote(report.columns[i].name) + ": " + samples_json(report.columns[i], line.key);
    out += "}, \"missing\": " + missing_json(line, report) + "}";
    first = false;
  }
  return out + "\n  ]\n}\n";
}

}  // namespace viaduct::bench
