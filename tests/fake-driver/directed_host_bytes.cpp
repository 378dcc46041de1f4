// Commands that read and write the application's own memory: its bytes travel, piece by piece and without
// what lies between them.
#include "protocol/wire/object_id.hpp"
#include "tests/fake-driver/guest_directed.hpp"
#include "tests/fake-driver/host_bytes.hpp"

namespace viaduct::fake {
namespace {

[[maybe_unused]] constexpr std::byte kUntouched{0x5a};

#ifdef VK_VERSION_1_4

constexpr uint32_t kWidth = 24, kHeight = 8, kLayers = 2;
constexpr uint32_t kRow = 32, kRows = 10;  // in memory, in texels
constexpr std::size_t kSlice = std::size_t{kRow} * kRows * 4;

VkImage make_image(Guest& guest, Check& check) {
  VkImageCreateInfo info{VK_STRUCTURE_TYPE_IMAGE_CREATE_INFO};
  info.imageType = VK_IMAGE_TYPE_2D;
  info.format = VK_FORMAT_R8G8B8A8_UNORM;
  info.extent = {64, 64, 1};
  info.mipLevels = 1;
  info.arrayLayers = 4;
  info.samples = VK_SAMPLE_COUNT_1_BIT;
  info.usage = VK_IMAGE_USAGE_HOST_TRANSFER_BIT;
  check.log();
  VkImage image = VK_NULL_HANDLE;
  require(guest.get<PFN_vkCreateImage>("vkCreateImage")(guest.device, &info, nullptr, &image),
          "vkCreateImage");
  const std::vector<LoggedCall> calls = check.log();
  const LoggedCall* made = find_last(calls, "vkCreateImage");
  check.that(made != nullptr && !made->handles.empty(), "no image was made");
  if (made != nullptr && !made->handles.empty()) guest.know(protocol::handle_bits(image), made->handles[0]);
  return image;
}

// One layer of the copy as it reaches the driver: packed.
template <class Region>
Region packed_layer(uint32_t layer) {
  Region region{};
  region.imageSubresource = {VK_IMAGE_ASPECT_COLOR_BIT, 0, 1 + layer, 1};
  region.imageOffset = {4, 2, 0};
  region.imageExtent = {kWidth, kHeight, 1};
  return region;
}

// Every layer once, in order.
void same_layers(Check& check, const char* command, const std::vector<uint64_t>& expected) {
  std::vector<uint64_t> seen;
  for (const LoggedCall& call : check.log()) {
    if (call.entry.name_hash == fnv1a32(command)) seen.push_back(call.entry.inputs);
  }
  check.that(seen == expected, std::string(command) + ": inputs-differ");
}

void copy_to_image(Guest& guest, Check& check, VkImage image) {
  std::vector<std::byte> memory(kSlice * kLayers);
  for (std::size_t i = 0; i < memory.size(); ++i) memory[i] = static_cast<std::byte>(i * 11 + i / 251);
  auto region = packed_layer<VkMemoryToImageCopy>(0);
  region.sType = VK_STRUCTURE_TYPE_MEMORY_TO_IMAGE_COPY;
  region.pHostPointer = memory.data();
  region.memoryRowLength = kRow;
  region.memoryImageHeight = kRows;
  region.imageSubresource.layerCount = kLayers;
  const VkCopyMemoryToImageInfo info{
      VK_STRUCTURE_TYPE_COPY_MEMORY_TO_IMAGE_INFO, nullptr, 0, image, VK_IMAGE_LAYOUT_GENERAL, 1, &region};
  check.that(guest.get<PFN_vkCopyMemoryToImage>("vkCopyMemoryToImage")(guest.device, &info) == VK_SUCCESS,
             "vkCopyMemoryToImage");
  std::vector<uint64_t> expected;
  for (uint32_t layer = 0; layer < kLayers; ++layer) {
    std::vector<std::byte> packed;
    for (uint32_t y = 0; y < kHeight; ++y) {
      const auto row = memory.begin() + static_cast<std::ptrdiff_t>(layer * kSlice + y * kRow * 4);
      packed.insert(packed.end(), row, row + kWidth * 4);
    }
    expected.push_back(image_copy_digest(guest.driver_number(protocol::handle_bits(image)),
                                         VK_IMAGE_LAYOUT_GENERAL, 0, packed_layer<VkMemoryToImageCopy>(layer),
                                         packed));
  }
  same_layers(check, "vkCopyMemoryToImage", expected);
}

void copy_to_memory(Guest& guest, Check& check, VkImage image) {
  std::vector<std::byte> memory(kSlice * kLayers, kUntouched);
  auto region = packed_layer<VkImageToMemoryCopy>(0);
  region.sType = VK_STRUCTURE_TYPE_IMAGE_TO_MEMORY_COPY;
  region.pHostPointer = memory.data();
  region.memoryRowLength = kRow;
  region.memoryImageHeight = kRows;
  region.imageSubresource.layerCount = kLayers;
  const VkCopyImageToMemoryInfo info{
      VK_STRUCTURE_TYPE_COPY_IMAGE_TO_MEMORY_INFO, nullptr, 0, image, VK_IMAGE_LAYOUT_GENERAL, 1, &region};
  check.that(guest.get<PFN_vkCopyImageToMemory>("vkCopyImageToMemory")(guest.device, &info) == VK_SUCCESS,
             "vkCopyImageToMemory");
  std::vector<uint64_t> expected;
  std::vector<std::byte> wanted(memory.size(), kUntouched);
  for (uint32_t layer = 0; layer < kLayers; ++layer) {
    expected.push_back(image_copy_digest(guest.driver_number(protocol::handle_bits(image)),
                                         VK_IMAGE_LAYOUT_GENERAL, 0, packed_layer<VkImageToMemoryCopy>(layer),
                                         {}));
    for (uint32_t i = 0; i < kWidth * kHeight * 4; ++i) {
      const std::size_t row = i / (kWidth * 4), column = i % (kWidth * 4);
      wanted[layer * kSlice + row * kRow * 4 + column] = made_up_byte(i);
    }
  }
  same_layers(check, "vkCopyImageToMemory", expected);
  check.that(memory == wanted, "vkCopyImageToMemory: outputs-differ");
}

void image_copies(Guest& guest, Check& check) {
  const VkImage image = make_image(guest, check);
  copy_to_image(guest, check, image);
  copy_to_memory(guest, check, image);
}

#endif

#ifdef VK_NV_cooperative_vector

void matrix_conversion(Guest& guest, Check& check) {
  const auto convert =
      guest.get<PFN_vkConvertCooperativeVectorMatrixNV>("vkConvertCooperativeVectorMatrixNV");
  std::vector<std::byte> source(3 * 16 +
                                3 * 4);  // four rows of three floats, 16 bytes apart; the last is short
  for (std::size_t i = 0; i < source.size(); ++i) source[i] = static_cast<std::byte>(i * 5);
  std::size_t size = 1;
  VkConvertCooperativeVectorMatrixInfoNV info{VK_STRUCTURE_TYPE_CONVERT_COOPERATIVE_VECTOR_MATRIX_INFO_NV};
  info.srcSize = source.size();
  info.pDstSize = &size;
  info.srcComponentType = VK_COMPONENT_TYPE_FLOAT32_KHR;
  info.dstComponentType = VK_COMPONENT_TYPE_FLOAT16_KHR;
  info.numRows = 4;
  info.numColumns = 3;
  info.srcLayout = VK_COOPERATIVE_VECTOR_MATRIX_LAYOUT_ROW_MAJOR_NV;
  info.srcStride = 16;
  info.dstLayout = VK_COOPERATIVE_VECTOR_MATRIX_LAYOUT_INFERENCING_OPTIMAL_NV;
  info.dstStride = 7;
  const auto arrived = [&](std::span<const std::byte> bytes, std::size_t room) {
    const std::vector<LoggedCall> calls = check.log();
    const LoggedCall* last = find_last(calls, "vkConvertCooperativeVectorMatrixNV");
    return last != nullptr && last->entry.inputs == conversion_digest(info, bytes, room);
  };
  check.log();
  check.that(convert(guest.device, &info) == VK_SUCCESS && size == kConvertedSize, "a matrix's size");
  check.that(arrived({}, 0), "the question for a matrix's size did not arrive as it was asked");

  std::vector<std::byte> result(kConvertedSize + 8, kUntouched);
  info.srcData.hostAddress = source.data();
  info.dstData.hostAddress = result.data();
  size = kConvertedSize - 1;
  check.that(convert(guest.device, &info) == VK_INCOMPLETE && size == 0, "a matrix without room");
  check.that(result[0] == kUntouched, "a matrix without room was written");
  check.log();
  size = result.size();
  check.that(convert(guest.device, &info) == VK_SUCCESS && size == kConvertedSize, "a conversion");
  check.that(arrived(source, kConvertedSize), "a matrix did not arrive as it was given");
  bool same = result[kConvertedSize] == kUntouched;
  for (std::size_t i = 0; i < kConvertedSize; ++i) same = same && result[i] == made_up_byte(i);
  check.that(same, "a converted matrix did not come back as it was made");

  // The driver would read behind the end of what there is.
  info.srcSize = source.size() - 1;
  size = result.size();
  check.that(convert(guest.device, &info) == VK_ERROR_OUT_OF_HOST_MEMORY,
             "a matrix that is larger than its bytes");
  check.that(!arrived(source, kConvertedSize), "a matrix that is larger than its bytes reached the driver");
}

#endif

}  // namespace

std::vector<Case> host_bytes_cases() {
  return {
#ifdef VK_VERSION_1_4
      {{"vkCopyMemoryToImage", "vkCopyImageToMemory"}, image_copies},
#endif
#ifdef VK_NV_cooperative_vector
      {{"vkConvertCooperativeVectorMatrixNV"}, matrix_conversion},
#endif
  };
}

}  // namespace viaduct::fake
