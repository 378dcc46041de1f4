#include "canvas.hpp"
#include "shaders/color_frag.h"
#include "shaders/fullscreen_vert.h"
#include "shaders/gbuffer_frag.h"
#include "shaders/input_frag.h"
#include "shaders/mesh_vert.h"
#include "shaders/multiview_vert.h"

using namespace pixels;

namespace {

VkFormat depth_format(Context& ctx, bool stencil) {
  auto candidates = stencil ? std::vector{VK_FORMAT_D24_UNORM_S8_UINT, VK_FORMAT_D32_SFLOAT_S8_UINT}
                            : std::vector{VK_FORMAT_D32_SFLOAT, VK_FORMAT_D16_UNORM};
  for (VkFormat format : candidates) {
    VkFormatProperties properties;
    vkGetPhysicalDeviceFormatProperties(ctx.physical, format, &properties);
    if (properties.optimalTilingFeatures & VK_FORMAT_FEATURE_DEPTH_STENCIL_ATTACHMENT_BIT) return format;
  }
  throw Skip("the driver lacks a depth format");
}

}  // namespace

PIXELS_CASE(depth, "interpenetrating depths, and the depth image itself read back") {
  Context ctx;
  PassOptions options;
  options.depth = depth_format(ctx, false);
  Image color = ctx.image({});
  ImageOptions depth_options;
  depth_options.format = options.depth;
  depth_options.usage = VK_IMAGE_USAGE_DEPTH_STENCIL_ATTACHMENT_BIT | VK_IMAGE_USAGE_TRANSFER_SRC_BIT;
  Image depth = ctx.image(depth_options);
  VkRenderPass pass = ctx.render_pass(options);
  VkFramebuffer framebuffer = ctx.framebuffer(pass, {color.view, depth.view}, 128, 128);
  PipelineOptions pipeline_options;
  pipeline_options.vertex = k_mesh_vert;
  pipeline_options.fragment = k_color_frag;
  pipeline_options.layout = ctx.pipeline_layout({}, 128);
  pipeline_options.pass = pass;
  pipeline_options.depth_test = true;
  VkPipeline pipeline = ctx.pipeline(pipeline_options);
  auto mesh = pinwheel(7);
  for (std::size_t i = 0; i < mesh.size(); ++i) mesh[i].position[2] = static_cast<float>(i * 5 % 7) / 7.0f;
  Buffer vertices = vertex_buffer(ctx, mesh);
  ctx.submit([&](VkCommandBuffer cb) {
    begin_pass(cb, pass, framebuffer, 128, 128, {clear_color(0, 0, 0), clear_depth(1)});
    viewport(cb, 128, 128);
    vkCmdBindPipeline(cb, VK_PIPELINE_BIND_POINT_GRAPHICS, pipeline);
    bind_vertices(cb, vertices);
    for (float x : {-0.2f, 0.1f, 0.3f}) {
      Place at{{x, x * 0.5f}, {0.8f, 0.8f}, {0.5f + x, 1 - x, 1, 1}};
      vkCmdPushConstants(cb, pipeline_options.layout, VK_SHADER_STAGE_ALL, 0, sizeof at, &at);
      vkCmdDraw(cb, static_cast<uint32_t>(mesh.size()), 1, 0, 0);
    }
    vkCmdEndRenderPass(cb);
  });
  uint32_t size = options.depth == VK_FORMAT_D16_UNORM ? 2 : 4;
  out.add(ctx.read_image(color, VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL));
  out.add(ctx.read_image(depth, VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL, size));
}

