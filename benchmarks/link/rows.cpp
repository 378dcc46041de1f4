#include "link/link.hpp"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iterator>
#include <random>
#include <span>
#include <stdexcept>
#include <vector>

#include "base/clock.hpp"
#include "vulkan/gpu.hpp"

namespace viaduct::bench {

namespace {

constexpr VkDeviceSize kTransfer = VkDeviceSize{8} << 20;
constexpr VkDeviceSize kFrame = VkDeviceSize{1280} * 720 * 4;
enum class Content { random, code };
constexpr std::uint64_t kMostNs = 1'000'000'000;  // a row's measuring, about

void print(const char* name, double value) { std::printf("%s %.3f\n", name, value); }

struct Times {
  std::vector<double> us;
  double at(double part) {
    std::sort(us.begin(), us.end());
    return us[static_cast<std::size_t>(part * static_cast<double>(us.size() - 1))];
  }
};

template <class Step>
Times time_each(std::size_t most, const Step& step) {
  step();
  Times times;
  const std::uint64_t begin = now_ns();
  while (times.us.size() < most && (times.us.size() < 3 || now_ns() - begin < kMostNs)) {
    const std::uint64_t start = now_ns();
    step();
    times.us.push_back(static_cast<double>(now_ns() - start) / 1000);
  }
  return times;
}

class Rows {
 public:
  void run() {
    calls();
    pipelined();
    uploads("upload", Content::random);
    uploads("upload_code", Content::code);
    downloads("download", Content::random, kTransfer, kTransfer);
    downloads("download_code", Content::code, kTransfer, kTransfer);
    downloads("frame_all", Content::random, kFrame, kFrame);
    downloads("frame_tenth", Content::random, kFrame, kFrame / 10);
  }

 private:
  void calls() {
    auto info = info_of<VkEventCreateInfo>(VK_STRUCTURE_TYPE_EVENT_CREATE_INFO);
    VkEvent event = VK_NULL_HANDLE;
    VIADUCT_BENCH_VK(vkCreateEvent(gpu_.device, &info, nullptr, &event));
    Times call = time_each(2000, [&] { (void)vkGetEventStatus(gpu_.device, event); });
    print("call_p50_us", call.at(0.5));
    print("call_p99_us", call.at(0.99));
    Times wait = time_each(2000, [&] {
      gpu_.begin();
      VIADUCT_BENCH_VK(vkEndCommandBuffer(gpu_.commands));
      gpu_.submit_and_wait(gpu_.commands);
    });
    print("submit_wait_p50_us", wait.at(0.5));
    vkDestroyEvent(gpu_.device, event, nullptr);
  }

  // Frames of 200 commands, three in flight.
  void pipelined() {
    constexpr std::size_t kInFlight = 3;
    const auto target = gpu_.buffer(65536, VK_BUFFER_USAGE_TRANSFER_DST_BIT, 0);
    VkFence fences[kInFlight];
    VkCommandBuffer commands[kInFlight];
    auto fence_info = info_of<VkFenceCreateInfo>(VK_STRUCTURE_TYPE_FENCE_CREATE_INFO);
    fence_info.flags = VK_FENCE_CREATE_SIGNALED_BIT;
    for (std::size_t i = 0; i < kInFlight; ++i) {
      VIADUCT_BENCH_VK(vkCreateFence(gpu_.device, &fence_info, nullptr, &fences[i]));
      commands[i] = gpu_.command_buffer(gpu_.command_pool(), VK_COMMAND_BUFFER_LEVEL_PRIMARY);
    }
    std::size_t frames = 0;
    const std::uint64_t begin = now_ns();
    for (; now_ns() - begin < kMostNs; ++frames) {
      const std::size_t i = frames % kInFlight;
      VIADUCT_BENCH_VK(vkWaitForFences(gpu_.device, 1, &fences[i], VK_TRUE, UINT64_MAX));
      VIADUCT_BENCH_VK(vkResetFences(gpu_.device, 1, &fences[i]));
      auto info = info_of<VkCommandBufferBeginInfo>(VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO);
      VIADUCT_BENCH_VK(vkBeginCommandBuffer(commands[i], &info));
      for (uint32_t at = 0; at < 200; ++at) vkCmdFillBuffer(commands[i], target.handle, at * 64, 64, at);
      VIADUCT_BENCH_VK(vkEndCommandBuffer(commands[i]));
      auto submit = info_of<VkSubmitInfo>(VK_STRUCTURE_TYPE_SUBMIT_INFO);
      submit.commandBufferCount = 1;
      submit.pCommandBuffers = &commands[i];
      VIADUCT_BENCH_VK(vkQueueSubmit(gpu_.queue, 1, &submit, fences[i]));
    }
    VIADUCT_BENCH_VK(vkDeviceWaitIdle(gpu_.device));
    print("frames_per_s", static_cast<double>(frames) / (static_cast<double>(now_ns() - begin) / 1e9));
    for (const VkFence fence : fences) vkDestroyFence(gpu_.device, fence, nullptr);
  }

