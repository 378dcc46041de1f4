// Mapped memory, and what buffers and images want of memory: the guest answers from what it knows.
#include <cstring>

#include "generated/protocol/args.hpp"
#include "protocol/wire/object_id.hpp"
#include "tests/fake-driver/guest_directed.hpp"

namespace viaduct::fake {
namespace {

VkDeviceMemory allocate_memory(const Guest& guest, uint32_t type) {
  VkMemoryAllocateInfo info{VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO};
  info.allocationSize = 65536;
  info.memoryTypeIndex = type;
  VkDeviceMemory memory = VK_NULL_HANDLE;
  require(guest.get<PFN_vkAllocateMemory>("vkAllocateMemory")(guest.device, &info, nullptr, &memory),
          "vkAllocateMemory");
  return memory;
}

uint32_t first_type(const Guest& guest, bool in_arena) {
  uint32_t type = 0;
  while (((guest.arena_types() >> type & 1) != 0) != in_arena) ++type;
  return type;
}

VkBuffer make_buffer(const Guest& guest, VkDeviceSize size) {
  VkBufferCreateInfo info{VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO};
  info.size = size;
  info.usage = VK_BUFFER_USAGE_TRANSFER_DST_BIT;
  VkBuffer buffer = VK_NULL_HANDLE;
  require(guest.get<PFN_vkCreateBuffer>("vkCreateBuffer")(guest.device, &info, nullptr, &buffer),
          "vkCreateBuffer");
  return buffer;
}

// The pages that the driver writes are those that the application sees.
void mapping(Guest& guest, Check& check) {
  const auto map = guest.get<PFN_vkMapMemory>("vkMapMemory");
  void* data = nullptr;
  const VkDeviceMemory far = allocate_memory(guest, first_type(guest, false));
  check.that(map(guest.device, far, 0, VK_WHOLE_SIZE, 0, &data) == VK_ERROR_MEMORY_MAP_FAILED,
             "device-only memory was mapped");
  const VkDeviceMemory memory = allocate_memory(guest, first_type(guest, true));
  check.log();
  check.that(map(guest.device, memory, 4096, 4096, 0, &data) == VK_SUCCESS, "vkMapMemory");
  std::memset(data, 7, 4096);
  VkMappedMemoryRange range{VK_STRUCTURE_TYPE_MAPPED_MEMORY_RANGE};
  range.memory = memory;
  range.size = VK_WHOLE_SIZE;
  const auto flush = guest.get<PFN_vkFlushMappedMemoryRanges>("vkFlushMappedMemoryRanges");
  const auto invalidate = guest.get<PFN_vkInvalidateMappedMemoryRanges>("vkInvalidateMappedMemoryRanges");
  check.that(flush(guest.device, 1, &range) == VK_SUCCESS, "vkFlushMappedMemoryRanges");
  check.that(invalidate(guest.device, 1, &range) == VK_SUCCESS, "vkInvalidateMappedMemoryRanges");
  check.nothing_logged("mapping coherent memory");

  const VkBuffer buffer = make_buffer(guest, 8192);
  require(guest.get<PFN_vkBindBufferMemory>("vkBindBufferMemory")(guest.device, buffer, memory, 4096),
          "vkBindBufferMemory");
  check.that(submit_fill(guest, buffer) == VK_SUCCESS, "a submission");
  uint32_t words[17];
  std::memcpy(words, data, sizeof(words));
  check.that(words[0] == 1 && words[15] == 1 && words[16] == 0x07070707,
             "what the driver wrote is not in the mapped pages");
  check.log();
  guest.get<PFN_vkUnmapMemory>("vkUnmapMemory")(guest.device, memory);
  check.nothing_logged("unmapping");
}

#ifdef VK_VERSION_1_4
void mapping_by_struct(Guest& guest, Check& check) {
  const VkDeviceMemory memory = allocate_memory(guest, first_type(guest, true));
  const VkMemoryMapInfo info{VK_STRUCTURE_TYPE_MEMORY_MAP_INFO, nullptr, 0, memory, 4096, 4096};
  const VkMemoryUnmapInfo end{VK_STRUCTURE_TYPE_MEMORY_UNMAP_INFO, nullptr, 0, memory};
  const auto map = guest.get<PFN_vkMapMemory>("vkMapMemory");
  const auto map2 = guest.get<PFN_vkMapMemory2>("vkMapMemory2");
  const auto unmap2 = guest.get<PFN_vkUnmapMemory2>("vkUnmapMemory2");
  check.log();
  void* data = nullptr;
  void* again = nullptr;
  check.that(map2(guest.device, &info, &data) == VK_SUCCESS, "vkMapMemory2");
  std::memset(data, 7, 4096);
  check.that(unmap2(guest.device, &end) == VK_SUCCESS, "vkUnmapMemory2");
  check.that(map(guest.device, memory, 0, VK_WHOLE_SIZE, 0, &again) == VK_SUCCESS, "vkMapMemory");
  check.that(static_cast<std::byte*>(data) == static_cast<std::byte*>(again) + 4096,
             "where memory is mapped");
  unmap2(guest.device, &end);
  check.nothing_logged("mapping by struct");
}
#endif

// Asked with a chain, so that the driver's answer is the reply; asked again, nobody goes to the host.
void buffer_requirements(Guest& guest, Check& check) {
  const VkBuffer buffer = make_buffer(guest, 0x12340);
  const LoggedCall* made = nullptr;
  std::vector<LoggedCall> calls = check.log();
  made = find_last(calls, "vkCreateBuffer");
  check.that(made != nullptr && !made->handles.empty(), "no buffer was made");
  if (made == nullptr) return;
  guest.know(protocol::handle_bits(buffer), made->handles.back());
  const VkBufferMemoryRequirementsInfo2 info{VK_STRUCTURE_TYPE_BUFFER_MEMORY_REQUIREMENTS_INFO_2, nullptr,
                                             buffer};
  VkMemoryDedicatedRequirements dedicated{VK_STRUCTURE_TYPE_MEMORY_DEDICATED_REQUIREMENTS};
  VkMemoryRequirements2 answer{VK_STRUCTURE_TYPE_MEMORY_REQUIREMENTS_2, &dedicated, {}};
  Args args(guest, subject_of("vkGetBufferMemoryRequirements2"), 1);
  args.both<protocol::vkGetBufferMemoryRequirements2_args>([&](auto& a) {
    a.pInfo = &info;
    a.pMemoryRequirements = &answer;
  });
  args.call(guest.find("vkGetBufferMemoryRequirements2"));
  const VkMemoryRequirements told = answer.memoryRequirements;
  calls = check.log();
  undo_requirements(guest, answer.memoryRequirements, true);
  check.same(args, find_last(calls, "vkGetBufferMemoryRequirements2"));

  VkMemoryRequirements again{};
  const auto ask = guest.get<PFN_vkGetBufferMemoryRequirements>("vkGetBufferMemoryRequirements");
  ask(guest.device, buffer, &again);
  check.that(std::memcmp(&again, &told, sizeof(told)) == 0, "both versions of a buffer's requirements");
  check.nothing_logged("an answer that is known");
}

VkImageCreateInfo image_info(uint32_t width, VkImageTiling tiling) {
  VkImageCreateInfo info{VK_STRUCTURE_TYPE_IMAGE_CREATE_INFO};
  info.imageType = VK_IMAGE_TYPE_2D;
  info.format = VK_FORMAT_R8G8B8A8_UNORM;
  info.extent = {width, 16, 1};
  info.mipLevels = info.arrayLayers = 1;
  info.samples = VK_SAMPLE_COUNT_1_BIT;
  info.tiling = tiling;
  return info;
}

void requirements_of_an_image(Guest& guest, Check& check, VkImageTiling tiling, bool with_plane) {
  const VkImageCreateInfo create = image_info(tiling == VK_IMAGE_TILING_LINEAR ? 331 : 332, tiling);
  VkImage image = VK_NULL_HANDLE;
  require(guest.get<PFN_vkCreateImage>("vkCreateImage")(guest.device, &create, nullptr, &image),
          "vkCreateImage");
  std::vector<LoggedCall> calls = check.log();
  const LoggedCall* made = find_last(calls, "vkCreateImage");
  check.that(made != nullptr && !made->handles.empty(), "no image was made");
  if (made == nullptr) return;
  guest.know(protocol::handle_bits(image), made->handles.back());
  const VkImagePlaneMemoryRequirementsInfo plane{VK_STRUCTURE_TYPE_IMAGE_PLANE_MEMORY_REQUIREMENTS_INFO,
                                                 nullptr, VK_IMAGE_ASPECT_PLANE_1_BIT};
  const VkImageMemoryRequirementsInfo2 info{VK_STRUCTURE_TYPE_IMAGE_MEMORY_REQUIREMENTS_INFO_2,
                                            with_plane ? &plane : nullptr, image};
  VkMemoryDedicatedRequirements dedicated{VK_STRUCTURE_TYPE_MEMORY_DEDICATED_REQUIREMENTS};
  VkMemoryRequirements2 answer{VK_STRUCTURE_TYPE_MEMORY_REQUIREMENTS_2, &dedicated, {}};
  Args args(guest, subject_of("vkGetImageMemoryRequirements2"), 1);
  args.both<protocol::vkGetImageMemoryRequirements2_args>([&](auto& a) {
    a.pInfo = &info;
    a.pMemoryRequirements = &answer;
  });
  args.call(guest.find("vkGetImageMemoryRequirements2"));
  const VkMemoryRequirements told = answer.memoryRequirements;
  calls = check.log();
  undo_requirements(guest, answer.memoryRequirements, tiling == VK_IMAGE_TILING_LINEAR);
  check.same(args, find_last(calls, "vkGetImageMemoryRequirements2"));
  if (with_plane) return;
  VkMemoryRequirements again{};
  const auto ask = guest.get<PFN_vkGetImageMemoryRequirements>("vkGetImageMemoryRequirements");
  ask(guest.device, image, &again);
  check.that(std::memcmp(&again, &told, sizeof(told)) == 0, "both versions of an image's requirements");
  check.nothing_logged("an answer that is known");
}

void image_requirements(Guest& guest, Check& check) {
  requirements_of_an_image(guest, check, VK_IMAGE_TILING_OPTIMAL, false);
  requirements_of_an_image(guest, check, VK_IMAGE_TILING_LINEAR, false);
  requirements_of_an_image(guest, check, VK_IMAGE_TILING_OPTIMAL, true);
}

}  // namespace

std::vector<Case> memory_cases() {
  return {
      {{"vkMapMemory", "vkUnmapMemory", "vkFlushMappedMemoryRanges", "vkInvalidateMappedMemoryRanges"},
       mapping},
#ifdef VK_VERSION_1_4
      {{"vkMapMemory2", "vkUnmapMemory2"}, mapping_by_struct},
#endif
      {{"vkGetBufferMemoryRequirements", "vkGetBufferMemoryRequirements2"}, buffer_requirements},
      {{"vkGetImageMemoryRequirements", "vkGetImageMemoryRequirements2"}, image_requirements},
  };
}

}  // namespace viaduct::fake
