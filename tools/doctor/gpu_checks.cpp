#include "tools/doctor/gpu_checks.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <sstream>

#include "base/clock.hpp"
#include "base/unique_fd.hpp"
#include "tools/doctor/driver_checks.hpp"
#include "tools/doctor/gpu.hpp"
#include "tools/doctor/picture.hpp"

namespace viaduct::tools {
namespace {

// Standard error while this lives: what the loader and the driver say in it.
class Overheard {
 public:
  Overheard() : file_(::memfd_create("viaduct-doctor", MFD_CLOEXEC)), before_(::dup(2)) {
    if (file_ && before_) ::dup2(file_.get(), 2);
  }
  Overheard(const Overheard&) = delete;
  Overheard& operator=(const Overheard&) = delete;
  ~Overheard() {
    if (before_) ::dup2(before_.get(), 2);
  }
  [[nodiscard]] std::string text() const {
    std::string out;
    std::array<char, 4096> buffer{};
    while (true) {
      const ssize_t got = ::pread(file_.get(), buffer.data(), buffer.size(), static_cast<off_t>(out.size()));
      if (got <= 0) return out;
      out.append(buffer.data(), static_cast<std::size_t>(got));
    }
  }

 private:
  UniqueFd file_;
  UniqueFd before_;
};

std::string hex(std::uint32_t value) {
  std::array<char, 16> text{};
  std::snprintf(text.data(), text.size(), "%08x", value);
  return text.data();
}

std::string spell_ms(double ms) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), ms < 10 ? "%.3f ms" : "%.1f ms", ms);
  return text.data();
}

std::string version_text(std::uint32_t version) {
  return std::to_string(VK_API_VERSION_MAJOR(version)) + "." + std::to_string(VK_API_VERSION_MINOR(version)) +
         "." + std::to_string(VK_API_VERSION_PATCH(version));
}

std::string join(const std::vector<std::string>& names) {
  std::string out;
  for (const std::string& name : names) out += (out.empty() ? "" : ", ") + name;
  return out;
}

Finding no_device(const std::string& what, const std::vector<std::string>& names, const std::string& log) {
  const std::string words = said_of(log, "session: ");
  std::string text = what;
  if (!names.empty()) text += "; it shows " + join(names);
  if (!words.empty()) text += "; the driver says: " + words;
  return {"picture", State::wrong, text,
          words.empty() ? "VK_LOADER_DEBUG=error,warn,driver vulkaninfo --summary    # what the loader does"
                        : "on the host: viaductctl doctor; journalctl -u viaductd -n 20"};
}

Finding judge_picture(Gpu& gpu) {
  const std::vector<std::byte> seen = gpu.render_picture();
  const std::vector<std::byte> wanted = expected_picture();
  const std::string sum = hex(crc32(seen));
  if (seen == wanted)
    return {"picture", State::ok, "CRC-32 " + sum + ", as it must be, by " + gpu.name(), {}};
  std::size_t first = 0;
  while (seen[first] == wanted[first]) ++first;
  return {"picture", State::wrong,
          "CRC-32 " + sum + " and not " + hex(crc32(wanted)) + ": pixel (" +
              std::to_string(first / 4 % kPictureSide) + ", " + std::to_string(first / 4 / kPictureSide) +
              ") is the first that differs, by " + gpu.name(),
          "on the host: viaductd --validate, and another driver (--driver), tell whose fault it is"};
}

// Asks for a session in the device's memory and nothing else, which the host refuses with its reason.
std::string why_no_memory(VulkanApi& vulkan, const std::string& url, const Overheard& overheard) {
  ::setenv("VIADUCT_URL", url.c_str(), 1);
  std::vector<std::string> names;
  try {
    const Gpu gpu(vulkan, names);
    return "the next session had its memory";
  } catch (const GpuError&) {
    return said_of(overheard.text(), "session: ");
  }
}

