#include <gtest/gtest.h>

#include <cstring>

#include "generated/guest/entrypoints.hpp"
#include "protocol/wire/object_id.hpp"
#include "tests/unit/guest/device_fixture.hpp"

namespace viaduct::guest {
namespace {

using test::DeviceFixture;
using test::Record;

TEST(Pipelines, ThatWereMadeAlthoughAnotherFailedAreHandedOut) {
  constexpr std::uint64_t kMade = 0x0c00000100000001;
  const auto answer = [](const Record&) {
    const std::int32_t result = VK_ERROR_OUT_OF_DEVICE_MEMORY;
    const std::uint32_t count = 2;
    const std::uint64_t names[2] = {kMade, 0};
    std::vector<std::byte> reply(128);
    std::memcpy(reply.data(), &result, 4);
    std::memcpy(reply.data() + 4, &count, 4);
    std::memcpy(reply.data() + 8, names, 16);
    return reply;
  };
  DeviceFixture fixture(answer);
  VkComputePipelineCreateInfo infos[2] = {};
  for (VkComputePipelineCreateInfo& info : infos) {
    info.sType = VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO;
    info.stage.sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO;
    info.stage.pName = "main";
    info.flags = VK_PIPELINE_CREATE_EARLY_RETURN_ON_FAILURE_BIT;
  }
  VkPipeline pipelines[2] = {};
  EXPECT_EQ(
      entry::vkCreateComputePipelines(fixture.device.handle(), VK_NULL_HANDLE, 2, infos, nullptr, pipelines),
      VK_ERROR_OUT_OF_DEVICE_MEMORY);
  EXPECT_EQ(protocol::id_of(pipelines[0]), kMade);
  EXPECT_EQ(pipelines[1], VkPipeline{});
}

}  // namespace
}  // namespace viaduct::guest