PIXELS_CASE(stencil, "stencil written by one pipeline and tested by another with a dynamic reference") {
  Context ctx;
  PassOptions options;
  options.depth = depth_format(ctx, true);
  Image color = ctx.image({});
  ImageOptions depth_options;
  depth_options.format = options.depth;
  depth_options.usage = VK_IMAGE_USAGE_DEPTH_STENCIL_ATTACHMENT_BIT | VK_IMAGE_USAGE_TRANSFER_SRC_BIT;
  Image depth = ctx.image(depth_options);
  VkRenderPass pass = ctx.render_pass(options);
  VkFramebuffer framebuffer = ctx.framebuffer(pass, {color.view, depth.view}, 128, 128);
  VkStencilOpState write{VK_STENCIL_OP_KEEP,
                         VK_STENCIL_OP_INCREMENT_AND_CLAMP,
                         VK_STENCIL_OP_KEEP,
                         VK_COMPARE_OP_ALWAYS,
                         0xff,
                         0xff,
                         0};
  VkStencilOpState test{
      VK_STENCIL_OP_KEEP, VK_STENCIL_OP_INVERT, VK_STENCIL_OP_KEEP, VK_COMPARE_OP_EQUAL, 0x0f, 0xf0, 0};
  PipelineOptions pipeline_options;
  pipeline_options.vertex = k_mesh_vert;
  pipeline_options.fragment = k_color_frag;
  pipeline_options.layout = ctx.pipeline_layout({}, 128);
  pipeline_options.pass = pass;
  pipeline_options.stencil = &write;
  VkPipeline writer = ctx.pipeline(pipeline_options);
  pipeline_options.stencil = &test;
  pipeline_options.dynamic = {VK_DYNAMIC_STATE_STENCIL_REFERENCE};
  VkPipeline tester = ctx.pipeline(pipeline_options);
  auto mesh = pinwheel(6);
  Buffer vertices = vertex_buffer(ctx, mesh);
  auto count = static_cast<uint32_t>(mesh.size());
  ctx.submit([&](VkCommandBuffer cb) {
    begin_pass(cb, pass, framebuffer, 128, 128, {clear_color(0.2f, 0, 0), clear_depth(1, 0)});
    viewport(cb, 128, 128);
    bind_vertices(cb, vertices);
    auto place = [&](Place at) {
      vkCmdPushConstants(cb, pipeline_options.layout, VK_SHADER_STAGE_ALL, 0, sizeof at, &at);
    };
    vkCmdBindPipeline(cb, VK_PIPELINE_BIND_POINT_GRAPHICS, writer);
    place({{-0.3f, 0}, {0.6f, 0.6f}});
    vkCmdDraw(cb, count, 1, 0, 0);
    place({{0.3f, 0.1f}, {0.6f, 0.6f}});
    vkCmdDraw(cb, count, 1, 0, 0);
    vkCmdBindPipeline(cb, VK_PIPELINE_BIND_POINT_GRAPHICS, tester);
    for (uint32_t reference : {1u, 2u}) {
      vkCmdSetStencilReference(cb, VK_STENCIL_FACE_FRONT_AND_BACK, reference);
      place({{0, 0}, {1, 1}, {reference == 1 ? 1.0f : 0.0f, 0.4f, 1, 1}});
      vkCmdDraw(cb, count, 1, 0, 0);
    }
    vkCmdEndRenderPass(cb);
  });
  out.add(ctx.read_image(color, VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL));
  out.add(ctx.read_image(depth, VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL, 1, 0, 0, VK_IMAGE_ASPECT_STENCIL_BIT));
}

PIXELS_CASE(msaa_resolve, "four samples resolved by the pass, and by vkCmdResolveImage") {
  Context ctx;
  require(ctx.properties.limits.framebufferColorSampleCounts & VK_SAMPLE_COUNT_4_BIT, "4 samples");
  PassOptions options;
  options.samples = VK_SAMPLE_COUNT_4_BIT;
  options.resolve = true;
  ImageOptions many;
  many.samples = VK_SAMPLE_COUNT_4_BIT;
  Image samples = ctx.image(many);
  ImageOptions one;
  one.usage |= VK_IMAGE_USAGE_TRANSFER_DST_BIT;
  Image resolved = ctx.image(one), copied = ctx.image(one);
  VkRenderPass pass = ctx.render_pass(options);
  VkFramebuffer framebuffer = ctx.framebuffer(pass, {samples.view, resolved.view}, 128, 128);
  PipelineOptions pipeline_options;
  pipeline_options.vertex = k_mesh_vert;
  pipeline_options.fragment = k_color_frag;
  pipeline_options.layout = ctx.pipeline_layout({}, 128);
  pipeline_options.pass = pass;
  pipeline_options.samples = VK_SAMPLE_COUNT_4_BIT;
  VkPipeline pipeline = ctx.pipeline(pipeline_options);
  auto mesh = pinwheel(9);
  Buffer vertices = vertex_buffer(ctx, mesh);
  ctx.submit([&](VkCommandBuffer cb) {
    begin_pass(cb, pass, framebuffer, 128, 128, {clear_color(0, 0.2f, 0), clear_color(0, 0, 0)});
    viewport(cb, 128, 128);
    vkCmdBindPipeline(cb, VK_PIPELINE_BIND_POINT_GRAPHICS, pipeline);
    bind_vertices(cb, vertices);
    Place at{{0.03f, -0.01f}, {0.93f, 0.87f}};
    vkCmdPushConstants(cb, pipeline_options.layout, VK_SHADER_STAGE_ALL, 0, sizeof at, &at);
    vkCmdDraw(cb, static_cast<uint32_t>(mesh.size()), 1, 0, 0);
    vkCmdEndRenderPass(cb);
    transition(cb, copied, VK_IMAGE_LAYOUT_UNDEFINED, VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL);
    VkImageResolve region{};
    region.srcSubresource = region.dstSubresource = {VK_IMAGE_ASPECT_COLOR_BIT, 0, 0, 1};
    region.extent = {128, 128, 1};
    vkCmdResolveImage(cb, samples.handle, VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL, copied.handle,
                      VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL, 1, &region);
    transition(cb, copied, VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL, VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL);
  });
  out.add(ctx.read_image(resolved, VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL));
  out.add(ctx.read_image(copied, VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL));
}

