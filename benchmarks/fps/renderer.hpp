// One tenant's Vulkan side: a device, three frames in flight, and a loop body.
//
// Every frame writes its uniforms into persistently mapped memory, records its command buffer anew (one push
// constant and one indexed draw a box), renders into an image of its own and copies that image into mapped
// memory: the frame comes back to the program, as a presented one would. One thread uses a Renderer. Failures
// are exceptions of type std::runtime_error.
#pragma once

#include <vulkan/vulkan.h>

#include <array>
#include <cstddef>
#include <span>
#include <vector>

#include "fps/scene.hpp"
#include "vulkan/gpu.hpp"

namespace viaduct::bench {

struct RendererOptions {
  Scene scene = Scene::kCubes;
  uint32_t tenant = 1;
  uint32_t width = 0, height = 0;  // 0: 1280x720, on a software driver 640x360
};

class Renderer {
 public:
  static constexpr uint32_t kFramesInFlight = 3;

  explicit Renderer(const RendererOptions& options);
  Renderer(const Renderer&) = delete;
  Renderer& operator=(const Renderer&) = delete;

  const char* device_name() const { return gpu_.properties.deviceName; }
  uint32_t width() const { return options_.width; }
  uint32_t height() const { return options_.height; }

  // Waits until the frame kFramesInFlight before this one has ended, then records and submits frame `number`.
  void render(uint64_t number);
  // Waits for all frames and gives the picture of the last one rendered, RGBA, top row first.
  std::span<const std::byte> finish();

 private:
  struct Frame {
    Gpu::Image color, depth;
    VkFramebuffer framebuffer = VK_NULL_HANDLE;
    Gpu::Buffer uniforms, readback;
    VkDescriptorSet set = VK_NULL_HANDLE;
    VkCommandPool pool = VK_NULL_HANDLE;
    VkCommandBuffer commands = VK_NULL_HANDLE;
    VkFence fence = VK_NULL_HANDLE;
  };

  void choose_size();
  void create_pass();
  void create_pipelines();
  void create_mesh();
  void create_frame(Frame& frame);
  VkPipeline create_pipeline(std::span<const uint32_t> vertex, std::span<const uint32_t> fragment, bool mesh);
  void record(Frame& frame);
  void record_idle_commands(Frame& frame);

  RendererOptions options_;
  Gpu gpu_;
  VkFormat depth_format_ = VK_FORMAT_D32_SFLOAT;
  VkRenderPass pass_ = VK_NULL_HANDLE;
  VkDescriptorSetLayout set_layout_ = VK_NULL_HANDLE;
  VkDescriptorPool descriptors_ = VK_NULL_HANDLE;
  VkPipelineLayout layout_ = VK_NULL_HANDLE;
  VkPipeline boxes_pipeline_ = VK_NULL_HANDLE, sky_pipeline_ = VK_NULL_HANDLE;
  Gpu::Buffer mesh_;
  std::array<Frame, kFramesInFlight> frames_;
  std::vector<Box> boxes_;
  uint64_t last_ = 0;
};

}  // namespace viaduct::bench
