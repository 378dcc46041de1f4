#include "host-renderer/memory/probe.hpp"

#include "base/log.hpp"
#include "base/switches.hpp"

#include <cstdlib>
#include <cstring>

namespace viaduct::host {
namespace {

constexpr std::uint32_t kPattern = 0x7ead0c75u;
// A machine that is busy elsewhere may take seconds, and a session without imports is slow for all of its
// life.
constexpr std::uint64_t kGpuDeadlineNs = 10'000'000'000;

// One trial import; everything it made is gone when it is.
class Trial {
 public:
  Trial(const ProbeTarget& target, SharingMode mode, const RegionFile& region)
      : target_(target), table_(target.table), mode_(mode), region_(region) {}
  ~Trial() {
    // What executes must not be destroyed; of a GPU that hangs, its driver tells sooner or later.
    if (executing_) table_.vkDeviceWaitIdle(target_.device);
    table_.vkDestroyFence(target_.device, fence_, nullptr);
    table_.vkDestroyCommandPool(target_.device, pool_, nullptr);
    table_.vkDestroyBuffer(target_.device, buffer_, nullptr);
    table_.vkFreeMemory(target_.device, memory_, nullptr);
  }
  Trial(const Trial&) = delete;
  Trial& operator=(const Trial&) = delete;

  bool device_writes_reach(std::span<std::byte> pages, std::uint32_t type) {
    return make_buffer(pages.size(), type) && import(pages, type) && fill() && shows_pattern(pages);
  }

 private:
  bool make_buffer(std::size_t size, std::uint32_t type) {
    VkExternalMemoryBufferCreateInfo external{};
    external.sType = VK_STRUCTURE_TYPE_EXTERNAL_MEMORY_BUFFER_CREATE_INFO;
    external.handleTypes = import_handle_type(mode_);
    VkBufferCreateInfo info{};
    info.sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO;
    info.pNext = &external;
    info.size = size;
    info.usage = VK_BUFFER_USAGE_TRANSFER_DST_BIT;
    if (table_.vkCreateBuffer(target_.device, &info, nullptr, &buffer_) != VK_SUCCESS) {
      return false;
    }
    VkMemoryRequirements requirements{};
    table_.vkGetBufferMemoryRequirements(target_.device, buffer_, &requirements);
    return requirements.size <= size && ((requirements.memoryTypeBits >> type) & 1u) != 0;
  }

  bool import(std::span<std::byte> pages, std::uint32_t type) {
    VkMemoryAllocateInfo info{};
    info.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO;
    info.memoryTypeIndex = type;
    return import_pages(mode_, table_, target_.device, region_, pages, info, &memory_) == VK_SUCCESS &&
           table_.vkBindBufferMemory(target_.device, buffer_, memory_, 0) == VK_SUCCESS;
  }

  bool fill() {
    VkCommandPoolCreateInfo pool_info{};
    pool_info.sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO;
    pool_info.queueFamilyIndex = target_.queue_family;
    VkCommandBufferAllocateInfo buffer_info{};
    buffer_info.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO;
    buffer_info.level = VK_COMMAND_BUFFER_LEVEL_PRIMARY;
    buffer_info.commandBufferCount = 1;
    VkFenceCreateInfo fence_info{};
    fence_info.sType = VK_STRUCTURE_TYPE_FENCE_CREATE_INFO;
    VkCommandBufferBeginInfo begin{};
    begin.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO;
    VkCommandBuffer commands = VK_NULL_HANDLE;
    if (table_.vkCreateCommandPool(target_.device, &pool_info, nullptr, &pool_) != VK_SUCCESS) {
      return false;
    }
    buffer_info.commandPool = pool_;
    if (table_.vkAllocateCommandBuffers(target_.device, &buffer_info, &commands) != VK_SUCCESS ||
        table_.vkCreateFence(target_.device, &fence_info, nullptr, &fence_) != VK_SUCCESS ||
        table_.vkBeginCommandBuffer(commands, &begin) != VK_SUCCESS) {
      return false;
    }
    table_.vkCmdFillBuffer(commands, buffer_, 0, VK_WHOLE_SIZE, kPattern);
    VkMemoryBarrier to_host{};
    to_host.sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER;
    to_host.srcAccessMask = VK_ACCESS_TRANSFER_WRITE_BIT;
    to_host.dstAccessMask = VK_ACCESS_HOST_READ_BIT;
    table_.vkCmdPipelineBarrier(commands, VK_PIPELINE_STAGE_TRANSFER_BIT, VK_PIPELINE_STAGE_HOST_BIT, 0, 1,
                                &to_host, 0, nullptr, 0, nullptr);
    VkSubmitInfo submit{};
    submit.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO;
    submit.commandBufferCount = 1;
    submit.pCommandBuffers = &commands;
    VkQueue queue = VK_NULL_HANDLE;
    table_.vkGetDeviceQueue(target_.device, target_.queue_family, 0, &queue);
    if (table_.vkEndCommandBuffer(commands) != VK_SUCCESS ||
        table_.vkQueueSubmit(queue, 1, &submit, fence_) != VK_SUCCESS) {
      return false;
    }
    const VkResult done = table_.vkWaitForFences(target_.device, 1, &fence_, VK_TRUE, kGpuDeadlineNs);
    executing_ = done != VK_SUCCESS;
    if (executing_) {
      VIADUCT_LOG_WARN("memory", "the driver did not fill a page in 10 s (VkResult %d)", done);
    }
    return !executing_;
  }

