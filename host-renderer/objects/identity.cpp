#include "host-renderer/objects/identity.hpp"

#include "base/hash.hpp"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <string_view>

namespace viaduct::host {
namespace {

constexpr char kVersion[] = "Viaduct 0.1.0";
constexpr std::size_t kCacheHeaderSize = 32;
constexpr std::size_t kCacheUuidOffset = 16;

void name_both(char (&driver_info)[VK_MAX_DRIVER_INFO_SIZE]) noexcept {
  char host[VK_MAX_DRIVER_INFO_SIZE];
  std::memcpy(host, driver_info, sizeof(host));
  host[sizeof(host) - 1] = '\0';
  std::snprintf(driver_info, sizeof(driver_info), "%s%s%.200s", kVersion, host[0] != '\0' ? " on " : "",
                host);
}

bool is_cache_header(std::span<const std::byte> data) noexcept {
  std::uint32_t header[2] = {};  // size, version
  if (data.size() < kCacheHeaderSize) {
    return false;
  }
  std::memcpy(header, data.data(), sizeof(header));
  return header[0] >= kCacheHeaderSize && header[1] == VK_PIPELINE_CACHE_HEADER_VERSION_ONE;
}

template <class T>
T& as(VkBaseOutStructure* base) noexcept {
  return *reinterpret_cast<T*>(base);
}

}  // namespace

void derive_uuid(std::uint8_t (&uuid)[VK_UUID_SIZE]) noexcept {
  // FNV-1a: applications keep caches on disk under these UUIDs, so they must not change from build to build.
  char seed[VK_UUID_SIZE + sizeof(kVersion)] = {};
  std::memcpy(seed, uuid, VK_UUID_SIZE);
  std::memcpy(seed + VK_UUID_SIZE, kVersion, sizeof(kVersion));
  for (std::size_t part = 0; part < VK_UUID_SIZE / sizeof(std::uint32_t); ++part) {
    seed[0] =
        static_cast<char>(seed[0] + 1);  // early in the text, so that everything after it is hashed anew
    const std::uint32_t hash = fnv1a32(std::string_view(seed, sizeof(seed)));
    std::memcpy(uuid + part * sizeof(hash), &hash, sizeof(hash));
  }
}

void present_as_viaduct(VkPhysicalDeviceProperties& properties, std::uint32_t guest_version) noexcept {
  char host[VK_MAX_PHYSICAL_DEVICE_NAME_SIZE];
  std::memcpy(host, properties.deviceName, sizeof(host));
  host[sizeof(host) - 1] = '\0';
  std::snprintf(properties.deviceName, sizeof(properties.deviceName), "Viaduct (%.240s)", host);
  if (properties.deviceType != VK_PHYSICAL_DEVICE_TYPE_CPU) {
    properties.deviceType = VK_PHYSICAL_DEVICE_TYPE_VIRTUAL_GPU;
  }
  derive_uuid(properties.pipelineCacheUUID);
  // Mappings are pages of the region.
  properties.limits.minMemoryMapAlignment =
      std::min(properties.limits.minMemoryMapAlignment, std::size_t{4096});
  // A newer driver than either registry: the guest has no entry points, or the worker no decoders, for what
  // it is not built from.
  properties.apiVersion =
      std::min({properties.apiVersion, std::uint32_t{VK_HEADER_VERSION_COMPLETE}, guest_version});
}

void present_as_viaduct(VkPhysicalDeviceProperties2& properties, std::uint32_t guest_version) noexcept {
  present_as_viaduct(properties.properties, guest_version);
  for (auto* next = static_cast<VkBaseOutStructure*>(properties.pNext); next != nullptr; next = next->pNext) {
    switch (next->sType) {
      case VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_ID_PROPERTIES:
        derive_uuid(as<VkPhysicalDeviceIDProperties>(next).deviceUUID);
        derive_uuid(as<VkPhysicalDeviceIDProperties>(next).driverUUID);
        break;
      case VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_1_PROPERTIES:
        derive_uuid(as<VkPhysicalDeviceVulkan11Properties>(next).deviceUUID);
        derive_uuid(as<VkPhysicalDeviceVulkan11Properties>(next).driverUUID);
        break;
      case VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_DRIVER_PROPERTIES:
        name_both(as<VkPhysicalDeviceDriverProperties>(next).driverInfo);
        break;
      case VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_PROPERTIES:
        name_both(as<VkPhysicalDeviceVulkan12Properties>(next).driverInfo);
        break;
      default:
        break;
    }
  }
}

void cache_data_to_guest(std::span<std::byte> data) noexcept {
  if (is_cache_header(data)) {
    std::uint8_t uuid[VK_UUID_SIZE];
    std::memcpy(uuid, data.data() + kCacheUuidOffset, sizeof(uuid));
    derive_uuid(uuid);
    std::memcpy(data.data() + kCacheUuidOffset, uuid, sizeof(uuid));
  }
}

void cache_data_to_host(std::span<std::byte> data, const std::uint8_t (&host_uuid)[VK_UUID_SIZE]) noexcept {
  std::uint8_t derived[VK_UUID_SIZE];
  std::memcpy(derived, host_uuid, sizeof(derived));
  derive_uuid(derived);
  if (is_cache_header(data) && std::memcmp(data.data() + kCacheUuidOffset, derived, sizeof(derived)) == 0) {
    std::memcpy(data.data() + kCacheUuidOffset, host_uuid, sizeof(derived));
  }
}

}  // namespace viaduct::host
