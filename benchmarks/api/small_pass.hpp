// What a recorded draw needs and nothing more: a render pass of one 64 x 64 image, a small graphics pipeline,
// a buffer for vertices and indices, a descriptor set. Everything lives as long as the Gpu that it is made
// on.
#pragma once

#include <array>

#include "vulkan/gpu.hpp"

namespace viaduct::bench {

class SmallPass {
 public:
  static constexpr uint32_t kSize = 64;

  explicit SmallPass(Gpu& gpu);

  // Between begin() and end() only commands that a render pass allows.
  void begin(VkCommandBuffer commands, VkSubpassContents contents) const;
  void end(VkCommandBuffer commands) const { vkCmdEndRenderPass(commands); }
  // A pipeline with a specialization constant, so that no cache makes a second one cheap. The caller destroys
  // it. Any thread may call it.
  VkPipeline create_pipeline(float shade) const;

  VkRenderPass pass = VK_NULL_HANDLE;
  VkFramebuffer framebuffer = VK_NULL_HANDLE;
  VkPipelineLayout layout = VK_NULL_HANDLE;  // one set, a vec4 of push constants for the vertex shader
  VkDescriptorSet set = VK_NULL_HANDLE;      // a uniform buffer at binding 0
  VkPipeline pipeline = VK_NULL_HANDLE;
  Gpu::Buffer buffer;  // vertices, indices, uniforms, indirect and a target of copies: zeros

 private:
  void create_pass();
  void create_set();

  Gpu& gpu_;
  VkDescriptorSetLayout set_layout_ = VK_NULL_HANDLE;
  std::array<VkShaderModule, 2> shaders_{};
};

}  // namespace viaduct::bench