PIXELS_CASE(blending, "additive, alpha, subtract and constant-colour blending with partial write masks") {
  Context ctx;
  auto mesh = pinwheel(11);
  Buffer vertices = vertex_buffer(ctx, mesh);
  VkPipelineColorBlendAttachmentState add{VK_TRUE,
                                          VK_BLEND_FACTOR_ONE,
                                          VK_BLEND_FACTOR_ONE,
                                          VK_BLEND_OP_ADD,
                                          VK_BLEND_FACTOR_ONE,
                                          VK_BLEND_FACTOR_ZERO,
                                          VK_BLEND_OP_ADD,
                                          0xf};
  auto alpha = add, subtract = add, constant = add;
  alpha.srcColorBlendFactor = VK_BLEND_FACTOR_SRC_ALPHA;
  alpha.dstColorBlendFactor = VK_BLEND_FACTOR_ONE_MINUS_SRC_ALPHA;
  subtract.colorBlendOp = VK_BLEND_OP_REVERSE_SUBTRACT;
  subtract.colorWriteMask = VK_COLOR_COMPONENT_R_BIT | VK_COLOR_COMPONENT_B_BIT;
  constant.srcColorBlendFactor = VK_BLEND_FACTOR_CONSTANT_COLOR;
  constant.dstColorBlendFactor = VK_BLEND_FACTOR_ONE_MINUS_CONSTANT_COLOR;
  for (auto& state : {add, alpha, subtract, constant}) {
    Canvas canvas(ctx);
    auto options = canvas.options(k_mesh_vert, k_color_frag);
    options.blend = {state};
    options.dynamic = {VK_DYNAMIC_STATE_BLEND_CONSTANTS};
    VkPipeline pipeline = ctx.pipeline(options);
    canvas.draw([&](VkCommandBuffer cb) {
      vkCmdBindPipeline(cb, VK_PIPELINE_BIND_POINT_GRAPHICS, pipeline);
      float constants[] = {0.25f, 0.5f, 0.75f, 1.0f};
      vkCmdSetBlendConstants(cb, constants);
      bind_vertices(cb, vertices);
      for (float x : {-0.3f, 0.0f, 0.3f}) {
        canvas.place(cb, {{x, -x}, {0.7f, 0.7f}, {0.6f, 0.6f, 0.6f, 0.4f}});
        vkCmdDraw(cb, static_cast<uint32_t>(mesh.size()), 1, 0, 0);
      }
    });
    out.add(canvas.pixels());
  }
}

