// What most drawing cases start from: a context, one colour target with its pass, and a few meshes.
#pragma once

#include <cmath>

#include "vk.hpp"

namespace pixels {

struct Place {
  float offset[2] = {0, 0};
  float scale[2] = {1, 1};
  float tint[4] = {1, 1, 1, 1};
};

class Canvas {
 public:
  explicit Canvas(Context& context, uint32_t w = 128, uint32_t h = 128, PassOptions options = {})
      : ctx(context), width(w), height(h) {
    ImageOptions image;
    image.extent = {width, height, 1};
    image.format = options.color;
    color = ctx.image(image);
    pass = ctx.render_pass(options);
    framebuffer = ctx.framebuffer(pass, {color.view}, width, height);
    layout = ctx.pipeline_layout({}, 128);
  }

  PipelineOptions options(Words vertex, Words fragment) const {
    PipelineOptions result;
    result.vertex = vertex;
    result.fragment = fragment;
    result.layout = layout;
    result.pass = pass;
    return result;
  }

  void begin(VkCommandBuffer cb, VkSubpassContents contents = VK_SUBPASS_CONTENTS_INLINE) const {
    begin_pass(cb, pass, framebuffer, width, height, {clear_color(0.1f, 0.2f, 0.3f)}, contents);
    if (contents == VK_SUBPASS_CONTENTS_INLINE) viewport(cb, width, height);
  }

  void draw(const std::function<void(VkCommandBuffer)>& record) {
    ctx.submit([&](VkCommandBuffer cb) {
      begin(cb);
      record(cb);
      vkCmdEndRenderPass(cb);
    });
  }

  Bytes pixels() { return ctx.read_image(color, VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL); }

  void place(VkCommandBuffer cb, const Place& at) const {
    vkCmdPushConstants(cb, layout, VK_SHADER_STAGE_ALL, 0, sizeof at, &at);
  }

  Context& ctx;
  uint32_t width, height;
  Image color;
  VkRenderPass pass;
  VkFramebuffer framebuffer;
  VkPipelineLayout layout;
};

// `blades` triangles around the origin, every one in a colour of its own.
inline std::vector<Vertex> pinwheel(int blades, float depth = 0.5f) {
  std::vector<Vertex> vertices;
  for (int i = 0; i < blades; ++i) {
    float a = 6.2831853f * static_cast<float>(i) / static_cast<float>(blades), b = a + 0.6f;
    float r = static_cast<float>(i % 3) / 2.0f, g = static_cast<float>(i % 5) / 4.0f, blue = 1.0f - r * 0.7f;
    vertices.push_back({{0, 0, depth}, {1, 1, 1}, {0.5f, 0.5f}});
    vertices.push_back({{std::cos(a), std::sin(a), depth}, {r, g, blue}, {1, 0}});
    vertices.push_back({{std::cos(b), std::sin(b), depth}, {g, blue, r}, {0, 1}});
  }
  return vertices;
}

inline Buffer vertex_buffer(Context& ctx, const std::vector<Vertex>& vertices) {
  Buffer buffer = ctx.buffer(vertices.size() * sizeof(Vertex), VK_BUFFER_USAGE_VERTEX_BUFFER_BIT);
  ctx.upload(buffer, vertices.data(), vertices.size() * sizeof(Vertex));
  return buffer;
}

inline void bind_vertices(VkCommandBuffer cb, const Buffer& buffer, uint32_t binding = 0) {
  VkDeviceSize offset = 0;
  vkCmdBindVertexBuffers(cb, binding, 1, &buffer.handle, &offset);
}

inline std::vector<float> instance_grid(uint32_t count) {
  std::vector<float> data;
  for (uint32_t i = 0; i < count; ++i) {
    data.push_back(-0.8f + 0.4f * static_cast<float>(i % 5));
    data.push_back(-0.8f + 0.4f * static_cast<float>(i / 5 % 5));
    data.push_back(0.15f + 0.01f * static_cast<float>(i % 7));
    data.push_back(static_cast<float>(i) / static_cast<float>(count));
  }
  return data;
}

}  // namespace pixels
