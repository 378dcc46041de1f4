#include "canvas.hpp"
#include "shaders/fullscreen_vert.h"
#include "shaders/indexing_frag.h"
#include "shaders/layers_frag.h"
#include "shaders/texture_frag.h"
#include "shaders/texture_lod_frag.h"

using namespace pixels;

namespace {

constexpr VkImageUsageFlags kTexture =
    VK_IMAGE_USAGE_SAMPLED_BIT | VK_IMAGE_USAGE_TRANSFER_DST_BIT | VK_IMAGE_USAGE_TRANSFER_SRC_BIT;
constexpr VkDescriptorType kCombined = VK_DESCRIPTOR_TYPE_COMBINED_IMAGE_SAMPLER;

Bytes checker(uint32_t size, uint32_t seed) {
  Bytes bytes = noise(std::size_t{size} * size * 4, seed);
  for (uint32_t y = 0; y < size; ++y)
    for (uint32_t x = 0; x < size; ++x) {
      std::byte* texel = &bytes[(std::size_t{y} * size + x) * 4];
      if ((x / 8 + y / 8) % 2) texel[0] = texel[1] = std::byte{0xff};
      texel[3] = std::byte{0xff};
    }
  return bytes;
}

void draw_textured(Context& ctx, Canvas& canvas, Words fragment, VkDescriptorSetLayout set_layout,
                   VkDescriptorSet set) {
  auto options = canvas.options(k_fullscreen_vert, fragment);
  options.vertex_input = false;
  options.layout = ctx.pipeline_layout({set_layout});
  VkPipeline pipeline = ctx.pipeline(options);
  canvas.draw([&](VkCommandBuffer cb) {
    vkCmdBindPipeline(cb, VK_PIPELINE_BIND_POINT_GRAPHICS, pipeline);
    vkCmdBindDescriptorSets(cb, VK_PIPELINE_BIND_POINT_GRAPHICS, options.layout, 0, 1, &set, 0, nullptr);
    vkCmdDraw(cb, 3, 1, 0, 0);
  });
}

}  // namespace

PIXELS_CASE(texture, "a sampled texture with linear and nearest filters and three address modes") {
  Context ctx;
  ImageOptions options;
  options.extent = {64, 64, 1};
  options.usage = kTexture;
  Image image = ctx.image(options);
  Bytes texels = checker(64, 3);
  ctx.upload_image(image, texels.data(), texels.size(), VK_IMAGE_LAYOUT_SHADER_READ_ONLY_OPTIMAL);
  std::vector<Binding> bindings = {{0, kCombined}};
  VkDescriptorSetLayout layout = ctx.set_layout(bindings);
  struct {
    VkFilter filter;
    VkSamplerAddressMode mode;
  } samplers[] = {{VK_FILTER_LINEAR, VK_SAMPLER_ADDRESS_MODE_REPEAT},
                  {VK_FILTER_NEAREST, VK_SAMPLER_ADDRESS_MODE_MIRRORED_REPEAT},
                  {VK_FILTER_LINEAR, VK_SAMPLER_ADDRESS_MODE_CLAMP_TO_BORDER}};
  for (auto& s : samplers) {
    Canvas canvas(ctx);
    VkDescriptorSet set = ctx.descriptor_set(layout, bindings);
    ctx.write_image(set, 0, kCombined, image.view, ctx.sampler(s.filter, s.mode));
    draw_textured(ctx, canvas, k_texture_frag, layout, set);
    out.add(canvas.pixels());
  }
}