PIXELS_CASE(dynamic_rendering,
            "vkCmdBeginRendering with dynamic cull, topology and depth state of Vulkan 1.3") {
  Context ctx;
  require(ctx.features13.dynamicRendering, "dynamic rendering");
  Image color = ctx.image({});
  VkFormat format = color.options.format;
  VkPipelineRenderingCreateInfo rendering{VK_STRUCTURE_TYPE_PIPELINE_RENDERING_CREATE_INFO};
  rendering.colorAttachmentCount = 1;
  rendering.pColorAttachmentFormats = &format;
  PipelineOptions options;
  options.vertex = k_mesh_vert;
  options.fragment = k_color_frag;
  options.layout = ctx.pipeline_layout({}, 128);
  options.next = &rendering;
  options.dynamic = {VK_DYNAMIC_STATE_CULL_MODE, VK_DYNAMIC_STATE_FRONT_FACE,
                     VK_DYNAMIC_STATE_PRIMITIVE_TOPOLOGY};
  VkPipeline pipeline = ctx.pipeline(options);
  auto mesh = pinwheel(8);
  Buffer vertices = vertex_buffer(ctx, mesh);
  ctx.submit([&](VkCommandBuffer cb) {
    transition(cb, color, VK_IMAGE_LAYOUT_UNDEFINED, VK_IMAGE_LAYOUT_COLOR_ATTACHMENT_OPTIMAL);
    VkRenderingAttachmentInfo attachment{VK_STRUCTURE_TYPE_RENDERING_ATTACHMENT_INFO};
    attachment.imageView = color.view;
    attachment.imageLayout = VK_IMAGE_LAYOUT_COLOR_ATTACHMENT_OPTIMAL;
    attachment.loadOp = VK_ATTACHMENT_LOAD_OP_CLEAR;
    attachment.storeOp = VK_ATTACHMENT_STORE_OP_STORE;
    attachment.clearValue = clear_color(0.3f, 0.1f, 0.4f);
    VkRenderingInfo info{VK_STRUCTURE_TYPE_RENDERING_INFO};
    info.renderArea = {{0, 0}, {128, 128}};
    info.layerCount = 1;
    info.colorAttachmentCount = 1;
    info.pColorAttachments = &attachment;
    vkCmdBeginRendering(cb, &info);
    viewport(cb, 128, 128);
    vkCmdBindPipeline(cb, VK_PIPELINE_BIND_POINT_GRAPHICS, pipeline);
    VkDeviceSize offset = 0, size = vertices.size, stride = sizeof(Vertex);
    vkCmdBindVertexBuffers2(cb, 0, 1, &vertices.handle, &offset, &size, nullptr);
    (void)stride;
    vkCmdSetFrontFace(cb, VK_FRONT_FACE_CLOCKWISE);
    vkCmdSetPrimitiveTopology(cb, VK_PRIMITIVE_TOPOLOGY_TRIANGLE_LIST);
    for (VkCullModeFlags cull : {VkCullModeFlags{VK_CULL_MODE_NONE}, VkCullModeFlags{VK_CULL_MODE_FRONT_BIT},
                                 VkCullModeFlags{VK_CULL_MODE_BACK_BIT}}) {
      vkCmdSetCullMode(cb, cull);
      Place at{{static_cast<float>(cull) * 0.6f - 0.6f, 0.1f}, {0.35f, 0.8f}};
      vkCmdPushConstants(cb, options.layout, VK_SHADER_STAGE_ALL, 0, sizeof at, &at);
      vkCmdDraw(cb, static_cast<uint32_t>(mesh.size()), 1, 0, 0);
    }
    vkCmdSetCullMode(cb, VK_CULL_MODE_NONE);
    vkCmdSetPrimitiveTopology(cb, VK_PRIMITIVE_TOPOLOGY_TRIANGLE_STRIP);
    Place at{{0, -0.7f}, {0.9f, 0.3f}, {1, 1, 0, 1}};
    vkCmdPushConstants(cb, options.layout, VK_SHADER_STAGE_ALL, 0, sizeof at, &at);
    vkCmdDraw(cb, 9, 1, 0, 0);
    vkCmdEndRendering(cb);
    transition(cb, color, VK_IMAGE_LAYOUT_COLOR_ATTACHMENT_OPTIMAL, VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL);
  });
  out.add(ctx.read_image(color, VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL));
}

