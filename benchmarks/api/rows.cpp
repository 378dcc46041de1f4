#include "api/rows.hpp"

#include <cstdio>

namespace viaduct::bench {
namespace {

using enum Target::Kind;

constexpr Row kRows[] = {
    {"record_ns", "record", "record a command (bind, push constants, draw)", "ns", {kRatioAtMost, 0.25}},
    {"mix_record_ns", "record", "… a mix of 20 kinds", "ns", {kNone, 0}},
    {"whole_ns", "record", "reset + record + submit + wait, per command", "ns", {kRatioAtMost, 1.2}},
    {"mix_whole_ns", "record", "… a mix of 20 kinds", "ns", {kNone, 0}},
    {"secondary_ns", "record", "the same, recorded into secondary command buffers", "ns", {kNone, 0}},
    {"threads_1", "threads", "recorded by 1 thread, end to end", "Mcmd/s", {kNone, 0}},
    {"threads_2", "threads", "… by 2 threads", "Mcmd/s", {kNone, 0}},
    {"threads_4", "threads", "… by 4 threads", "Mcmd/s", {kNone, 0}},
    {"threads_8", "threads", "… by 8 threads", "Mcmd/s", {kNone, 0}},
    {"threads_gain", "threads", "… 4 threads' rate beside one's", "times", {kAtLeast, 3}},
    {"loop_record_fps",
     "loops",
     "recording-bound loop: 18,000 commands a frame",
     "fps",
     {kRatioAtLeast, 1.0}},
    {"loop_gpu_fps", "loops", "GPU-bound loop: some 300 visible draws", "fps", {kRatioAtLeast, 0.97}},
    {"submit_p50_us", "wait", "empty submit + fence wait, p50", "us", {kNativePlus, 6}},
    {"submit_p99_us", "wait", "… p99", "us", {kAtMost, 60}},
    {"fence_status_ns", "wait", "status of a signalled fence", "ns", {kNone, 0}},
    {"round_trip_us", "wait", "a query that nobody can cache (round trip), p50", "us", {kAtMost, 2.5}},
    {"format_repeated_us", "wait", "repeated image-format query", "us", {kAtMost, 0.1}},
    {"format_first_us", "wait", "first image-format query of a kind", "us", {kNone, 0}},
    {"buffer_us", "objects", "create buffer + requirements + destroy", "us", {kAtMost, 0.1}},
    {"image_us", "objects", "create image + requirements + destroy", "us", {kNone, 0}},
    {"view_us", "objects", "create and destroy an image view", "us", {kNone, 0}},
    {"set_free_us", "descriptors", "allocate + update + free a descriptor set", "us", {kAtMost, 0.5}},
    {"set_reset_us", "descriptors", "allocate + update, pool reset", "us", {kAtMost, 0.25}},
    {"set_template_us", "descriptors", "update by template, 4 descriptors", "us", {kNone, 0}},
    {"set_push_ns", "descriptors", "record a push of 1 descriptor", "ns", {kNone, 0}},
    {"pipeline_us",
     "pipelines",
     "create and destroy a small graphics pipeline, nobody using it",
     "us",
     {kAtMost, 5}},
    {"pipeline_waited_us", "pipelines", "… its result waited for", "us", {kRatioAtMost, 1.05}},
    {"pipeline_4_us", "pipelines", "… by 4 threads at once, a pipeline", "us", {kNone, 0}},
    {"allocate_4k_us", "memory", "allocate + map + touch + free 4 KiB", "us", {kNone, 0}},
    {"allocate_64k_us", "memory", "… 64 KiB", "us", {kAtMost, 2}},
    {"allocate_1m_us", "memory", "… 1 MiB", "us", {kNone, 0}},
    {"allocate_64m_us", "memory", "… 64 MiB", "us", {kNone, 0}},
    {"upload_gb_s", "transfer", "write 64 MiB through mapped memory", "GB/s", {kRatioAtLeast, 0.98}},
    {"readback_gb_s", "transfer", "read 64 MiB through mapped memory", "GB/s", {kRatioAtLeast, 0.98}},
    {"clear_720p_ms", "transfer", "720p clear + copy to host memory + read", "ms", {kRatioAtMost, 1.1}},
    {"clear_4k_ms", "transfer", "… 4K", "ms", {kNone, 0}},
    {"present_headless_720p_fps", "present", "clear and present 720p, headless surface", "fps", {kNone, 0}},
    {"present_headless_4k_fps", "present", "… 4K", "fps", {kNone, 0}},
    {"present_x11_720p_fps",
     "present",
     "clear and present 720p in an X window",
     "fps",
     {kRatioAtLeast, 0.95}},
    {"present_x11_4k_fps", "present", "… 4K", "fps", {kNone, 0}},
    {"start_cold_ms", "start", "instance + device, the first of a process", "ms", {kNone, 0}},
    {"start_ms", "start", "… the next ones", "ms", {kAtMost, 20}},
    {"idle_cpu_percent", "idle", "idle session: share of one core, both sides", "%", {kAtMost, 1}},
    {"idle_wakeups", "idle", "… wake-ups a second", "1/s", {kAtMost, 0}},
    {"idle_memory_mib", "idle", "… memory, both sides", "MiB", {kNativePlus, 16}},
    {"growth_commands",
     "growth",
     "cost of a command among 2,000,000 beside 20,000",
     "x",
     {kRatioAtMost, 1.2}},
    {"growth_objects",
     "growth",
     "cost of a buffer beside 100,000 live ones and 10",
     "x",
     {kRatioAtMost, 1.2}},
};

constexpr Group kGroups[] = {
    {"start", measure_start},
    {"record", measure_recording},
    {"threads", measure_threads},
    {"loops", measure_loops},
    {"wait", measure_waiting},
    {"objects", measure_objects},
    {"descriptors", measure_descriptors},
    {"pipelines", measure_pipelines},
    {"memory", measure_memory},
    {"transfer", measure_transfers},
    {"present", measure_presenting},
    {"idle", measure_idle},
    {"growth", measure_growth},
};

}  // namespace

std::span<const Row> rows() { return kRows; }
std::span<const Group> groups() { return kGroups; }

void put(const char* key, double value) {
  std::printf("%s %.6g\n", key, value);
  std::fflush(stdout);
}

void skip(const char* key, const char* reason) {
  std::printf("%s - %s\n", key, reason);
  std::fflush(stdout);
}

double percentile(std::vector<double> samples, double fraction) {
  if (samples.empty()) return 0;
  const auto nth =
      samples.begin() + static_cast<std::ptrdiff_t>(fraction * static_cast<double>(samples.size() - 1));
  std::nth_element(samples.begin(), nth, samples.end());
  return *nth;
}

}  // namespace viaduct::bench