PIXELS_CASE(mipmaps, "a mip chain made by blits, each level read back and sampled by explicit lod") {
  Context ctx;
  ImageOptions options;
  options.extent = {128, 128, 1};
  options.usage = kTexture;
  options.mips = 8;
  Image image = ctx.image(options);
  Bytes texels = checker(128, 5);
  ctx.upload_image(image, texels.data(), texels.size(), VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL);
  ctx.submit([&](VkCommandBuffer cb) {
    for (uint32_t mip = 1; mip < options.mips; ++mip) {
      transition(cb, image, VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL, VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL,
                 mip - 1, 1);
      VkImageBlit blit{};
      blit.srcSubresource = {VK_IMAGE_ASPECT_COLOR_BIT, mip - 1, 0, 1};
      blit.dstSubresource = {VK_IMAGE_ASPECT_COLOR_BIT, mip, 0, 1};
      int32_t size = 128 >> mip;
      blit.srcOffsets[1] = {size * 2, size * 2, 1};
      blit.dstOffsets[1] = {size, size, 1};
      vkCmdBlitImage(cb, image.handle, VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL, image.handle,
                     VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL, 1, &blit, VK_FILTER_LINEAR);
    }
    transition(cb, image, VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL, VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL, 7, 1);
    transition(cb, image, VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL, VK_IMAGE_LAYOUT_SHADER_READ_ONLY_OPTIMAL);
  });
  std::vector<Binding> bindings = {{0, kCombined}};
  VkDescriptorSetLayout layout = ctx.set_layout(bindings);
  VkDescriptorSet set = ctx.descriptor_set(layout, bindings);
  ctx.write_image(set, 0, kCombined, image.view, ctx.sampler());
  Canvas canvas(ctx);
  draw_textured(ctx, canvas, k_texture_lod_frag, layout, set);
  out.add(canvas.pixels());
  for (uint32_t mip = 0; mip < options.mips; ++mip)
    out.add(ctx.read_image(image, VK_IMAGE_LAYOUT_SHADER_READ_ONLY_OPTIMAL, 4, mip));
}

PIXELS_CASE(image_views, "views of a cube-compatible array image: as an array, as a cube and as one layer") {
  Context ctx;
  ImageOptions options;
  options.extent = {32, 32, 1};
  options.usage = kTexture;
  options.layers = 6;
  options.flags = VK_IMAGE_CREATE_CUBE_COMPATIBLE_BIT;
  options.view_type = VK_IMAGE_VIEW_TYPE_2D_ARRAY;
  Image image = ctx.image(options);
  constexpr VkImageLayout kLayout = VK_IMAGE_LAYOUT_SHADER_READ_ONLY_OPTIMAL;
  for (uint32_t layer = 0; layer < 6; ++layer) {
    Bytes texels = checker(32, layer + 10);
    ctx.upload_image(image, texels.data(), texels.size(), kLayout, 0, layer);
  }
  constexpr VkImageAspectFlags kColor = VK_IMAGE_ASPECT_COLOR_BIT;
  VkImageView cube = ctx.view(image, VK_IMAGE_VIEW_TYPE_CUBE, {kColor, 0, 1, 0, 6}, options.format);
  VkImageView one = ctx.view(image, VK_IMAGE_VIEW_TYPE_2D, {kColor, 0, 1, 3, 1}, options.format);
  std::vector<Binding> bindings = {{0, kCombined}, {1, kCombined}, {2, kCombined}};
  VkDescriptorSetLayout layout = ctx.set_layout(bindings);
  VkDescriptorSet set = ctx.descriptor_set(layout, bindings);
  VkSampler sampler = ctx.sampler();
  ctx.write_image(set, 0, kCombined, image.view, sampler);
  ctx.write_image(set, 1, kCombined, cube, sampler);
  ctx.write_image(set, 2, kCombined, one, sampler);
  Canvas canvas(ctx);
  draw_textured(ctx, canvas, k_layers_frag, layout, set);
  out.add(canvas.pixels());
}

