// How quick the device is through mapped memory.
#include <algorithm>
#include <cstring>
#include <limits>

#include "base/clock.hpp"
#include "tools/doctor/gpu.hpp"

namespace viaduct::tools {
namespace {

constexpr std::size_t kFirstBytes = std::size_t{1} << 20;
constexpr std::size_t kMostBytes = std::size_t{16} << 20;
constexpr double kLongEnough = 0.1;  // seconds
constexpr double kRoundTripsTake = 0.3;
constexpr int kMostRoundTrips = 201;
constexpr int kRounds = 2;  // the first touches pages that nobody has touched
constexpr std::size_t kGrowth = 4;
constexpr VkMemoryPropertyFlags kMapped =
    VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT;

double seconds_since(std::uint64_t start) { return static_cast<double>(now_ns() - start) / 1e9; }

// Bytes that no compression makes fewer, as words.
std::vector<std::uint64_t> random_words(std::size_t bytes) {
  std::vector<std::uint64_t> words(bytes / sizeof(std::uint64_t));
  std::uint64_t state = 0x9e3779b97f4a7c15u;
  for (std::uint64_t& word : words) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    word = state;
  }
  return words;
}

}  // namespace

void Gpu::copy(VkBuffer from, VkBuffer to, VkDeviceSize size) {
  begin();
  const VkBufferCopy range{0, 0, size};
  vk_.CmdCopyBuffer(commands_, from, to, 1, &range);
  VkMemoryBarrier seen{};
  seen.sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER;
  seen.srcAccessMask = VK_ACCESS_TRANSFER_WRITE_BIT;
  seen.dstAccessMask = VK_ACCESS_HOST_READ_BIT | VK_ACCESS_TRANSFER_READ_BIT;
  vk_.CmdPipelineBarrier(commands_, VK_PIPELINE_STAGE_TRANSFER_BIT,
                         VK_PIPELINE_STAGE_HOST_BIT | VK_PIPELINE_STAGE_TRANSFER_BIT, 0, 1, &seen, 0, nullptr,
                         0, nullptr);
  submit_and_wait();
}

Gpu::Speed Gpu::measure() {
  Speed speed;
  std::vector<double> trips;
  submit_nothing();
  for (const std::uint64_t start = now_ns();
       seconds_since(start) < kRoundTripsTake && trips.size() < kMostRoundTrips;) {
    const std::uint64_t begun = now_ns();
    submit_nothing();
    trips.push_back(seconds_since(begun) * 1e3);
  }
  std::nth_element(trips.begin(), trips.begin() + static_cast<std::ptrdiff_t>(trips.size() / 2), trips.end());
  speed.round_trip_ms = trips[trips.size() / 2];

  for (std::size_t bytes = kFirstBytes; bytes <= most_mapped(); bytes *= kGrowth) {
    measure_copies(bytes, speed);
    const auto moved = static_cast<double>(bytes);
    if (moved / speed.upload + moved / speed.download > kLongEnough) break;
  }
  return speed;
}

std::size_t Gpu::most_mapped() const {
  const std::uint32_t heap = memory_.memoryTypes[memory_type(~0u, kMapped)].heapIndex;
  const std::uint64_t share = memory_.memoryHeaps[heap].size / 8;
  return std::clamp<std::uint64_t>(share, kFirstBytes, kMostBytes);
}

void Gpu::measure_copies(std::size_t bytes, Speed& speed) {
  constexpr VkBufferUsageFlags kBoth = VK_BUFFER_USAGE_TRANSFER_SRC_BIT | VK_BUFFER_USAGE_TRANSFER_DST_BIT;
  const Buffer there = make_buffer(bytes, kBoth, VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT);
  const Buffer from = make_buffer(bytes, kBoth, kMapped);
  const Buffer to = make_buffer(bytes, kBoth, kMapped);
  std::vector<std::uint64_t> sent = random_words(bytes);
  std::vector<std::uint64_t> back(sent.size());
  double up = std::numeric_limits<double>::max();
  double down = up;
  for (int round = 0; round < kRounds; ++round) {
    // Others each time, in every byte, for what has not changed does not travel.
    for (std::uint64_t& word : sent) word += 0x0101010101010101u;
    std::uint64_t start = now_ns();
    std::memcpy(from.mapped, sent.data(), bytes);
    copy(from.handle, there.handle, bytes);
    up = std::min(up, seconds_since(start));
    start = now_ns();
    copy(there.handle, to.handle, bytes);
    std::memcpy(back.data(), to.mapped, bytes);
    down = std::min(down, seconds_since(start));
    if (back != sent) throw GpuError("what was copied to the GPU and back is not what was sent");
  }
  for (const Buffer& buffer : {there, from, to}) free_buffer(buffer);
  speed.upload = static_cast<double>(bytes) / up;
  speed.download = static_cast<double>(bytes) / down;
  speed.bytes = bytes;
}

}  // namespace viaduct::tools
