// Rows `start`, `loops` and `wait`: what an application waits for.
#include <stdexcept>
#include <vector>

#include "api/rows.hpp"
#include "fps/renderer.hpp"
#include "vulkan/gpu.hpp"

namespace viaduct::bench {
namespace {

// Frames per second: the median of several stretches, each long enough for dozens of frames.
double loop_rate(Scene scene) {
  constexpr int kStretches = 3;
  constexpr double kStretch = 7e8;  // ns
  RendererOptions options;
  options.scene = scene;
  Renderer renderer(options);
  uint64_t frame = 0;
  while (frame < 12) renderer.render(frame++);
  std::vector<double> rates;
  for (int i = 0; i < kStretches; ++i) {
    const uint64_t first = frame;
    const auto start = Clock::now();
    while (nanoseconds_since(start) < kStretch) renderer.render(frame++);
    rates.push_back(static_cast<double>(frame - first) / nanoseconds_since(start) * 1e9);
  }
  return percentile(rates, 0.5);
}

void measure_submits(Gpu& gpu) {
  constexpr int kWarm = 200, kSamples = 4000;
  std::vector<double> samples;
  for (int i = 0; i < kWarm + kSamples; ++i) {
    const auto start = Clock::now();
    gpu.submit_and_wait(VK_NULL_HANDLE);
    if (i >= kWarm) samples.push_back(nanoseconds_since(start) / 1000);
  }
  put("submit_p50_us", percentile(samples, 0.5));
  put("submit_p99_us", percentile(samples, 0.99));
  auto info = info_of<VkFenceCreateInfo>(VK_STRUCTURE_TYPE_FENCE_CREATE_INFO);
  VkFence fence;
  VIADUCT_BENCH_VK(vkCreateFence(gpu.device, &info, nullptr, &fence));
  VIADUCT_BENCH_VK(vkQueueSubmit(gpu.queue, 0, nullptr, fence));
  VIADUCT_BENCH_VK(vkWaitForFences(gpu.device, 1, &fence, VK_TRUE, UINT64_MAX));
  put("fence_status_ns", median_of(20, 5000, [&] { VIADUCT_BENCH_VK(vkGetFenceStatus(gpu.device, fence)); }));
  vkDestroyFence(gpu.device, fence, nullptr);
}

void measure_queries(Gpu& gpu) {
  auto info = info_of<VkEventCreateInfo>(VK_STRUCTURE_TYPE_EVENT_CREATE_INFO);
  VkEvent event;
  VIADUCT_BENCH_VK(vkCreateEvent(gpu.device, &info, nullptr, &event));
  std::vector<double> samples;
  for (int i = 0; i < 4000; ++i) {
    const auto start = Clock::now();
    vkGetEventStatus(gpu.device, event);
    samples.push_back(nanoseconds_since(start) / 1000);
  }
  put("round_trip_us", percentile(samples, 0.5));
  vkDestroyEvent(gpu.device, event, nullptr);
  VkImageFormatProperties properties;
  auto ask = [&](VkFormat format, VkImageUsageFlags usage) {
    vkGetPhysicalDeviceImageFormatProperties(gpu.physical, format, VK_IMAGE_TYPE_2D, VK_IMAGE_TILING_OPTIMAL,
                                             usage, 0, &properties);
  };
  samples.clear();
  for (uint32_t format = VK_FORMAT_R8_UNORM; format < VK_FORMAT_R8_UNORM + 60; ++format) {
    const auto start = Clock::now();
    ask(static_cast<VkFormat>(format), VK_IMAGE_USAGE_STORAGE_BIT | VK_IMAGE_USAGE_TRANSFER_SRC_BIT);
    samples.push_back(nanoseconds_since(start) / 1000);
  }
  put("format_first_us", percentile(samples, 0.5));
  put("format_repeated_us",
      median_of(20, 2000, [&] { ask(VK_FORMAT_R8G8B8A8_UNORM, VK_IMAGE_USAGE_SAMPLED_BIT); }) / 1000);
}

}  // namespace

void measure_start() {
  const auto start = Clock::now();
  { Gpu gpu; }
  put("start_cold_ms", nanoseconds_since(start) / 1e6);
  put("start_ms", median_of(7, 1, [] { Gpu gpu; }) / 1e6);
}

void measure_loops() {
  put("loop_record_fps", loop_rate(Scene::kRecord));
  put("loop_gpu_fps", loop_rate(Scene::kCubes));
}

void measure_waiting() {
  Gpu gpu;
  measure_submits(gpu);
  measure_queries(gpu);
}

}  // namespace viaduct::bench