PIXELS_CASE(descriptor_indexing,
            "a variable-count, partially bound, update-after-bind array indexed non-uniformly") {
  Context ctx;
  auto& f = ctx.features12;
  require(f.descriptorIndexing && f.runtimeDescriptorArray && f.descriptorBindingPartiallyBound &&
              f.descriptorBindingVariableDescriptorCount && f.shaderSampledImageArrayNonUniformIndexing &&
              f.descriptorBindingSampledImageUpdateAfterBind,
          "descriptor indexing");
  VkDescriptorBindingFlags flags = VK_DESCRIPTOR_BINDING_PARTIALLY_BOUND_BIT |
                                   VK_DESCRIPTOR_BINDING_UPDATE_AFTER_BIND_BIT |
                                   VK_DESCRIPTOR_BINDING_VARIABLE_DESCRIPTOR_COUNT_BIT;
  VkDescriptorSetLayoutBindingFlagsCreateInfo binding_flags{
      VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_BINDING_FLAGS_CREATE_INFO, nullptr, 1, &flags};
  VkDescriptorSetLayoutBinding binding{0, kCombined, 64, VK_SHADER_STAGE_FRAGMENT_BIT, nullptr};
  VkDescriptorSetLayoutCreateInfo layout_info{VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO,
                                              &binding_flags};
  layout_info.flags = VK_DESCRIPTOR_SET_LAYOUT_CREATE_UPDATE_AFTER_BIND_POOL_BIT;
  layout_info.bindingCount = 1;
  layout_info.pBindings = &binding;
  VkDescriptorSetLayoutSupport support{VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_SUPPORT};
  vkGetDescriptorSetLayoutSupport(ctx.device, &layout_info, &support);
  require(support.supported, "the set layout of this case");
  VkDescriptorSetLayout layout;
  PIXELS_VK(vkCreateDescriptorSetLayout(ctx.device, &layout_info, nullptr, &layout));
  ctx.defer([&ctx, layout] { vkDestroyDescriptorSetLayout(ctx.device, layout, nullptr); });

  VkDescriptorPoolSize size{kCombined, 64};
  VkDescriptorPoolCreateInfo pool_info{VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_CREATE_INFO};
  pool_info.flags = VK_DESCRIPTOR_POOL_CREATE_UPDATE_AFTER_BIND_BIT;
  pool_info.maxSets = 1;
  pool_info.poolSizeCount = 1;
  pool_info.pPoolSizes = &size;
  VkDescriptorPool pool;
  PIXELS_VK(vkCreateDescriptorPool(ctx.device, &pool_info, nullptr, &pool));
  ctx.defer([&ctx, pool] { vkDestroyDescriptorPool(ctx.device, pool, nullptr); });
  uint32_t variable = 20;
  VkDescriptorSetVariableDescriptorCountAllocateInfo counts{
      VK_STRUCTURE_TYPE_DESCRIPTOR_SET_VARIABLE_DESCRIPTOR_COUNT_ALLOCATE_INFO, nullptr, 1, &variable};
  VkDescriptorSetAllocateInfo set_info{VK_STRUCTURE_TYPE_DESCRIPTOR_SET_ALLOCATE_INFO, &counts, pool, 1,
                                       &layout};
  VkDescriptorSet set;
  PIXELS_VK(vkAllocateDescriptorSets(ctx.device, &set_info, &set));

  VkSampler sampler = ctx.sampler(VK_FILTER_NEAREST);
  Canvas canvas(ctx);
  auto options = canvas.options(k_fullscreen_vert, k_indexing_frag);
  options.vertex_input = false;
  options.layout = ctx.pipeline_layout({layout});
  VkPipeline pipeline = ctx.pipeline(options);
  VkCommandBuffer cb = ctx.command_buffer(ctx.pool);
  begin(cb);
  canvas.begin(cb);
  vkCmdBindPipeline(cb, VK_PIPELINE_BIND_POINT_GRAPHICS, pipeline);
  vkCmdBindDescriptorSets(cb, VK_PIPELINE_BIND_POINT_GRAPHICS, options.layout, 0, 1, &set, 0, nullptr);
  vkCmdDraw(cb, 3, 1, 0, 0);
  vkCmdEndRenderPass(cb);
  PIXELS_VK(vkEndCommandBuffer(cb));
  for (uint32_t i = 0; i < 16; ++i) {  // after the set was bound: that is what update-after-bind allows
    ImageOptions image_options;
    image_options.extent = {16, 16, 1};
    image_options.usage = kTexture;
    Image image = ctx.image(image_options);
    Bytes texels = checker(16, i + 50);
    ctx.upload_image(image, texels.data(), texels.size(), VK_IMAGE_LAYOUT_SHADER_READ_ONLY_OPTIMAL);
    ctx.write_image(set, 0, kCombined, image.view, sampler, VK_IMAGE_LAYOUT_SHADER_READ_ONLY_OPTIMAL, i);
  }
  ctx.submit_and_wait(cb);
  out.add(canvas.pixels());
}
