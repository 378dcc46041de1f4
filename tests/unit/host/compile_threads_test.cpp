// Pipelines that are made beside the decode thread: the stream goes on, and nobody sees one too early.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "tests/unit/host/fake_vulkan.hpp"
#include "tests/unit/host/guest_end.hpp"

namespace viaduct::host::testing {
namespace {

class Compiling : public ::testing::Test {
 protected:
  Compiling() {
    guest.make_device();
    VkPipelineLayoutCreateInfo info{};
    info.sType = VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO;
    VkPipelineLayout made = layout;
    Records r;
    r.add(VIADUCT_TEST_CALL(vkCreatePipelineLayout, guest.device(), &info, nullptr, &made));
    guest.send(r);
    make_module(0);
  }
  ~Compiling() override {
    log.let_go();
    guest.finish();
    EXPECT_EQ(log.destroyed_in_use, 0u);
    EXPECT_EQ(FakeVulkan::get().live_devices, 0u);
  }

  static VkShaderModule module(std::uint32_t i) {
    return GuestEnd::handle<VkShaderModule>(ObjectType::kShaderModule, i);
  }
  static VkPipeline pipeline(std::uint32_t i, std::uint32_t generation = 1) {
    return GuestEnd::handle<VkPipeline>(ObjectType::kPipeline, i, generation);
  }
  void make_module(std::uint32_t i) {
    const std::uint32_t code[] = {0x07230203};
    VkShaderModuleCreateInfo info{};
    info.sType = VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO;
    info.codeSize = sizeof(code);
    info.pCode = code;
    VkShaderModule made = module(i);
    Records r;
    r.add(VIADUCT_TEST_CALL(vkCreateShaderModule, guest.device(), &info, nullptr, &made));
    guest.send(r);
  }
  void make_pipeline(VkPipeline made, std::uint32_t of_module = 0, int slot = -1) {
    VkComputePipelineCreateInfo info{};
    info.sType = VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO;
    info.stage.sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO;
    info.stage.stage = VK_SHADER_STAGE_COMPUTE_BIT;
    info.stage.module = module(of_module);
    info.stage.pName = "main";
    info.layout = layout;
    Records r;
    r.add(VIADUCT_TEST_CALL(vkCreateComputePipelines, guest.device(), VkPipelineCache{}, 1, &info, nullptr,
                            &made),
          slot);
    guest.send(r);
  }
  void destroy_module(std::uint32_t i) {
    Records r;
    r.add(VIADUCT_TEST_CALL(vkDestroyShaderModule, guest.device(), module(i), nullptr));
    guest.send(r);
  }
  void bind(VkPipeline bound) {
    VkCommandBufferBeginInfo begin{};
    begin.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO;
    Records r;
    r.add(VIADUCT_TEST_CALL(vkBeginCommandBuffer, &begin));
    r.add(VIADUCT_TEST_CALL(vkCmdBindPipeline, VK_PIPELINE_BIND_POINT_COMPUTE, bound));
    r.add(Command::vkEndCommandBuffer, [](auto&) {});
    guest.send(r, guest.command_buffer_id());
  }
  // A round trip: everything before it in the stream was taken up.
  void ask() {
    VkMemoryRequirements wanted{};
    VkBufferCreateInfo info{};
    info.sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO;
    info.size = 4096;
    VkBuffer made = GuestEnd::handle<VkBuffer>(ObjectType::kBuffer, asked_++);
    Records r;
    r.add(VIADUCT_TEST_CALL(vkCreateBuffer, guest.device(), &info, nullptr, &made));
    r.add(VIADUCT_TEST_CALL(vkGetBufferMemoryRequirements, guest.device(), made, &wanted), 1);
    guest.send(r);
    EXPECT_FALSE(guest.reply(1).empty());
  }

  const VkPipelineLayout layout = GuestEnd::handle<VkPipelineLayout>(ObjectType::kPipelineLayout);
  CompilingLog& log = FakeVulkan::get().compiling;
  GuestEnd guest;

