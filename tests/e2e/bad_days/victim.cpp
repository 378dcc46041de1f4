// A program to which bad things happen: `victim MODE`. Each mode does one thing, says on stdout when it is
// where the test wants it ("blocked", "frame N"), and ends with one line that tells what it saw. The tests in
// test_bad_days.py read these lines; the exit status is 0 if the program behaved, whatever the driver did to
// it.
#include <unistd.h>
#include <vulkan/vulkan.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "tests/e2e/bad_days/gpu.hpp"

namespace viaduct::bad_days {
namespace {

constexpr uint64_t kForever = UINT64_MAX;

void say(const char* what, long value) {
  std::printf("%s %ld\n", what, value);
  std::fflush(stdout);
}

// Creates an instance and says what the loader found: for hosts that are not there.
int enumerate() {
  VkApplicationInfo application{VK_STRUCTURE_TYPE_APPLICATION_INFO};
  application.apiVersion = VK_API_VERSION_1_2;
  VkInstanceCreateInfo info{VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO};
  info.pApplicationInfo = &application;
  VkInstance instance = VK_NULL_HANDLE;
  const VkResult created = vkCreateInstance(&info, nullptr, &instance);
  say("instance", created);
  if (created != VK_SUCCESS) return 0;
  uint32_t count = 0;
  say("enumerate", vkEnumeratePhysicalDevices(instance, &count, nullptr));
  say("devices", count);
  vkDestroyInstance(instance, nullptr);
  return 0;
}

// Renders small frames and looks at each; ends after `limit` of them or with the device. `stays`: keeps what
// it has after them and does nothing more.
int frames(long limit, bool stays) {
  const Gpu gpu;
  const MappedBuffer target(gpu, 4096);
  const VkFence fence = make_fence(gpu);
  const VkCommandBuffer commands = allocate_commands(gpu, gpu.pool);
  auto last = std::chrono::steady_clock::now();
  double worst_ms = 0;
  for (long frame = 1; frame <= limit; ++frame) {
    begin(commands);
    record_fill(commands, target, static_cast<uint32_t>(frame));
    end(commands);
    VkResult result = submit(gpu, commands, fence);
    if (result == VK_SUCCESS) result = vkWaitForFences(gpu.device, 1, &fence, VK_TRUE, kForever);
    if (result != VK_SUCCESS) {
      say("result", result);
      return 0;
    }
    for (uint32_t i = 0; i < 1024; ++i) {
      if (target.words[i] == static_cast<uint32_t>(frame)) continue;
      std::printf("wrong word %u in frame %ld: %u\n", i, frame, target.words[i]);
      return 4;
    }
    require(vkResetFences(gpu.device, 1, &fence), "vkResetFences");
    const auto now = std::chrono::steady_clock::now();
    if (frame > 1)
      worst_ms = std::max(worst_ms, std::chrono::duration<double, std::milli>(now - last).count());
    last = now;
    if (frame == 1 || frame % 64 == 0) say("frame", frame);
  }
  std::printf("worst_ms %.1f\n", worst_ms);
  say("finished", limit);
  while (stays) ::pause();
  return 0;
}

// Something that will never be signalled, and a queue that waits for it.
struct Stuck {
  explicit Stuck(const Gpu& gpu) : timeline(make_timeline(gpu, 0)), fence(make_fence(gpu)) {
    const VkCommandBuffer commands = allocate_commands(gpu, gpu.pool);
    begin(commands);
    end(commands);
    require(submit_after(gpu, commands, fence, timeline, 1), "vkQueueSubmit");
  }
  VkSemaphore timeline;
  VkFence fence;
};

int blocked_fence() {
  const Gpu gpu;
  const Stuck stuck(gpu);
  say("blocked", 0);
  say("result", vkWaitForFences(gpu.device, 1, &stuck.fence, VK_TRUE, kForever));
  return 0;
}

int blocked_semaphore() {
  const Gpu gpu;
  const VkSemaphore timeline = make_timeline(gpu, 0);
  const uint64_t value = 1;
  VkSemaphoreWaitInfo info{VK_STRUCTURE_TYPE_SEMAPHORE_WAIT_INFO};
  info.semaphoreCount = 1;
  info.pSemaphores = &timeline;
  info.pValues = &value;
  say("blocked", 0);
  say("result", vkWaitSemaphores(gpu.device, &info, kForever));
  return 0;
}

int blocked_idle(bool queue_only) {
  const Gpu gpu;
  const Stuck stuck(gpu);
  say("blocked", 0);
  say("result", queue_only ? vkQueueWaitIdle(gpu.queue) : vkDeviceWaitIdle(gpu.device));
  return 0;
}

int blocked_query() {
  const Gpu gpu;
  VkQueryPoolCreateInfo info{VK_STRUCTURE_TYPE_QUERY_POOL_CREATE_INFO};
  info.queryType = VK_QUERY_TYPE_OCCLUSION;
  info.queryCount = 1;
  VkQueryPool pool = VK_NULL_HANDLE;
  require(vkCreateQueryPool(gpu.device, &info, nullptr, &pool), "vkCreateQueryPool");
  const VkSemaphore timeline = make_timeline(gpu, 0);
  const VkCommandBuffer commands = allocate_commands(gpu, gpu.pool);
  begin(commands);
  vkCmdResetQueryPool(commands, pool, 0, 1);
  end(commands);
  require(submit_after(gpu, commands, VK_NULL_HANDLE, timeline, 1), "vkQueueSubmit");
  say("blocked", 0);
  uint64_t out = 0;
  say("result", vkGetQueryPoolResults(gpu.device, pool, 0, 1, sizeof(out), &out, sizeof(out),
                                      VK_QUERY_RESULT_64_BIT | VK_QUERY_RESULT_WAIT_BIT));
  return 0;
}

template <class T>
T dirty(VkStructureType type, void* next = nullptr) {
  T out;
  std::memset(static_cast<void*>(&out), 0x5a, sizeof(out));
  out.sType = type;
  out.pNext = static_cast<decltype(out.pNext)>(next);
  return out;
}

// Whether queries that this program has not made before have answers: those of enumeration, or zeros.
bool queries_are_answered(VkPhysicalDevice physical) {
  auto vulkan12 =
      dirty<VkPhysicalDeviceVulkan12Properties>(VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_PROPERTIES);
  auto properties =
      dirty<VkPhysicalDeviceProperties2>(VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2, &vulkan12);
  vkGetPhysicalDeviceProperties2(physical, &properties);
  auto memory =
      dirty<VkPhysicalDeviceMemoryProperties2>(VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MEMORY_PROPERTIES_2);
  vkGetPhysicalDeviceMemoryProperties2(physical, &memory);
  VkFormatProperties format{};
  vkGetPhysicalDeviceFormatProperties(physical, VK_FORMAT_R8G8B8A8_UNORM, &format);
  uint32_t families = 0;
  vkGetPhysicalDeviceQueueFamilyProperties(physical, &families, nullptr);
  const VkPhysicalDeviceExternalBufferInfo info{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_EXTERNAL_BUFFER_INFO};
  auto external = dirty<VkExternalBufferProperties>(VK_STRUCTURE_TYPE_EXTERNAL_BUFFER_PROPERTIES);
  vkGetPhysicalDeviceExternalBufferProperties(physical, &info, &external);
  return properties.properties.apiVersion >= VK_API_VERSION_1_0 &&
         properties.properties.limits.maxImageDimension2D >= 4096 &&
         vulkan12.maxPerStageDescriptorUpdateAfterBindSamplers != 0x5a5a5a5a &&
         std::memchr(vulkan12.driverName, 0, sizeof(vulkan12.driverName)) != nullptr &&
         memory.memoryProperties.memoryTypeCount > 0 &&
         memory.memoryProperties.memoryTypeCount <= VK_MAX_MEMORY_TYPES && families > 0 &&
         (format.optimalTilingFeatures & VK_FORMAT_FEATURE_SAMPLED_IMAGE_BIT) != 0 &&
         external.externalMemoryProperties.externalMemoryFeatures == 0;
}

// Waits for a worker to die, then goes on using Vulkan in every way: results are losses, nothing crashes.
int after_loss() {
  const Gpu gpu;
  MappedBuffer buffer(gpu, 65536);
  const Stuck stuck(gpu);
  say("blocked", 0);
  say("result", vkWaitForFences(gpu.device, 1, &stuck.fence, VK_TRUE, kForever));
  std::memset(buffer.words, 7, 65536);  // still mapped
  say("queries", queries_are_answered(gpu.physical) ? 1 : 0);
  const VkCommandBuffer commands = allocate_commands(gpu, gpu.pool);
  begin(commands);
  for (int i = 0; i < 20000; ++i) record_fill(commands, buffer, 1);
  vkEndCommandBuffer(commands);
  say("submit", submit(gpu, commands, VK_NULL_HANDLE));
  say("idle", vkDeviceWaitIdle(gpu.device));
  say("queue_idle", vkQueueWaitIdle(gpu.queue));
  say("status", vkGetFenceStatus(gpu.device, stuck.fence));
  say("wait", vkWaitForFences(gpu.device, 1, &stuck.fence, VK_TRUE, 0));
  uint64_t value = 0;
  say("counter", vkGetSemaphoreCounterValue(gpu.device, stuck.timeline, &value));
  VkMemoryAllocateInfo info{VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO};
  info.allocationSize = 65536;
  VkDeviceMemory memory = VK_NULL_HANDLE;
  say("allocate", vkAllocateMemory(gpu.device, &info, nullptr, &memory));
  VkMemoryRequirements needs{};
  vkGetBufferMemoryRequirements(gpu.device, buffer.buffer, &needs);
  if (memory != VK_NULL_HANDLE) vkFreeMemory(gpu.device, memory, nullptr);
  vkDestroyFence(gpu.device, stuck.fence, nullptr);
  vkDestroySemaphore(gpu.device, stuck.timeline, nullptr);
  buffer.destroy(gpu);
  vkDestroyCommandPool(gpu.device, gpu.pool, nullptr);
  vkDestroyDevice(gpu.device, nullptr);
  vkDestroyInstance(gpu.instance, nullptr);
  say("destroyed", 0);
  return 0;
}

// Waits for a worker to die, and lives on with its memory mapped.
int stay_after_loss() {
  const Gpu gpu;
  MappedBuffer buffer(gpu, 65536);
  const Stuck stuck(gpu);
  say("blocked", 0);
  const VkResult result = vkWaitForFences(gpu.device, 1, &stuck.fence, VK_TRUE, kForever);
  std::memset(buffer.words, 7, 65536);
  say("result", result);
  for (;;) ::pause();
}

// Takes host-visible memory until there is no more, says with which error, and that freeing helps.
int region_full() {
  const Gpu gpu;
  VkMemoryAllocateInfo info{VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO};
  info.allocationSize = 64U << 20;
  info.memoryTypeIndex =
      gpu.memory_type(~0U, VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT);
  std::vector<VkDeviceMemory> taken;
  VkResult result = VK_SUCCESS;
  while (result == VK_SUCCESS && taken.size() < 4096) {
    VkDeviceMemory memory = VK_NULL_HANDLE;
    result = vkAllocateMemory(gpu.device, &info, nullptr, &memory);
    if (result == VK_SUCCESS) taken.push_back(memory);
  }
  say("taken", static_cast<long>(taken.size()));
  say("result", result);
  for (const VkDeviceMemory memory : taken) vkFreeMemory(gpu.device, memory, nullptr);
  VkDeviceMemory again = VK_NULL_HANDLE;
  say("again", vkAllocateMemory(gpu.device, &info, nullptr, &again));
  return 0;
}

// Records far more than the ring's memory holds, into command buffers that wait to be submitted; again and
// again.
int ring_full(long rounds) {
  const Gpu gpu;
  constexpr uint32_t kChunk = 65536;
  constexpr uint32_t kBuffers = 8;
  constexpr uint32_t kUpdates = 64;  // 8 x 64 x 64 KiB = 32 MiB
  const MappedBuffer target(gpu, uint64_t{kChunk} * kBuffers);
  std::vector<uint32_t> data(kChunk / 4);
  std::vector<VkCommandBuffer> commands;
  for (uint32_t b = 0; b < kBuffers; ++b) commands.push_back(allocate_commands(gpu, gpu.pool));
  const auto word = [](long round, uint32_t b, uint32_t u, uint32_t i) {
    return static_cast<uint32_t>(round) * 7919U + b * 1000003U + u * 65537U + i;
  };
  for (long round = 1; round <= rounds; ++round) {
    for (uint32_t b = 0; b < kBuffers; ++b) {
      begin(commands[b]);
      for (uint32_t u = 0; u < kUpdates; ++u) {
        for (uint32_t i = 0; i < data.size(); ++i) data[i] = word(round, b, u, i);
        vkCmdUpdateBuffer(commands[b], target.buffer, uint64_t{b} * kChunk, kChunk, data.data());
        VkMemoryBarrier order{VK_STRUCTURE_TYPE_MEMORY_BARRIER};
        order.srcAccessMask = VK_ACCESS_TRANSFER_WRITE_BIT;
        order.dstAccessMask = VK_ACCESS_TRANSFER_WRITE_BIT | VK_ACCESS_HOST_READ_BIT;
        vkCmdPipelineBarrier(commands[b], VK_PIPELINE_STAGE_TRANSFER_BIT,
                             VK_PIPELINE_STAGE_TRANSFER_BIT | VK_PIPELINE_STAGE_HOST_BIT, 0, 1, &order, 0,
                             nullptr, 0, nullptr);
      }
      end(commands[b]);
    }
    VkSubmitInfo info{VK_STRUCTURE_TYPE_SUBMIT_INFO};
    info.commandBufferCount = kBuffers;
    info.pCommandBuffers = commands.data();
    require(vkQueueSubmit(gpu.queue, 1, &info, VK_NULL_HANDLE), "vkQueueSubmit");
    require(vkQueueWaitIdle(gpu.queue), "vkQueueWaitIdle");
    for (uint32_t b = 0; b < kBuffers; ++b) {
      for (uint32_t i = 0; i < kChunk / 4; ++i) {
        if (target.words[b * kChunk / 4 + i] == word(round, b, kUpdates - 1, i)) continue;
        std::printf("wrong word %u of buffer %u\n", i, b);
        return 4;
      }
    }
    say("round", round);
  }
  say("finished", rounds);
  return 0;
}

// Writes 64 MiB of mapped memory, has the GPU copy them, and reads the copy; again and again, or until the
// device is lost. Between rounds only a few pages change; "light" begins with one full round, so that what
// travels afterwards can be told from it.
int uploads(long rounds, bool light) {
  const Gpu gpu;
  constexpr VkDeviceSize kBytes = VkDeviceSize{64} << 20;
  const MappedBuffer from(gpu, kBytes);
  const MappedBuffer to(gpu, kBytes);
  const VkFence fence = make_fence(gpu);
  const VkCommandBuffer commands = allocate_commands(gpu, gpu.pool);
  for (long round = 1; round <= rounds; ++round) {
    const std::size_t step = light && round > 1 ? 65536 : 1;
    for (std::size_t i = 0; i < kBytes / 4; i += step)
      from.words[i] = static_cast<uint32_t>(i * 7 + static_cast<std::size_t>(round));
    say("upload", round);
    begin(commands);
    const VkBufferCopy whole{0, 0, kBytes};
    vkCmdCopyBuffer(commands, from.buffer, to.buffer, 1, &whole);
    VkMemoryBarrier visible{VK_STRUCTURE_TYPE_MEMORY_BARRIER};
    visible.srcAccessMask = VK_ACCESS_TRANSFER_WRITE_BIT;
    visible.dstAccessMask = VK_ACCESS_HOST_READ_BIT;
    vkCmdPipelineBarrier(commands, VK_PIPELINE_STAGE_TRANSFER_BIT, VK_PIPELINE_STAGE_HOST_BIT, 0, 1, &visible,
                         0, nullptr, 0, nullptr);
    end(commands);
    VkResult result = submit(gpu, commands, fence);
    if (result == VK_SUCCESS) result = vkWaitForFences(gpu.device, 1, &fence, VK_TRUE, kForever);
    if (result != VK_SUCCESS) {
      say("result", result);
      return 0;
    }
    if (std::memcmp(from.words, to.words, kBytes) != 0) {
      say("wrong bytes in round", round);
      return 4;
    }
    require(vkResetFences(gpu.device, 1, &fence), "vkResetFences");
    say("done", round);
  }
  say("finished", rounds);
  return 0;
}

// The application reads a file straight into mapped memory, as a kernel would write there.
int reads_into_mapped_memory() {
  const Gpu gpu;
  constexpr std::size_t kBytes = std::size_t{1} << 20;
  const MappedBuffer from(gpu, kBytes);
  const MappedBuffer to(gpu, kBytes);
  for (int round = 0; round < 3; ++round) {
    std::FILE* file = std::fopen("/dev/urandom", "rb");
    const bool read =
        file != nullptr && ::read(fileno(file), from.words, kBytes) == static_cast<ssize_t>(kBytes);
    if (file != nullptr) std::fclose(file);
    if (!read) return 3;
    const VkCommandBuffer commands = allocate_commands(gpu, gpu.pool);
    begin(commands);
    const VkBufferCopy whole{0, 0, kBytes};
    vkCmdCopyBuffer(commands, from.buffer, to.buffer, 1, &whole);
    end(commands);
    require(submit(gpu, commands, VK_NULL_HANDLE), "vkQueueSubmit");
    require(vkQueueWaitIdle(gpu.queue), "vkQueueWaitIdle");
    if (std::memcmp(from.words, to.words, kBytes) != 0) return 4;
  }
  say("finished", 0);
  return 0;
}

// A handle that was destroyed is used in a recorded command: this session suffers at most a lost device.
int stale_handle() {
  const Gpu gpu;
  MappedBuffer gone(gpu, 4096);
  gone.destroy(gpu);
  const VkFence fence = make_fence(gpu);
  const VkCommandBuffer commands = allocate_commands(gpu, gpu.pool);
  begin(commands);
  vkCmdFillBuffer(commands, gone.buffer, 0, VK_WHOLE_SIZE, 1);
  end(commands);
  VkResult result = submit(gpu, commands, fence);
  if (result == VK_SUCCESS) result = vkWaitForFences(gpu.device, 1, &fence, VK_TRUE, kForever);
  say("result", result);
  return 0;
}

int run(int argc, char** argv) {
  const char* mode = argc > 1 ? argv[1] : "";
  const long number = argc > 2 ? std::atol(argv[2]) : 0;
  if (std::strcmp(mode, "enumerate") == 0) return enumerate();
  if (std::strcmp(mode, "frames") == 0) return frames(number, false);
  if (std::strcmp(mode, "frames-and-stay") == 0) return frames(number, true);
  if (std::strcmp(mode, "blocked-fence") == 0) return blocked_fence();
  if (std::strcmp(mode, "blocked-semaphore") == 0) return blocked_semaphore();
  if (std::strcmp(mode, "blocked-device-idle") == 0) return blocked_idle(false);
  if (std::strcmp(mode, "blocked-queue-idle") == 0) return blocked_idle(true);
  if (std::strcmp(mode, "blocked-query") == 0) return blocked_query();
  if (std::strcmp(mode, "after-loss") == 0) return after_loss();
  if (std::strcmp(mode, "stay-after-loss") == 0) return stay_after_loss();
  if (std::strcmp(mode, "region-full") == 0) return region_full();
  if (std::strcmp(mode, "ring-full") == 0) return ring_full(number > 0 ? number : 1);
  if (std::strcmp(mode, "stale-handle") == 0) return stale_handle();
  if (std::strcmp(mode, "uploads") == 0) return uploads(number, false);
  if (std::strcmp(mode, "light-uploads") == 0) return uploads(number, true);
  if (std::strcmp(mode, "read-into-mapped") == 0) return reads_into_mapped_memory();
  std::fprintf(stderr, "victim: unknown mode '%s'\n", mode);
  return 2;
}

}  // namespace
}  // namespace viaduct::bad_days

int main(int argc, char** argv) { return viaduct::bad_days::run(argc, argv); }
