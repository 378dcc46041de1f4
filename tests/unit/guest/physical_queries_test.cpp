// The queries of a physical device, before and after the loss of the session.
#include <gtest/gtest.h>
#include <stdlib.h>

#include <cstring>
#include <vector>

#include "generated/guest/entrypoints.hpp"
#include "guest-icd/objects/device_facts.hpp"
#include "tests/unit/guest/device_fixture.hpp"

namespace viaduct::guest {
namespace {

using test::DeviceFixture;

constexpr std::uint32_t kVersion = VK_API_VERSION_1_3;

// As enumeration leaves it, for a device of Vulkan 1.3 without extensions.
void enumerate(DeviceFacts& facts) {
  facts.properties.apiVersion = kVersion;
  facts.properties.limits.nonCoherentAtomSize = 64;
  facts.features.geometryShader = VK_TRUE;
  facts.property_chain = ChainAnswers(kPropertyStructs, kVersion, {});
  for (auto* p = static_cast<VkBaseOutStructure*>(facts.property_chain.chain()); p != nullptr; p = p->pNext) {
    if (p->sType == VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_PROPERTIES) {
      reinterpret_cast<VkPhysicalDeviceVulkan12Properties*>(p)->driverID = VK_DRIVER_ID_MESA_LLVMPIPE;
    }
  }
  facts.feature_chain = ChainAnswers(kFeatureStructs, kVersion, {});
  facts.families.resize(1);
  facts.families[0].properties.timestampValidBits = 36;
  const std::vector<VkFormat> formats = fetched_formats(kVersion);
  facts.formats.resize(formats.size());
  facts.formats3.resize(formats.size());
  for (std::size_t i = 0; i < formats.size(); ++i) {
    facts.formats[i].bufferFeatures = facts.formats[i].linearTilingFeatures = 1;
    facts.formats[i].optimalTilingFeatures = static_cast<VkFormatFeatureFlags>(formats[i]);
    facts.formats3[i].optimalTilingFeatures = 0x100000000u + static_cast<std::uint32_t>(formats[i]);
  }
}

template <class T>
T dirty(VkStructureType type, void* next) {
  T out;
  std::memset(&out, 0x5a, sizeof(out));
  out.sType = type;
  out.pNext = static_cast<decltype(out.pNext)>(next);
  return out;
}

struct Queries : ::testing::Test {
  DeviceFixture fixture;
  VkPhysicalDevice gpu = fixture.physical.handle();

