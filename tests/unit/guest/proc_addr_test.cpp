#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "generated/guest/entrypoints.hpp"
#include "guest-icd/objects/extensions.hpp"
#include "tests/unit/guest/device_fixture.hpp"

namespace viaduct::guest {
namespace {

using test::DeviceFixture;

TEST(ProcAddr, WithoutAnInstanceOnlyGlobalFunctionsExist) {
  EXPECT_NE(entry::vkGetInstanceProcAddr(VK_NULL_HANDLE, "vkCreateInstance"), nullptr);
  EXPECT_NE(entry::vkGetInstanceProcAddr(VK_NULL_HANDLE, "vkEnumerateInstanceExtensionProperties"), nullptr);
  EXPECT_EQ(entry::vkGetInstanceProcAddr(VK_NULL_HANDLE, "vkDestroyInstance"), nullptr);
  EXPECT_EQ(entry::vkGetInstanceProcAddr(VK_NULL_HANDLE, "vkNoSuchFunction"), nullptr);
}

TEST(ProcAddr, InstanceExtensionsProvideTheirFunctionsWhenEnabled) {
  DeviceFixture fixture;
  VkInstance instance = fixture.instance.handle();
  EXPECT_EQ(entry::vkGetInstanceProcAddr(instance, "vkCreateXcbSurfaceKHR"), nullptr);
  EXPECT_EQ(entry::vkGetInstanceProcAddr(instance, "vkGetPhysicalDeviceFeatures2KHR"), nullptr);
  fixture.instance.extensions = {"VK_KHR_xcb_surface", "VK_KHR_get_physical_device_properties2"};
  EXPECT_NE(entry::vkGetInstanceProcAddr(instance, "vkCreateXcbSurfaceKHR"), nullptr);
  EXPECT_NE(entry::vkGetInstanceProcAddr(instance, "vkGetPhysicalDeviceFeatures2KHR"), nullptr);
  // Functions of device extensions: the loader asks before there is a device.
  EXPECT_NE(entry::vkGetInstanceProcAddr(instance, "vkCreateSwapchainKHR"), nullptr);
  EXPECT_EQ(entry::vkGetInstanceProcAddr(instance, "vkGetMemoryHostPointerPropertiesEXT"), nullptr);
}

TEST(ProcAddr, ADeviceHasWhatItsVersionAndExtensionsProvide) {
  DeviceFixture fixture;
  VkDevice device = fixture.device.handle();
  fixture.device.api_version = VK_API_VERSION_1_1;
  EXPECT_NE(entry::vkGetDeviceProcAddr(device, "vkBindBufferMemory2"), nullptr);
  EXPECT_EQ(entry::vkGetDeviceProcAddr(device, "vkQueueSubmit2"), nullptr);
  EXPECT_EQ(entry::vkGetDeviceProcAddr(device, "vkQueueSubmit2KHR"), nullptr);
  EXPECT_EQ(entry::vkGetDeviceProcAddr(device, "vkCreateSwapchainKHR"), nullptr);
  EXPECT_EQ(entry::vkGetDeviceProcAddr(device, "vkEnumeratePhysicalDevices"), nullptr);
  fixture.device.extensions = {"VK_KHR_synchronization2", "VK_KHR_swapchain"};
  EXPECT_NE(entry::vkGetDeviceProcAddr(device, "vkQueueSubmit2KHR"), nullptr);
  EXPECT_EQ(entry::vkGetDeviceProcAddr(device, "vkQueueSubmit2"), nullptr);
  EXPECT_NE(entry::vkGetDeviceProcAddr(device, "vkCreateSwapchainKHR"), nullptr);
  fixture.device.api_version = VK_API_VERSION_1_3;
  EXPECT_NE(entry::vkGetDeviceProcAddr(device, "vkQueueSubmit2"), nullptr);
}

TEST(Extensions, InstanceExtensionsAreEnumeratedWithoutAHost) {
  std::uint32_t count = 0;
  ASSERT_EQ(entry::vkEnumerateInstanceExtensionProperties(nullptr, &count, nullptr), VK_SUCCESS);
  ASSERT_GT(count, 5u);
  std::vector<VkExtensionProperties> some(count);
  std::uint32_t fewer = count - 1;
  EXPECT_EQ(entry::vkEnumerateInstanceExtensionProperties(nullptr, &fewer, some.data()), VK_INCOMPLETE);
  EXPECT_EQ(fewer, count - 1);
  EXPECT_EQ(entry::vkEnumerateInstanceExtensionProperties("VK_LAYER_x", &count, nullptr),
            VK_ERROR_LAYER_NOT_PRESENT);
  EXPECT_TRUE(is_instance_extension("VK_KHR_surface"));
  EXPECT_FALSE(is_instance_extension("VK_KHR_display"));
}

TEST(Extensions, ADeviceOffersWhatBothEndsKnowAndThePolicyAllows) {
  const VkExtensionProperties host[] = {{"VK_KHR_synchronization2", 9999},
                                        {"VK_EXT_external_memory_dma_buf", 1},  // blocked
                                        {"VK_KHR_external_fence_fd", 1},        // the guest's own, too
                                        {"VK_KHR_swapchain", 1},  // the guest's own, not the host's
                                        {"VK_FUTURE_unknown", 1}};
  const auto offered = device_extensions(host, KnownCommands());
  const auto version_of = [&](const std::string& name) -> std::uint32_t {
    for (const auto& entry : offered) {
      if (name == entry.extensionName) return entry.specVersion;
    }
    return 0;
  };
  EXPECT_EQ(version_of("VK_KHR_synchronization2"), std::uint32_t{VK_KHR_SYNCHRONIZATION_2_SPEC_VERSION});
  EXPECT_EQ(version_of("VK_EXT_external_memory_dma_buf"), 0u);
  EXPECT_EQ(std::count_if(offered.begin(), offered.end(),
                          [](const auto& entry) {
                            return std::string_view(entry.extensionName) == "VK_KHR_external_fence_fd";
                          }),
            1);
  EXPECT_EQ(version_of("VK_FUTURE_unknown"), 0u);
  EXPECT_GT(version_of("VK_KHR_swapchain"), 1u);
  EXPECT_TRUE(host_sees_device_extension("VK_KHR_synchronization2"));
  EXPECT_FALSE(host_sees_device_extension("VK_KHR_swapchain"));
  EXPECT_FALSE(host_sees_device_extension("VK_KHR_external_fence_fd"));
}

TEST(Extensions, OneWhoseCommandsTheHostReadsOtherwiseIsNotOffered) {
  std::vector<protocol::Known> welcome;
  for (const protocol::CommandInfo& info : protocol::kCommandInfo) {
    if ((info.flags & protocol::kCommandNoWire) != 0) continue;
    const bool changed = info.canonical == protocol::Command::vkCmdPushDescriptorSetKHR;
    welcome.push_back({info.name_hash, changed ? ~info.form_hash : info.form_hash});
  }
  const KnownCommands commands(welcome);
  EXPECT_FALSE(commands.can_call(protocol::Command::vkCmdPushDescriptorSetKHR));
  EXPECT_TRUE(commands.can_call(protocol::Command::vkCmdDraw));
  EXPECT_TRUE(commands.can_call(protocol::Command::vkMapMemory)) << "the guest's own";
  const VkExtensionProperties host[] = {{"VK_KHR_push_descriptor", 1}, {"VK_KHR_synchronization2", 1}};
  const auto has = [&](const auto& offered, std::string_view name) {
    return std::any_of(offered.begin(), offered.end(),
                       [&](const auto& e) { return name == e.extensionName; });
  };
  EXPECT_FALSE(has(device_extensions(host, commands), "VK_KHR_push_descriptor"));
  EXPECT_TRUE(has(device_extensions(host, commands), "VK_KHR_synchronization2"));
  EXPECT_TRUE(has(device_extensions(host, KnownCommands()), "VK_KHR_push_descriptor"));
}

}  // namespace
}  // namespace viaduct::guest