PIXELS_CASE(subpasses,
            "two subpasses, the second one reading the first one's two outputs as input attachments") {
  Context ctx;
  ImageOptions buffer_options;
  buffer_options.usage = VK_IMAGE_USAGE_COLOR_ATTACHMENT_BIT | VK_IMAGE_USAGE_INPUT_ATTACHMENT_BIT;
  Image albedo = ctx.image(buffer_options), normal = ctx.image(buffer_options), color = ctx.image({});
  VkAttachmentDescription attachments[3]{};
  for (auto& a : attachments) {
    a.format = VK_FORMAT_R8G8B8A8_UNORM;
    a.samples = VK_SAMPLE_COUNT_1_BIT;
    a.loadOp = VK_ATTACHMENT_LOAD_OP_CLEAR;
    a.storeOp = VK_ATTACHMENT_STORE_OP_STORE;
    a.finalLayout = VK_IMAGE_LAYOUT_SHADER_READ_ONLY_OPTIMAL;
  }
  attachments[2].finalLayout = VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL;
  VkAttachmentReference first[] = {{0, VK_IMAGE_LAYOUT_COLOR_ATTACHMENT_OPTIMAL},
                                   {1, VK_IMAGE_LAYOUT_COLOR_ATTACHMENT_OPTIMAL}};
  VkAttachmentReference inputs[] = {{0, VK_IMAGE_LAYOUT_SHADER_READ_ONLY_OPTIMAL},
                                    {1, VK_IMAGE_LAYOUT_SHADER_READ_ONLY_OPTIMAL}};
  VkAttachmentReference last{2, VK_IMAGE_LAYOUT_COLOR_ATTACHMENT_OPTIMAL};
  VkSubpassDescription subpasses[2]{};
  subpasses[0].colorAttachmentCount = 2;
  subpasses[0].pColorAttachments = first;
  subpasses[1].inputAttachmentCount = 2;
  subpasses[1].pInputAttachments = inputs;
  subpasses[1].colorAttachmentCount = 1;
  subpasses[1].pColorAttachments = &last;
  VkSubpassDependency dependencies[2]{};
  dependencies[0] = {0,
                     1,
                     VK_PIPELINE_STAGE_COLOR_ATTACHMENT_OUTPUT_BIT,
                     VK_PIPELINE_STAGE_FRAGMENT_SHADER_BIT,
                     VK_ACCESS_COLOR_ATTACHMENT_WRITE_BIT,
                     VK_ACCESS_INPUT_ATTACHMENT_READ_BIT,
                     VK_DEPENDENCY_BY_REGION_BIT};
  dependencies[1] = {1,
                     VK_SUBPASS_EXTERNAL,
                     VK_PIPELINE_STAGE_COLOR_ATTACHMENT_OUTPUT_BIT,
                     VK_PIPELINE_STAGE_TRANSFER_BIT,
                     VK_ACCESS_COLOR_ATTACHMENT_WRITE_BIT,
                     VK_ACCESS_TRANSFER_READ_BIT,
                     0};
  VkRenderPassCreateInfo info{
      VK_STRUCTURE_TYPE_RENDER_PASS_CREATE_INFO, nullptr, 0, 3, attachments, 2, subpasses, 2, dependencies};
  VkRenderPass pass;
  PIXELS_VK(vkCreateRenderPass(ctx.device, &info, nullptr, &pass));
  ctx.defer([&ctx, pass] { vkDestroyRenderPass(ctx.device, pass, nullptr); });
  VkFramebuffer framebuffer = ctx.framebuffer(pass, {albedo.view, normal.view, color.view}, 128, 128);

  PipelineOptions options;
  options.vertex = k_mesh_vert;
  options.fragment = k_gbuffer_frag;
  options.layout = ctx.pipeline_layout({}, 128);
  options.pass = pass;
  options.blend.resize(2);
  for (auto& b : options.blend) b.colorWriteMask = 0xf;
  VkPipeline fill = ctx.pipeline(options);
  constexpr VkDescriptorType kInput = VK_DESCRIPTOR_TYPE_INPUT_ATTACHMENT;
  std::vector<Binding> bindings = {{0, kInput, 1, VK_SHADER_STAGE_FRAGMENT_BIT},
                                   {1, kInput, 1, VK_SHADER_STAGE_FRAGMENT_BIT}};
  VkDescriptorSetLayout set_layout = ctx.set_layout(bindings);
  VkDescriptorSet set = ctx.descriptor_set(set_layout, bindings);
  ctx.write_image(set, 0, kInput, albedo.view, VK_NULL_HANDLE);
  ctx.write_image(set, 1, kInput, normal.view, VK_NULL_HANDLE);
  PipelineOptions second;
  second.vertex = k_fullscreen_vert;
  second.fragment = k_input_frag;
  second.layout = ctx.pipeline_layout({set_layout});
  second.pass = pass;
  second.subpass = 1;
  second.vertex_input = false;
  VkPipeline light = ctx.pipeline(second);
  auto mesh = pinwheel(9);
  Buffer vertices = vertex_buffer(ctx, mesh);
  ctx.submit([&](VkCommandBuffer cb) {
    begin_pass(cb, pass, framebuffer, 128, 128,
               {clear_color(0.1f, 0.1f, 0.1f), clear_color(0, 0, 1), clear_color(0, 0, 0)});
    viewport(cb, 128, 128);
    vkCmdBindPipeline(cb, VK_PIPELINE_BIND_POINT_GRAPHICS, fill);
    bind_vertices(cb, vertices);
    Place at;
    vkCmdPushConstants(cb, options.layout, VK_SHADER_STAGE_ALL, 0, sizeof at, &at);
    vkCmdDraw(cb, static_cast<uint32_t>(mesh.size()), 1, 0, 0);
    vkCmdNextSubpass(cb, VK_SUBPASS_CONTENTS_INLINE);
    vkCmdBindPipeline(cb, VK_PIPELINE_BIND_POINT_GRAPHICS, light);
    vkCmdBindDescriptorSets(cb, VK_PIPELINE_BIND_POINT_GRAPHICS, second.layout, 0, 1, &set, 0, nullptr);
    vkCmdDraw(cb, 3, 1, 0, 0);
    vkCmdEndRenderPass(cb);
  });
  out.add(ctx.read_image(color, VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL));
}