Finding judge_region(const std::string& region) {
  if (!region.empty()) return {"transport", State::ok, region, {}};
  return {"transport", State::warning, "the driver does not say; is it of this version?", kReinstall};
}

void check_device(Gpu& gpu, const Overheard& overheard, const SessionChecks& checks) {
  checks.add(judge_picture(gpu));
  const Gpu::Speed speed = gpu.measure();
  const std::string log = overheard.text();
  checks.add(judge_region(said_of(log, "region: ")));
  checks.add({"round trip",
              State::ok,
              spell_ms(speed.round_trip_ms) + " for a submission and its fence, the median",
              {}});
  checks.add({"bandwidth",
              State::ok,
              spell_rate(speed.upload) + " to the GPU and " + spell_rate(speed.download) +
                  " back, through mapped memory (" + std::to_string(speed.bytes >> 20) +
                  " MiB of random bytes, the better of two)",
              {}});
  const std::string shared = said_of(log, "mapped memory: ");
  if (shared.empty())
    checks.add(
        {"mapped memory", State::warning, "the driver does not say; is it of this version?", kReinstall});
  else
    checks.add({"mapped memory", State::ok, shared, {}});
}

}  // namespace

Finding compare_versions(const std::string& driver_info, const std::string& own) {
  const std::string prefix = "Viaduct ";
  std::string host = driver_info.starts_with(prefix) ? driver_info.substr(prefix.size()) : "";
  host = host.substr(0, host.find(' '));
  if (host == own) return {"version", State::ok, own + ", as the host's", {}};
  return {"version", State::warning,
          "this package is " + own + " and the host's is " + (host.empty() ? "unknown" : host) +
              "; what only one of them knows is not offered",
          "install the viaduct-guest that was made with the host's viaduct-host"};
}

std::string said_of(const std::string& log, const std::string& words) {
  std::istringstream lines(log);
  std::string found;
  for (std::string line; std::getline(lines, line);) {
    if (const std::size_t at = line.find(words); at != std::string::npos)
      found = line.substr(at + words.size());
  }
  return found;
}

std::string spell_rate(double bytes_per_second) {
  std::array<char, 32> text{};
  if (bytes_per_second >= 1e9)
    std::snprintf(text.data(), text.size(), "%.2f GB/s", bytes_per_second / 1e9);
  else
    std::snprintf(text.data(), text.size(), "%.1f MB/s", bytes_per_second / 1e6);
  return text.data();
}

void check_session(const SessionChecks& checks) {
  VulkanApi vulkan;
  std::string why;
  if (!vulkan.open(why)) {
    checks.add({"Vulkan loader", State::wrong, why, "apt install libvulkan1"});
    return;
  }
  checks.add({"Vulkan loader", State::ok, vulkan.path + ", Vulkan " + version_text(vulkan.version), {}});
  const Overheard overheard;
  std::vector<std::string> names;
  std::optional<Gpu> gpu;
  try {
    gpu.emplace(vulkan, names);
  } catch (const GpuError& error) {
    checks.add(no_device(error.what(), names, overheard.text()));
    return;
  }
  checks.add(compare_versions(gpu->driver_info(), VIADUCT_VERSION));
  try {
    check_device(*gpu, overheard, checks);
  } catch (const GpuError& error) {
    const std::string words = said_of(overheard.text(), "session: ");
    checks.add({"picture", State::wrong,
                std::string(error.what()) + (words.empty() ? "" : "; the driver says: " + words),
                "on the host: journalctl -u viaductd -n 20    # why the session ended"});
    return;
  }
  const bool stream_only = said_of(overheard.text(), "region: ").starts_with("stream only");
  if (!stream_only || checks.memory_url.empty()) return;
  gpu.reset();
  checks.add({"shared memory", State::warning,
              "this machine's memory device could not be had: " +
                  why_no_memory(vulkan, checks.memory_url, overheard),
              "on the host: viaductctl doctor; journalctl -u viaductd -n 20"});
}

}  // namespace viaduct::tools
