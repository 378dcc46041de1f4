// The chart of `viaduct-bench api`: horizontal bars on a logarithmic scale, one a row.
#include <algorithm>
#include <cmath>

#include "api/report.hpp"
#include "text.hpp"

namespace viaduct::bench {
namespace {

constexpr double kLeft = 430, kPlot = 520, kRight = 110;  // pixels: the names, the bars, the figures
constexpr double kLine = 20, kTop = 84, kBottom = 48;
constexpr double kLow = 0.01, kHigh = 100;  // what the scale reaches from and to

double place(double cost) {
  const double share = std::log(std::clamp(cost, kLow, kHigh) / kLow) / std::log(kHigh / kLow);
  return kLeft + share * kPlot;
}

std::string escape(const std::string& text) {
  std::string out;
  for (char c : text) out += c == '<' ? "&lt;" : c == '>' ? "&gt;" : c == '&' ? "&amp;" : std::string(1, c);
  return out;
}

const char* color(Verdict verdict) {
  return verdict == Verdict::kMet ? "#2e7d4f" : verdict == Verdict::kMissed ? "#c0392b" : "#4a6fa5";
}

std::string text(double x, double y, const char* anchor, const std::string& words) {
  return format("<text x='%.0f' y='%.0f' text-anchor='%s'>", x, y, anchor) + escape(words) + "</text>\n";
}

std::string bar(double y, double height, double cost, const char* fill) {
  const double one = place(1), end = place(cost);
  return format("<rect x='%.1f' y='%.1f' width='%.1f' height='%.1f' fill='%s'/>\n", std::min(one, end), y,
                std::max(1.0, std::abs(end - one)), height, fill);
}

// How many times the native time the row takes; of rates the inverse.
double cost(const Line& line, double ratio) { return is_rate(line) ? 1 / ratio : ratio; }

// Where the target lies on the scale; 0 if it cannot be said as a ratio.
double target_cost(const Line& line, const Comparison& one) {
  using enum Target::Kind;
  switch (line.target.kind) {
    case kNone:
      break;
    case kAtLeast:
      return one.native > 0 ? one.native / line.target.value : 0;
    case kAtMost:
      return one.native > 0 ? line.target.value / one.native : 0;
    case kRatioAtMost:
      return line.target.value;
    case kRatioAtLeast:
      return 1 / line.target.value;
    case kNativePlus:
      return one.native > 0 ? (one.native + line.target.value) / one.native : 0;
  }
  return 0;
}

}  // namespace

std::string api_chart(const ApiReport& report) {
  std::string body;
  double y = kTop;
  std::string section;
  for (const Line& line : report.lines) {
    const Comparison one = compare(line, report.columns[0], report.forwarded());
    if (one.ratio <= 0) continue;
    // A continued row's name begins with three dots: the chart needs no more than that, it is next to the
    // other.
    body += text(kLeft - 8, y + 14, "end", line.text);
    body += bar(y + 4, 12, cost(line, one.ratio), color(one.verdict));
    double lane = y + 16;
    for (std::size_t i = 2; i < report.columns.size(); ++i, lane += 4) {
      const Comparison peer = compare(line, report.columns[0], report.columns[i]);
      if (peer.ratio > 0) body += bar(lane, 3, cost(line, peer.ratio), "#b0a080");
    }
    if (const double target = target_cost(line, one); target > 0)
      body += format("<line x1='%.1f' x2='%.1f' y1='%.0f' y2='%.0f' stroke='#222' stroke-width='2'/>\n",
                     place(target), place(target), y + 2, y + 18);
    body += text(kLeft + kPlot + 8, y + 14, "start", format(one.ratio < 0.1 ? "%.2g" : "%.2f", one.ratio));
    y = std::max(y + kLine, lane + 2);
  }
  std::string grid;
  for (double tick : {0.01, 0.1, 1.0, 10.0, 100.0}) {
    grid += format("<line x1='%.1f' x2='%.1f' y1='%.0f' y2='%.0f' stroke='%s'/>\n", place(tick), place(tick),
                   kTop - 8, y, tick == 1.0 ? "#222" : "#ddd");
    grid += text(place(tick), y + 18, "middle", format("%g", tick));
  }
  const double width = kLeft + kPlot + kRight, height = y + kBottom;
  std::string head = format(
      "<svg xmlns='http://www.w3.org/2000/svg' width='%.0f' height='%.0f' viewBox='0 0 %.0f %.0f' "
      "font-family='sans-serif' font-size='13'>\n<rect width='100%%' height='100%%' fill='#fff'/>\n",
      width, height, width, height);
  head += "<g font-size='18' font-weight='bold'>" +
          text(16, 30, "start", "Time through Viaduct beside native (1): left is faster") + "</g>\n";
  std::string what =
      report.columns[0].device + ", " + std::to_string(report.cores) + " cores, " + report.date;
  if (report.columns.size() > 2) what += "; thin bars: ";
  for (std::size_t i = 2; i < report.columns.size(); ++i)
    what += (i > 2 ? ", " : "") + report.columns[i].name;
  head += text(16, 52, "start", what);
  head += text(
      16, 70, "start",
      "green: target (tick) met, red: missed, blue: no target; the number is the ratio of the row's figures");
  return head + grid + body + "</svg>\n";
}

}  // namespace viaduct::bench
