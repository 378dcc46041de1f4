#include "host-renderer/objects/identity.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <vector>

namespace viaduct::host {
namespace {

TEST(Identity, NamesTheHostsDeviceInsideItsOwnName) {
  VkPhysicalDeviceProperties p{};
  std::strcpy(p.deviceName, "GeForce");
  p.deviceType = VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU;
  p.vendorID = 0x10de;
  present_as_viaduct(p);
  EXPECT_STREQ(p.deviceName, "Viaduct (GeForce)");
  EXPECT_EQ(p.deviceType, VK_PHYSICAL_DEVICE_TYPE_VIRTUAL_GPU);
  EXPECT_EQ(p.vendorID, 0x10deu);
}

TEST(Identity, ACpuStaysACpu) {
  VkPhysicalDeviceProperties p{};
  p.deviceType = VK_PHYSICAL_DEVICE_TYPE_CPU;
  present_as_viaduct(p);
  EXPECT_EQ(p.deviceType, VK_PHYSICAL_DEVICE_TYPE_CPU);
}

TEST(Identity, NoVersionIsOfferedThatThisBuildDoesNotKnow) {
  VkPhysicalDeviceProperties p{};
  p.apiVersion = VK_MAKE_API_VERSION(0, 1, 9, 0);
  present_as_viaduct(p);
  EXPECT_EQ(p.apiVersion, VK_HEADER_VERSION_COMPLETE);
  p.apiVersion = VK_API_VERSION_1_1;
  present_as_viaduct(p);
  EXPECT_EQ(p.apiVersion, VK_API_VERSION_1_1);
}

// Mappings are pages of the region, and the memory that the guest sees is coherent whatever the atom is.
TEST(Identity, MappingsAreAsAlignedAsThePropertiesSay) {
  VkPhysicalDeviceProperties properties{};
  properties.limits.minMemoryMapAlignment = 65536;
  properties.limits.nonCoherentAtomSize = 256;
  present_as_viaduct(properties);
  EXPECT_EQ(properties.limits.minMemoryMapAlignment, 4096u);
  EXPECT_EQ(properties.limits.nonCoherentAtomSize, 256u);
  properties.limits.minMemoryMapAlignment = 64;
  present_as_viaduct(properties);
  EXPECT_EQ(properties.limits.minMemoryMapAlignment, 64u);
}

TEST(Identity, ALongNameStaysTerminated) {
  VkPhysicalDeviceProperties p{};
  std::memset(p.deviceName, 'x', sizeof(p.deviceName));  // a driver that forgot the end
  present_as_viaduct(p);
  EXPECT_LT(std::string(p.deviceName).size(), sizeof(p.deviceName));
}

TEST(Identity, UuidsAreDerivedAndDistinct) {
  std::uint8_t a[VK_UUID_SIZE] = {1};
  std::uint8_t again[VK_UUID_SIZE] = {1};
  std::uint8_t b[VK_UUID_SIZE] = {2};
  const std::vector<std::uint8_t> host(a, a + VK_UUID_SIZE);
  derive_uuid(a);
  derive_uuid(again);
  derive_uuid(b);
  EXPECT_EQ(std::memcmp(a, again, VK_UUID_SIZE), 0);
  EXPECT_NE(std::memcmp(a, b, VK_UUID_SIZE), 0);
  EXPECT_NE(std::memcmp(a, host.data(), VK_UUID_SIZE), 0);
}

TEST(Identity, EveryStructOfTheChainAgreesWithTheOthers) {
  VkPhysicalDeviceIDProperties id{};
  id.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_ID_PROPERTIES;
  VkPhysicalDeviceVulkan11Properties v11{};
  v11.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_1_PROPERTIES;
  v11.pNext = &id;
  VkPhysicalDeviceDriverProperties driver{};
  driver.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_DRIVER_PROPERTIES;
  driver.pNext = &v11;
  std::strcpy(driver.driverInfo, "Mesa 22.3.6");
  VkPhysicalDeviceProperties2 p{};
  p.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2;
  p.pNext = &driver;
  present_as_viaduct(p);
  EXPECT_EQ(std::memcmp(id.deviceUUID, v11.deviceUUID, VK_UUID_SIZE), 0);
  EXPECT_NE(std::string(driver.driverInfo).find("Mesa 22.3.6"), std::string::npos);
  EXPECT_EQ(std::string(driver.driverInfo).rfind("Viaduct", 0), 0u);
}

TEST(Identity, CacheDataChangesItsUuidOnTheWayOutAndBack) {
  std::vector<std::byte> data(48);
  const std::uint32_t header[4] = {32, VK_PIPELINE_CACHE_HEADER_VERSION_ONE, 1, 2};
  std::uint8_t host[VK_UUID_SIZE] = {9, 8, 7};
  std::memcpy(data.data(), header, sizeof(header));
  std::memcpy(data.data() + 16, host, sizeof(host));
  const std::vector<std::byte> original = data;
  cache_data_to_guest(data);
  EXPECT_NE(data, original);
  cache_data_to_host(data, host);
  EXPECT_EQ(data, original);
}

TEST(Identity, ForeignOrShortCacheDataIsLeftAlone) {
  const std::uint8_t host[VK_UUID_SIZE] = {1};
  std::vector<std::byte> data(48, std::byte{0x55});
  const std::vector<std::byte> original = data;
  cache_data_to_host(data, host);
  cache_data_to_guest(data);
  EXPECT_EQ(data, original);
  std::vector<std::byte> tiny(3);
  cache_data_to_guest(tiny);
  cache_data_to_host({}, host);
}

}  // namespace
}  // namespace viaduct::host