 private:
  std::uint32_t asked_ = 0;
};

TEST_F(Compiling, TheStreamGoesOnMeanwhile) {
  log.hold();
  make_pipeline(pipeline(0));
  ask();
  EXPECT_EQ(log.made, 0u);
  log.let_go();
  bind(pipeline(0));
  guest.settle();
  EXPECT_EQ(log.bound, 0x9001u);
}

TEST_F(Compiling, WhoBindsAPipelineWaitsForIt) {
  log.hold();
  make_pipeline(pipeline(0));
  ASSERT_TRUE(log.wait_running(1));
  bind(pipeline(0));
  // It cannot be seen that nothing happens; some time for what must not.
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  EXPECT_EQ(log.bound, 0u);
  log.let_go();
  guest.settle();
  EXPECT_EQ(log.bound, 0x9001u);
}

TEST_F(Compiling, AModuleLivesAsLongAsItsCreationsRun) {
  log.hold();
  make_pipeline(pipeline(0));
  ASSERT_TRUE(log.wait_running(1));
  destroy_module(0);
  // The name is free at once.
  make_module(0);
  make_pipeline(pipeline(1));
  ask();
  EXPECT_EQ(log.modules_destroyed, 0u);
  log.let_go();
  bind(pipeline(1));
  guest.settle();
  destroy_module(0);
  ask();
  // The first one's destruction waited for the creations before it, the second's for those before that.
  bind(pipeline(0));
  guest.settle();
  guest.finish();
  EXPECT_EQ(log.modules_destroyed, 2u);
}

TEST_F(Compiling, SeveralAreMadeAtOnce) {
  const unsigned threads = CompileThreads::suitable_threads();
  log.hold();
  for (std::uint32_t i = 0; i < 8; ++i) make_pipeline(pipeline(i));
  EXPECT_TRUE(log.wait_running(std::min(threads, 8u)));
  ask();
  log.let_go();
  bind(pipeline(7));
  guest.settle();
  // Of the calls behind a full queue none is lost either.
  for (std::uint32_t i = 8; i < 600; ++i) make_pipeline(pipeline(i));
  for (std::uint32_t i = 8; i < 600; ++i) bind(pipeline(i));
  guest.settle();
  EXPECT_EQ(log.made, 600u);
}

TEST_F(Compiling, ACallIsAnsweredByItsOwnThread) {
  log.hold();
  make_pipeline(pipeline(0), 0, 2);
  ask();
  log.let_go();
  EXPECT_FALSE(guest.reply(2).empty());
  EXPECT_EQ(log.made, 1u);
}

TEST_F(Compiling, OneThatFailsIsStale) {
  log.result = VK_ERROR_OUT_OF_DEVICE_MEMORY;
  make_pipeline(pipeline(0));
  bind(pipeline(0));
  guest.settle();
  EXPECT_EQ(log.bound, 0u);
  EXPECT_FALSE(guest.ended());
  // Whose name may be given to another one.
  log.result = VK_SUCCESS;
  make_pipeline(pipeline(0, 2));
  bind(pipeline(0, 2));
  guest.settle();
  EXPECT_EQ(log.bound, 0x9001u);
}

TEST_F(Compiling, ANameThatIsGivenTwiceEndsInOne) {
  log.hold();
  make_pipeline(pipeline(0));
  ASSERT_TRUE(log.wait_running(1));
  make_pipeline(pipeline(0));  // waits for the first
  log.let_go();
  bind(pipeline(0));
  guest.settle();
  EXPECT_EQ(log.bound, 0x9002u);
}

TEST_F(Compiling, ADeviceEndsAfterItsCreations) {
  log.hold();
  make_pipeline(pipeline(0));
  ASSERT_TRUE(log.wait_running(1));
  Records r;
  r.add(VIADUCT_TEST_CALL(vkDestroyDevice, guest.device(), nullptr));
  guest.send(r);
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  EXPECT_EQ(FakeVulkan::get().live_devices, 1u);
  log.let_go();
  guest.settle();
  EXPECT_EQ(FakeVulkan::get().live_devices, 0u);
}

TEST_F(Compiling, ACacheIsLockedByTheDriver) {
  VkPipelineCacheCreateInfo info{};
  info.sType = VK_STRUCTURE_TYPE_PIPELINE_CACHE_CREATE_INFO;
  info.flags = VK_PIPELINE_CACHE_CREATE_EXTERNALLY_SYNCHRONIZED_BIT;
  auto cache = GuestEnd::handle<VkPipelineCache>(ObjectType::kPipelineCache);
  Records r;
  r.add(VIADUCT_TEST_CALL(vkCreatePipelineCache, guest.device(), &info, nullptr, &cache));
  guest.send(r);
  guest.settle();
  EXPECT_EQ(log.caches_in_turn, 0u);
}

}  // namespace
}  // namespace viaduct::host::testing