  static bool shows_pattern(std::span<const std::byte> pages) {
    for (std::size_t at = 0; at + sizeof(kPattern) <= pages.size(); at += sizeof(kPattern)) {
      if (std::memcmp(pages.data() + at, &kPattern, sizeof(kPattern)) != 0) {
        return false;
      }
    }
    return true;
  }

  const ProbeTarget& target_;
  const DeviceTable& table_;
  const SharingMode mode_;
  const RegionFile& region_;
  VkBuffer buffer_ = VK_NULL_HANDLE;
  VkDeviceMemory memory_ = VK_NULL_HANDLE;
  VkCommandPool pool_ = VK_NULL_HANDLE;
  VkFence fence_ = VK_NULL_HANDLE;
  bool executing_ = false;
};

std::uint64_t import_alignment(const ProbeTarget& target) noexcept {
  VkPhysicalDeviceExternalMemoryHostPropertiesEXT host{};
  host.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_EXTERNAL_MEMORY_HOST_PROPERTIES_EXT;
  VkPhysicalDeviceProperties2 properties{};
  properties.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2;
  properties.pNext = &host;
  target.instance_table.vkGetPhysicalDeviceProperties2(target.physical, &properties);
  const std::uint64_t alignment = host.minImportedHostPointerAlignment;
  return alignment > 4096 && (alignment & (alignment - 1)) == 0 ? alignment : 4096;
}

// The coherent host types whose imports were seen to work.
std::uint32_t working_types(const ProbeTarget& target, SharingMode mode, const RegionFile& region,
                            std::span<std::byte> pages) noexcept {
  const std::uint32_t reported = importable_types(mode, target.table, target.device, region, pages);
  VkPhysicalDeviceMemoryProperties memory{};
  target.instance_table.vkGetPhysicalDeviceMemoryProperties(target.physical, &memory);
  const VkMemoryPropertyFlags needed =
      VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT;
  std::uint32_t working = 0;
  for (std::uint32_t type = 0; type < memory.memoryTypeCount; ++type) {
    if (((reported >> type) & 1u) != 0 && (memory.memoryTypes[type].propertyFlags & needed) == needed &&
        Trial(target, mode, region).device_writes_reach(pages, type)) {
      working |= 1u << type;
    }
    std::memset(pages.data(), 0, pages.size());
  }
  return working;
}

bool reports_imports(const ProbeTarget& target, SharingMode mode) noexcept {
  VkPhysicalDeviceExternalBufferInfo info{};
  info.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_EXTERNAL_BUFFER_INFO;
  info.usage = VK_BUFFER_USAGE_TRANSFER_DST_BIT;
  info.handleType = import_handle_type(mode);
  VkExternalBufferProperties properties{};
  properties.sType = VK_STRUCTURE_TYPE_EXTERNAL_BUFFER_PROPERTIES;
  target.instance_table.vkGetPhysicalDeviceExternalBufferProperties(target.physical, &info, &properties);
  return (properties.externalMemoryProperties.externalMemoryFeatures &
          VK_EXTERNAL_MEMORY_FEATURE_IMPORTABLE_BIT) != 0;
}

}  // namespace

std::optional<SharingMode> forced_mode() noexcept {
  if (!perf_enabled(PerfSwitch::import)) {
    return SharingMode::kShadow;
  }
  const char* value = std::getenv("VIADUCT_MEMORY");
  if (value == nullptr || *value == '\0' || std::strcmp(value, "auto") == 0) {
    return std::nullopt;
  }
  if (std::strcmp(value, "import") == 0) {
    return SharingMode::kImport;
  }
  if (std::strcmp(value, "dmabuf") == 0) {
    return SharingMode::kDmaBuf;
  }
  if (std::strcmp(value, "shadow") == 0) {
    return SharingMode::kShadow;
  }
  VIADUCT_LOG_WARN("memory", "VIADUCT_MEMORY=%s is none of auto, import, dmabuf, shadow", value);
  return std::nullopt;
}

ProbeResult probe_sharing(const ProbeTarget& target, const RegionFile& region, std::span<std::byte> pages,
                          std::optional<SharingMode> forced) noexcept {
  ProbeResult result;
  for (const SharingMode mode : {SharingMode::kImport, SharingMode::kDmaBuf}) {
    const bool offered = mode == SharingMode::kImport ? target.has_host_import : target.has_dma_buf;
    const std::uint64_t alignment = mode == SharingMode::kImport && offered ? import_alignment(target) : 4096;
    if (!offered || alignment > pages.size() || (forced && *forced != mode)) {
      continue;
    }
    result.importable_types = working_types(target, mode, region, pages.first(alignment));
    if (result.importable_types != 0) {
      result.mode = mode;
      result.alignment = alignment;
      result.report_is_wrong = !reports_imports(target, mode);
      return result;
    }
  }
  if (forced && *forced != SharingMode::kShadow) {
    VIADUCT_LOG_WARN("memory",
                     "sharing mode %s was asked for and does not work on this device: shadow is used",
                     to_string(*forced));
  }
  return result;
}

}  // namespace viaduct::host