  Gpu::Buffer mapped(VkDeviceSize size) {
    constexpr VkBufferUsageFlags kBoth = VK_BUFFER_USAGE_TRANSFER_SRC_BIT | VK_BUFFER_USAGE_TRANSFER_DST_BIT;
    return gpu_.buffer(size, kBoth,
                       VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT);
  }
  // Random bytes, which do not shrink; or this program's, of which LZ4 leaves about half, and the next time
  // their complement from another place, so that hardly a byte stays what it was.
  void fill(Content content, std::byte* at, VkDeviceSize size) {
    if (content == Content::code) {
      const auto flip = static_cast<std::byte>(fills_ % 2 == 0 ? 0 : 0xff);
      const std::size_t from = fills_++ * 4099;
      for (VkDeviceSize i = 0; i < size; ++i) at[i] = flip ^ code_[(from + i) % code_.size()];
      return;
    }
    for (VkDeviceSize i = 0; i < size; i += 8) {
      const std::uint64_t value = random_();
      std::memcpy(at + i, &value, 8);
    }
  }
  void copy(VkBuffer from, VkBuffer to, VkDeviceSize size) {
    gpu_.begin();
    const VkBufferCopy whole{0, 0, size};
    vkCmdCopyBuffer(gpu_.commands, from, to, 1, &whole);
    VIADUCT_BENCH_VK(vkEndCommandBuffer(gpu_.commands));
    gpu_.submit_and_wait(gpu_.commands);
  }

  // Bytes that are written to mapped memory and copied on the device.
  void uploads(const char* name, Content content) {
    const auto source = mapped(kTransfer);
    const auto sink = gpu_.buffer(kTransfer, VK_BUFFER_USAGE_TRANSFER_DST_BIT, 0);
    Times times;
    for (std::uint64_t begin = now_ns(); times.us.size() < 3 || now_ns() - begin < kMostNs;) {
      fill(content, source.memory.mapped, kTransfer);
      const std::uint64_t start = now_ns();
      copy(source.handle, sink.handle, kTransfer);
      times.us.push_back(static_cast<double>(now_ns() - start) / 1000);
    }
    print_rate(name, kTransfer, times.at(0.5));
  }

  // The device changes `changed` of `size` bytes of mapped memory, in one piece, each time.
  void downloads(const char* name, Content content, VkDeviceSize size, VkDeviceSize changed) {
    const auto sink = mapped(size);
    VkBuffer sources[2];
    for (VkBuffer& source : sources) {
      const auto made =
          gpu_.buffer(changed, VK_BUFFER_USAGE_TRANSFER_SRC_BIT | VK_BUFFER_USAGE_TRANSFER_DST_BIT, 0);
      const auto staging = mapped(changed);
      fill(content, staging.memory.mapped, changed);
      copy(staging.handle, made.handle, changed);
      // Not again: what lies unchanged there costs a comparison.
      source = made.handle;
    }
    std::size_t turn = 0;
    Times times = time_each(200, [&] { copy(sources[turn++ % 2], sink.handle, changed); });
    char line[64];
    std::snprintf(line, sizeof(line), "%s_ms", name);
    print(line, times.at(0.5) / 1000);
    print_rate(name, changed, times.at(0.5));
  }
  static void print_rate(const char* name, VkDeviceSize bytes, double us) {
    char line[64];
    std::snprintf(line, sizeof(line), "%s_MBps", name);
    print(line, static_cast<double>(bytes) / us);
  }
  static std::vector<std::byte> own_code() {
    std::ifstream file("/proc/self/exe", std::ios::binary);
    const std::vector<char> chars((std::istreambuf_iterator<char>(file)), {});
    if (chars.empty()) throw std::runtime_error("/proc/self/exe cannot be read");
    const auto bytes = std::as_bytes(std::span(chars));
    return {bytes.begin(), bytes.end()};
  }

  Gpu gpu_;
  std::mt19937_64 random_{1};
  const std::vector<std::byte> code_ = own_code();
  std::size_t fills_ = 0;
};

}  // namespace

int link_rows_main(int, char**) {
  try {
    Rows().run();
    return 0;
  } catch (const std::runtime_error& error) {
    std::fprintf(stderr, "viaduct-bench: %s\n", error.what());
    return 1;
  }
}

}  // namespace viaduct::bench