  Queries() {
    enumerate(fixture.physical.facts);
    fixture.physical.memory.memoryTypeCount = 2;
  }
};

TEST(DeviceFacts, EveryFetchedFormatIsFoundAgain) {
  for (const std::uint32_t version : {VK_API_VERSION_1_0, VK_API_VERSION_1_1, VK_API_VERSION_1_3}) {
    const std::vector<VkFormat> formats = fetched_formats(version);
    for (std::size_t i = 0; i < formats.size(); ++i) {
      ASSERT_EQ(fetched_index(formats[i], version), static_cast<std::ptrdiff_t>(i));
    }
  }
  EXPECT_EQ(fetched_index(VK_FORMAT_G8B8G8R8_422_UNORM, VK_API_VERSION_1_0), -1);
  EXPECT_EQ(fetched_index(VK_FORMAT_PVRTC1_2BPP_UNORM_BLOCK_IMG, VK_API_VERSION_1_3), -1);
  EXPECT_EQ(fetched_index(VK_FORMAT_MAX_ENUM, VK_API_VERSION_1_3), -1);
}

TEST(Instance, OnlyZinkIsToldOfACpuAndOnlyIfThatIsAskedFor) {
  VkApplicationInfo zink{
      VK_STRUCTURE_TYPE_APPLICATION_INFO, nullptr, "glxgears", 0, "mesa zink", 0, kVersion};
  VkApplicationInfo other = zink;
  other.pEngineName = "DXVK";
  VkApplicationInfo nameless = zink;
  nameless.pEngineName = nullptr;
  ::unsetenv("VIADUCT_ZINK_DEVICE");
  EXPECT_FALSE(wants_cpu(&zink));
  ::setenv("VIADUCT_ZINK_DEVICE", "gpu", 1);
  EXPECT_FALSE(wants_cpu(&zink));
  ::setenv("VIADUCT_ZINK_DEVICE", "cpu", 1);
  EXPECT_TRUE(wants_cpu(&zink));
  EXPECT_FALSE(wants_cpu(&other));
  EXPECT_FALSE(wants_cpu(&nameless));
  EXPECT_FALSE(wants_cpu(nullptr));
  ::unsetenv("VIADUCT_ZINK_DEVICE");
}

TEST(DeviceFacts, OnlyStructsThatTheDeviceFillsAreFetched) {
  ChainAnswers old(kPropertyStructs, VK_API_VERSION_1_1, {});
  auto later = dirty<VkPhysicalDeviceVulkan13Properties>(
      VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_3_PROPERTIES, nullptr);
  EXPECT_FALSE(old.fill(&later));
  VkExtensionProperties extension{};
  std::strcpy(extension.extensionName, VK_EXT_TRANSFORM_FEEDBACK_EXTENSION_NAME);
  auto feedback = dirty<VkPhysicalDeviceTransformFeedbackPropertiesEXT>(
      VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_TRANSFORM_FEEDBACK_PROPERTIES_EXT, nullptr);
  EXPECT_FALSE(old.fill(&feedback));
  ChainAnswers with(kPropertyStructs, VK_API_VERSION_1_1, {&extension, 1});
  EXPECT_TRUE(with.fill(&feedback));
  EXPECT_EQ(feedback.maxTransformFeedbackStreams, 0u);
}

TEST(DeviceFacts, AStructThatIsNeverFetchedIsAskedFor) {
  const ChainStruct known[] = {{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_PROPERTIES,
                                sizeof(VkPhysicalDeviceVulkan12Properties),
                                VK_API_VERSION_1_2,
                                {},
                                false}};
  ChainAnswers none(known, kVersion, {});
  EXPECT_EQ(none.chain(), nullptr);
  auto properties = dirty<VkPhysicalDeviceVulkan12Properties>(
      VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_PROPERTIES, nullptr);
  EXPECT_FALSE(none.fill(&properties));
}

#ifdef VK_VERSION_1_4
TEST(DeviceFacts, PropertiesWithPointersToTheApplicationsMemoryAreAskedFor) {
  ChainAnswers answers(kPropertyStructs, VK_API_VERSION_1_4, {});
  auto properties = dirty<VkPhysicalDeviceVulkan14Properties>(
      VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_4_PROPERTIES, nullptr);
  EXPECT_FALSE(answers.fill(&properties));
}
#endif

TEST_F(Queries, AreAnsweredWithoutTheHost) {
  fixture.host.hold(true);  // a round trip would hang
  auto properties12 = dirty<VkPhysicalDeviceVulkan12Properties>(
      VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_PROPERTIES, nullptr);
  auto unknown = dirty<VkBaseOutStructure>(static_cast<VkStructureType>(0x7ffffff0), &properties12);
  auto properties =
      dirty<VkPhysicalDeviceProperties2>(VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2, &unknown);
  entry::vkGetPhysicalDeviceProperties2(gpu, &properties);
  EXPECT_EQ(properties.properties.limits.nonCoherentAtomSize, 64u);
  EXPECT_EQ(properties12.driverID, VK_DRIVER_ID_MESA_LLVMPIPE);
  EXPECT_EQ(properties12.pNext, nullptr);

  auto wide = dirty<VkFormatProperties3>(VK_STRUCTURE_TYPE_FORMAT_PROPERTIES_3, nullptr);
  auto format = dirty<VkFormatProperties2>(VK_STRUCTURE_TYPE_FORMAT_PROPERTIES_2, &wide);
  entry::vkGetPhysicalDeviceFormatProperties2(gpu, VK_FORMAT_D32_SFLOAT, &format);
  EXPECT_EQ(format.formatProperties.optimalTilingFeatures, static_cast<std::uint32_t>(VK_FORMAT_D32_SFLOAT));
  EXPECT_EQ(wide.optimalTilingFeatures, 0x100000000u + VK_FORMAT_D32_SFLOAT);

  auto family = dirty<VkQueueFamilyProperties2>(VK_STRUCTURE_TYPE_QUEUE_FAMILY_PROPERTIES_2, nullptr);
  std::uint32_t count = 5;
  entry::vkGetPhysicalDeviceQueueFamilyProperties2(gpu, &count, &family);
  EXPECT_EQ(count, 1u);
  EXPECT_EQ(family.queueFamilyProperties.timestampValidBits, 36u);

  auto memory = dirty<VkPhysicalDeviceMemoryProperties2>(
      VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MEMORY_PROPERTIES_2, nullptr);
  entry::vkGetPhysicalDeviceMemoryProperties2(gpu, &memory);
  EXPECT_EQ(memory.memoryProperties.memoryTypeCount, 2u);
  fixture.host.hold(false);
}

TEST_F(Queries, AfterALossGiveWhatWasFetchedAndZerosForTheRest) {
  fixture.host.channel().abandon();
  auto feedback = dirty<VkPhysicalDeviceTransformFeedbackPropertiesEXT>(
      VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_TRANSFORM_FEEDBACK_PROPERTIES_EXT, nullptr);
  auto properties12 = dirty<VkPhysicalDeviceVulkan12Properties>(
      VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_PROPERTIES, &feedback);
  auto properties =
      dirty<VkPhysicalDeviceProperties2>(VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2, &properties12);
  entry::vkGetPhysicalDeviceProperties2(gpu, &properties);
  EXPECT_EQ(properties.properties.apiVersion, kVersion);
  EXPECT_EQ(properties12.driverID, VK_DRIVER_ID_MESA_LLVMPIPE);
  EXPECT_EQ(properties12.pNext, &feedback);
  EXPECT_EQ(feedback.sType, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_TRANSFORM_FEEDBACK_PROPERTIES_EXT);
  EXPECT_EQ(feedback.maxTransformFeedbackBuffers, 0u);

  auto features = dirty<VkPhysicalDeviceFeatures2>(VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2, nullptr);
  entry::vkGetPhysicalDeviceFeatures2(gpu, &features);
  EXPECT_TRUE(features.features.geometryShader);
  EXPECT_FALSE(features.features.tessellationShader);

  VkFormatProperties format;
  std::memset(&format, 0x5a, sizeof(format));
  entry::vkGetPhysicalDeviceFormatProperties(gpu, VK_FORMAT_R8_UNORM, &format);
  EXPECT_EQ(format.optimalTilingFeatures, static_cast<std::uint32_t>(VK_FORMAT_R8_UNORM));
  entry::vkGetPhysicalDeviceFormatProperties(gpu, VK_FORMAT_PVRTC1_2BPP_UNORM_BLOCK_IMG, &format);
  EXPECT_EQ(format.optimalTilingFeatures, 0u);

  auto budget = dirty<VkPhysicalDeviceMemoryBudgetPropertiesEXT>(
      VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MEMORY_BUDGET_PROPERTIES_EXT, nullptr);
  auto memory = dirty<VkPhysicalDeviceMemoryProperties2>(
      VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MEMORY_PROPERTIES_2, &budget);
  entry::vkGetPhysicalDeviceMemoryProperties2(gpu, &memory);
  EXPECT_EQ(memory.memoryProperties.memoryTypeCount, 2u);
  EXPECT_EQ(budget.heapUsage[0], 0u);
}

// Queries that nobody fetches: no output stays as the application left it.
TEST_F(Queries, AfterALossNoOutputStaysUninitialised) {
  fixture.host.channel().abandon();
  VkPhysicalDeviceExternalBufferInfo info{};
  info.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_EXTERNAL_BUFFER_INFO;
  auto external = dirty<VkExternalBufferProperties>(VK_STRUCTURE_TYPE_EXTERNAL_BUFFER_PROPERTIES, nullptr);
  entry::vkGetPhysicalDeviceExternalBufferProperties(gpu, &info, &external);
  EXPECT_EQ(external.externalMemoryProperties.externalMemoryFeatures, 0u);
  VkExtent2D granularity{7, 7};
  entry::vkGetRenderAreaGranularity(fixture.device.handle(), VK_NULL_HANDLE, &granularity);
  EXPECT_EQ(granularity.width, 0u);
  std::uint32_t count = 9;
  entry::vkGetImageSparseMemoryRequirements(fixture.device.handle(), VK_NULL_HANDLE, &count, nullptr);
  EXPECT_EQ(count, 0u);
}

}  // namespace
}  // namespace viaduct::guest