PIXELS_CASE(multiview, "one draw into three layers through vkCreateRenderPass2 with a view mask") {
  Context ctx;
  require(ctx.features11.multiview, "multiview");
  ImageOptions image_options;
  image_options.layers = 3;
  image_options.view_type = VK_IMAGE_VIEW_TYPE_2D_ARRAY;
  Image color = ctx.image(image_options);
  VkAttachmentDescription2 attachment{VK_STRUCTURE_TYPE_ATTACHMENT_DESCRIPTION_2};
  attachment.format = image_options.format;
  attachment.samples = VK_SAMPLE_COUNT_1_BIT;
  attachment.loadOp = VK_ATTACHMENT_LOAD_OP_CLEAR;
  attachment.storeOp = VK_ATTACHMENT_STORE_OP_STORE;
  attachment.finalLayout = VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL;
  VkAttachmentReference2 reference{VK_STRUCTURE_TYPE_ATTACHMENT_REFERENCE_2, nullptr, 0,
                                   VK_IMAGE_LAYOUT_COLOR_ATTACHMENT_OPTIMAL, VK_IMAGE_ASPECT_COLOR_BIT};
  VkSubpassDescription2 subpass{VK_STRUCTURE_TYPE_SUBPASS_DESCRIPTION_2};
  subpass.viewMask = 7;
  subpass.colorAttachmentCount = 1;
  subpass.pColorAttachments = &reference;
  uint32_t correlated = 7;
  VkRenderPassCreateInfo2 info{VK_STRUCTURE_TYPE_RENDER_PASS_CREATE_INFO_2};
  info.attachmentCount = 1;
  info.pAttachments = &attachment;
  info.subpassCount = 1;
  info.pSubpasses = &subpass;
  info.correlatedViewMaskCount = 1;
  info.pCorrelatedViewMasks = &correlated;
  VkRenderPass pass;
  PIXELS_VK(vkCreateRenderPass2(ctx.device, &info, nullptr, &pass));
  ctx.defer([&ctx, pass] { vkDestroyRenderPass(ctx.device, pass, nullptr); });
  VkFramebuffer framebuffer = ctx.framebuffer(pass, {color.view}, 128, 128);
  PipelineOptions options;
  options.vertex = k_multiview_vert;
  options.fragment = k_color_frag;
  options.layout = ctx.pipeline_layout({});
  options.pass = pass;
  VkPipeline pipeline = ctx.pipeline(options);
  auto mesh = pinwheel(5);
  Buffer vertices = vertex_buffer(ctx, mesh);
  ctx.submit([&](VkCommandBuffer cb) {
    VkClearValue clear = clear_color(0.1f, 0.1f, 0.1f);
    VkRenderPassBeginInfo pass_begin{VK_STRUCTURE_TYPE_RENDER_PASS_BEGIN_INFO,
                                     nullptr,
                                     pass,
                                     framebuffer,
                                     {{0, 0}, {128, 128}},
                                     1,
                                     &clear};
    VkSubpassBeginInfo subpass_begin{VK_STRUCTURE_TYPE_SUBPASS_BEGIN_INFO, nullptr,
                                     VK_SUBPASS_CONTENTS_INLINE};
    VkSubpassEndInfo subpass_end{VK_STRUCTURE_TYPE_SUBPASS_END_INFO};
    vkCmdBeginRenderPass2(cb, &pass_begin, &subpass_begin);
    viewport(cb, 128, 128);
    vkCmdBindPipeline(cb, VK_PIPELINE_BIND_POINT_GRAPHICS, pipeline);
    bind_vertices(cb, vertices);
    vkCmdDraw(cb, static_cast<uint32_t>(mesh.size()), 1, 0, 0);
    vkCmdEndRenderPass2(cb, &subpass_end);
    barrier(cb);
  });
  for (uint32_t layer = 0; layer < 3; ++layer)
    out.add(ctx.read_image(color, VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL, 4, 0, layer));
}
