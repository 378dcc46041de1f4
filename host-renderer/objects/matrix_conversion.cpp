// Conversions of matrices in the guest's memory. The driver reads as many bytes as rows, columns, type and
// layout say, so that is what the record must hold; what it writes it compares with the room itself.
#include "generated/host/overrides.hpp"
#include "host-renderer/objects/objects.hpp"
#include "host-renderer/worker/command_context.hpp"

#include "base/log.hpp"

namespace viaduct::host {

#ifdef VK_NV_cooperative_vector

namespace {

using Args = protocol::viaductConvertCooperativeVectorMatrix_args;

// Bytes of one component; 0 for what is not known to be one.
std::uint64_t component_bytes(std::uint32_t type) noexcept {
  switch (type) {
    case VK_COMPONENT_TYPE_SINT8_KHR:
    case VK_COMPONENT_TYPE_UINT8_KHR:
    case VK_COMPONENT_TYPE_FLOAT_E4M3_NV:
    case VK_COMPONENT_TYPE_FLOAT_E5M2_NV:
      return 1;
    case VK_COMPONENT_TYPE_FLOAT16_KHR:
    case VK_COMPONENT_TYPE_SINT16_KHR:
    case VK_COMPONENT_TYPE_UINT16_KHR:
      return 2;
    case VK_COMPONENT_TYPE_FLOAT32_KHR:
    case VK_COMPONENT_TYPE_SINT32_KHR:
    case VK_COMPONENT_TYPE_UINT32_KHR:
      return 4;
    case VK_COMPONENT_TYPE_FLOAT64_KHR:
    case VK_COMPONENT_TYPE_SINT64_KHR:
    case VK_COMPONENT_TYPE_UINT64_KHR:
      return 8;
    default:
      return 0;
  }
}

VkConvertCooperativeVectorMatrixInfoNV info_of(const Args& a) noexcept {
  VkConvertCooperativeVectorMatrixInfoNV info{};
  info.sType = VK_STRUCTURE_TYPE_CONVERT_COOPERATIVE_VECTOR_MATRIX_INFO_NV;
  info.srcComponentType = static_cast<VkComponentTypeKHR>(a.sourceType);
  info.dstComponentType = static_cast<VkComponentTypeKHR>(a.type);
  info.numRows = a.rows;
  info.numColumns = a.columns;
  info.srcLayout = static_cast<VkCooperativeVectorMatrixLayoutNV>(a.sourceLayout);
  info.srcStride = a.sourceStride;
  info.dstLayout = static_cast<VkCooperativeVectorMatrixLayoutNV>(a.layout);
  info.dstStride = a.stride;
  return info;
}

// What the driver will read; nullopt when that cannot be told.
std::optional<std::uint64_t> source_bytes(PFN_vkConvertCooperativeVectorMatrixNV convert,
                                          const Args& a) noexcept {
  const std::uint64_t component = component_bytes(a.sourceType);
  if (component == 0 || a.rows == 0 || a.columns == 0) return std::nullopt;
  const bool by_row = a.sourceLayout == VK_COOPERATIVE_VECTOR_MATRIX_LAYOUT_ROW_MAJOR_NV;
  if (by_row || a.sourceLayout == VK_COOPERATIVE_VECTOR_MATRIX_LAYOUT_COLUMN_MAJOR_NV) {
    const std::uint64_t lines = by_row ? a.rows : a.columns;
    const std::uint64_t line = (by_row ? a.columns : a.rows) * component;
    std::uint64_t bytes = 0;
    if (__builtin_mul_overflow(lines - 1, a.sourceStride, &bytes) ||
        __builtin_add_overflow(bytes, line, &bytes)) {
      return std::nullopt;
    }
    return bytes;
  }
  // The driver's own layout: as large as it says that such a matrix becomes.
  VkConvertCooperativeVectorMatrixInfoNV info = info_of(a);
  std::size_t size = 0;
  info.pDstSize = &size;
  info.dstComponentType = info.srcComponentType;
  info.dstLayout = info.srcLayout;
  info.dstStride = info.srcStride;
  info.srcLayout = VK_COOPERATIVE_VECTOR_MATRIX_LAYOUT_ROW_MAJOR_NV;
  info.srcStride = a.columns * component;
  if (convert(a.device, &info) != VK_SUCCESS) return std::nullopt;
  return size;
}

}  // namespace

void on_viaductConvertCooperativeVectorMatrix(CommandContext& ctx, Args& a) {
  const auto convert = ctx.device != nullptr ? ctx.device->table.vkConvertCooperativeVectorMatrixNV : nullptr;
  if (convert == nullptr) return ctx.decoder.fail("the driver lacks matrix conversions");
  const std::size_t room = a.pData != nullptr ? *a.pDataSize : 0;
  *a.pDataSize = room;
  VkConvertCooperativeVectorMatrixInfoNV info = info_of(a);
  info.pDstSize = a.pDataSize;
  if (a.pData != nullptr) {
    const auto needed = source_bytes(convert, a);
    if (a.pSource == nullptr || !needed || *needed > a.sourceSize) {
      VIADUCT_LOG_WARN("object", "a matrix conversion without all of its matrix is not made");
      *a.pDataSize = 0;
      a.result = VK_ERROR_OUT_OF_HOST_MEMORY;
      return;
    }
    info.srcSize = a.sourceSize;
    info.srcData.hostAddress = a.pSource;
    info.dstData.hostAddress = a.pData;
  }
  a.result = convert(a.device, &info);
  // Not more than there is, whatever the driver says.
  if (a.pData != nullptr && (a.result != VK_SUCCESS || *a.pDataSize > room)) *a.pDataSize = 0;
}

#else

void on_viaductConvertCooperativeVectorMatrix(CommandContext& ctx,
                                              protocol::viaductConvertCooperativeVectorMatrix_args&) {
  ctx.decoder.fail("the driver lacks matrix conversions");
}

#endif

}  // namespace viaduct::host
