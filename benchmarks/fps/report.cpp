#include "fps/report.hpp"

#include <algorithm>
#include <cmath>

#include "text.hpp"

namespace viaduct::bench {
namespace {

double ratio(const TenantResult& tenant) {
  double native = tenant.native.fps();
  return native > 0 ? tenant.forwarded.fps() / native : 0;
}

std::string sample_json(const Sample& sample) {
  return format("{\"fps\": %.2f, \"frames\": %zu, \"p50_ms\": %.4f, \"p99_ms\": %.4f}", sample.fps(),
                sample.times_ns.size(), sample.percentile_ms(0.50), sample.percentile_ms(0.99));
}

}  // namespace

double Sample::fps() const {
  return elapsed_ns ? static_cast<double>(times_ns.size()) * 1e9 / static_cast<double>(elapsed_ns) : 0;
}

double Sample::percentile_ms(double fraction) const {
  if (times_ns.empty()) return 0;
  auto sorted = times_ns;
  auto rank = static_cast<std::size_t>(std::ceil(fraction * static_cast<double>(sorted.size())));
  auto nth = sorted.begin() + static_cast<std::ptrdiff_t>(rank > 0 ? rank - 1 : 0);
  std::nth_element(sorted.begin(), nth, sorted.end());
  return static_cast<double>(*nth) / 1e6;
}

double jain_index(const std::vector<double>& values) {
  double sum = 0, squares = 0;
  for (double value : values) {
    sum += value;
    squares += value * value;
  }
  return squares > 0 ? sum * sum / (static_cast<double>(values.size()) * squares) : 0;
}

std::string table(const Report& report) {
  std::string out = format("scene %s, %ux%u, %.3g s a tenant; through Viaduct: %s", report.scene.c_str(),
                           report.width, report.height, report.seconds, report.forwarded_device.c_str());
  if (report.with_native) out += format("; native: %s", report.native_device.c_str());
  out += "\n\n             fps    p50 ms    p99 ms";
  if (report.with_native) out += "  native fps    p50 ms    p99 ms   ratio";
  out += '\n';
  std::vector<double> rates;
  double sum = 0, native_sum = 0;
  for (const auto& tenant : report.tenants) {
    const Sample &f = tenant.forwarded, &n = tenant.native;
    out += format("tenant %-3u %7.1f %9.3f %9.3f", tenant.number, f.fps(), f.percentile_ms(0.5),
                  f.percentile_ms(0.99));
    if (report.with_native)
      out += format("  %10.1f %9.3f %9.3f   %5.2f", n.fps(), n.percentile_ms(0.5), n.percentile_ms(0.99),
                    ratio(tenant));
    out += '\n';
    rates.push_back(f.fps());
    sum += f.fps();
    native_sum += n.fps();
  }
  out += format("sum        %7.1f", sum);
  if (report.with_native)
    out += format("                       %10.1f                       %5.2f", native_sum,
                  native_sum > 0 ? sum / native_sum : 0);
  return out + format("\nJain's fairness index %.4f\n", jain_index(rates));
}

std::string json(const Report& report) {
  std::vector<double> rates;
  double sum = 0;
  std::string rows;
  for (const auto& tenant : report.tenants) {
    rates.push_back(tenant.forwarded.fps());
    sum += rates.back();
    if (!rows.empty()) rows += ",\n";
    rows += format("    {\"tenant\": %u, \"forwarded\": ", tenant.number) + sample_json(tenant.forwarded);
    if (report.with_native)
      rows += ", \"native\": " + sample_json(tenant.native) + format(", \"ratio\": %.4f", ratio(tenant));
    rows += "}";
  }
  std::string out = "{\n  \"scene\": " + quote(report.scene);
  out += format(",\n  \"width\": %u,\n  \"height\": %u,\n  \"seconds\": %g", report.width, report.height,
                report.seconds);
  out += ",\n  \"forwarded_device\": " + quote(report.forwarded_device);
  if (report.with_native)
    out += ",\n  \"native_device\": " + quote(report.native_device) +
           ",\n  \"native_driver\": " + quote(report.native_driver);
  out += ",\n  \"tenants\": [\n" + rows + "\n  ]";
  return out + format(",\n  \"sum_fps\": %.2f,\n  \"jain\": %.6f\n}\n", sum, jain_index(rates));
}

}  // namespace viaduct::bench
