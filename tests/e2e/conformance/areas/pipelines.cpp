// pipeline.cache, pipeline.creation_feedback, creation_cache_control, pipeline_library, executable
// properties.
#include <algorithm>

#include "area.hpp"
#include "shaders/color_frag.h"
#include "shaders/fullscreen_vert.h"
#include "shaders/mandelbrot_comp.h"

using namespace conformance;

namespace {

VkPipelineCache make_cache(Context& ctx, const pixels::Bytes& data) {
  VkPipelineCacheCreateInfo info{VK_STRUCTURE_TYPE_PIPELINE_CACHE_CREATE_INFO};
  info.initialDataSize = data.size();
  info.pInitialData = data.data();
  VkPipelineCache cache = VK_NULL_HANDLE;
  PIXELS_VK(vkCreatePipelineCache(ctx.device, &info, nullptr, &cache));
  ctx.defer([&ctx, cache] { vkDestroyPipelineCache(ctx.device, cache, nullptr); });
  return cache;
}

VkPipelineLayout compute_layout(Context& ctx) {
  const std::vector<pixels::Binding> bindings{{0, VK_DESCRIPTOR_TYPE_STORAGE_IMAGE}};
  return ctx.pipeline_layout({ctx.set_layout(bindings)}, 16);
}

struct Header {
  uint32_t size, version, vendor, device;
  uint8_t uuid[VK_UUID_SIZE];
};

void caches(Context& ctx) {
  const VkPipelineCache cache = make_cache(ctx, {});
  ctx.compute(k_mandelbrot_comp, compute_layout(ctx), nullptr, cache);
  size_t size = 0;
  say_result("cache size", vkGetPipelineCacheData(ctx.device, cache, &size, nullptr));
  must(size >= sizeof(Header), "a cache without a header: %zu", size);
  pixels::Bytes data(size + 64, std::byte{0xa5});
  size_t got = size;
  say_result("cache data", vkGetPipelineCacheData(ctx.device, cache, &got, data.data()));
  must(got <= size && data[size] == std::byte{0xa5}, "written behind the end of the cache's data");
  Header header{};
  std::memcpy(&header, data.data(), sizeof(header));
  must(header.size == sizeof(Header) && header.version == VK_PIPELINE_CACHE_HEADER_VERSION_ONE,
       "the cache's header");
  must(header.vendor == ctx.properties.vendorID && header.device == ctx.properties.deviceID,
       "the header's ids");
  must(std::memcmp(header.uuid, ctx.properties.pipelineCacheUUID, VK_UUID_SIZE) == 0, "the header's UUID");
  for (const size_t room : {size_t{0}, size_t{1}, size_t{31}, size_t{32}, size - 1}) {
    if (room >= size) continue;
    pixels::Bytes little(size + 64, std::byte{0xa5});
    size_t part = room;
    const VkResult result = vkGetPipelineCacheData(ctx.device, cache, &part, little.data());
    must(result == VK_INCOMPLETE && part <= room, "%zu of %zu bytes of a cache: %s, %zu", room, size,
         name(result), part);
    must(little[room] == std::byte{0xa5}, "%zu bytes of a cache: more was written", room);
  }
  data.resize(got);
  // The driver takes its own back, and ignores what is none of its.
  const VkPipelineCache again = make_cache(ctx, data);
  pixels::Bytes foreign = data;
  foreign[20] ^= std::byte{0xff};
  pixels::Bytes garbled(100, std::byte{0x3c});
  const VkPipelineCache sources[3] = {again, make_cache(ctx, foreign), make_cache(ctx, garbled)};
  say_result("merge", vkMergePipelineCaches(ctx.device, cache, 3, sources));
  for (const VkPipelineCache each : sources)
    ctx.compute(k_mandelbrot_comp, compute_layout(ctx), nullptr, each);
  size_t merged = 0;
  PIXELS_VK(vkGetPipelineCacheData(ctx.device, cache, &merged, nullptr));
  must(merged >= sizeof(Header), "a merged cache without a header");
}

VkComputePipelineCreateInfo compute_info(Context& ctx, VkPipelineLayout layout) {
  VkComputePipelineCreateInfo info{VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO};
  info.stage = {VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO,
                nullptr,
                0,
                VK_SHADER_STAGE_COMPUTE_BIT,
                ctx.shader(k_mandelbrot_comp),
                "main",
                nullptr};
  info.layout = layout;
  info.basePipelineHandle = (VkPipeline)0xdead'beef'0000'0009ull;  // not a derivative: ignored
  return info;
}

void outcomes(Context& ctx) {
  const VkPipelineLayout layout = compute_layout(ctx);
  VkPipelineCreationFeedback whole{99, 99}, stage{99, 99};
  VkPipelineCreationFeedbackCreateInfo feedback{VK_STRUCTURE_TYPE_PIPELINE_CREATION_FEEDBACK_CREATE_INFO,
                                                nullptr, &whole, 1, &stage};
  VkComputePipelineCreateInfo info = compute_info(ctx, layout);
  VkPipeline pipeline = VK_NULL_HANDLE;
  info.pNext = &feedback;
  say_result("with feedback",
             vkCreateComputePipelines(ctx.device, VK_NULL_HANDLE, 1, &info, nullptr, &pipeline));
  say("feedback is valid %d, of the stage %d", whole.flags & 1, stage.flags & 1);
  must((whole.flags & ~7u) == 0, "feedback flags that nobody knows");
  vkDestroyPipeline(ctx.device, pipeline, nullptr);
  info.pNext = nullptr;
  info.flags = VK_PIPELINE_CREATE_DERIVATIVE_BIT | VK_PIPELINE_CREATE_ALLOW_DERIVATIVES_BIT;
  VkComputePipelineCreateInfo pair[2] = {info, info};
  pair[0].flags = VK_PIPELINE_CREATE_ALLOW_DERIVATIVES_BIT;
  pair[0].basePipelineIndex = -1;
  pair[1].basePipelineIndex = 0;
  VkPipeline made[3] = {};
  say_result("a derivative by index",
             vkCreateComputePipelines(ctx.device, VK_NULL_HANDLE, 2, pair, nullptr, made));
  pair[1].basePipelineIndex = -1;
  pair[1].basePipelineHandle = made[0];
  say_result("a derivative by handle",
             vkCreateComputePipelines(ctx.device, VK_NULL_HANDLE, 1, &pair[1], nullptr, &made[2]));
  for (VkPipeline each : made) vkDestroyPipeline(ctx.device, each, nullptr);
  if (!ctx.features13.pipelineCreationCacheControl) return;
  VkPipelineCreateFlags flags = VK_PIPELINE_CREATE_FAIL_ON_PIPELINE_COMPILE_REQUIRED_BIT;
  for (const bool early : {false, true}) {
    if (early) flags |= VK_PIPELINE_CREATE_EARLY_RETURN_ON_FAILURE_BIT;
    VkComputePipelineCreateInfo three[3] = {compute_info(ctx, layout), compute_info(ctx, layout),
                                            compute_info(ctx, layout)};
    three[1].flags = flags;
    std::fill(std::begin(made), std::end(made), (VkPipeline)77);
    const VkResult result = vkCreateComputePipelines(ctx.device, VK_NULL_HANDLE, 3, three, nullptr, made);
    say("compile required: %s, %d %d %d", name(result), made[0] != VK_NULL_HANDLE, made[1] != VK_NULL_HANDLE,
        made[2] != VK_NULL_HANDLE);
    for (VkPipeline each : made) vkDestroyPipeline(ctx.device, each, nullptr);
  }
}

const auto* const kWild = reinterpret_cast<const void*>(64);

// The states of a pipeline whose parts are made apart, each with garbage where it is not looked at.
struct Parts {
  Context& ctx;
  VkPipelineLayout layout;
  VkFormat format = VK_FORMAT_R8G8B8A8_UNORM;
  VkPipelineVertexInputStateCreateInfo input{VK_STRUCTURE_TYPE_PIPELINE_VERTEX_INPUT_STATE_CREATE_INFO};
  VkPipelineInputAssemblyStateCreateInfo assembly{VK_STRUCTURE_TYPE_PIPELINE_INPUT_ASSEMBLY_STATE_CREATE_INFO,
                                                  nullptr, 0, VK_PRIMITIVE_TOPOLOGY_TRIANGLE_LIST};
  VkPipelineRasterizationStateCreateInfo raster{VK_STRUCTURE_TYPE_PIPELINE_RASTERIZATION_STATE_CREATE_INFO};
  VkPipelineMultisampleStateCreateInfo samples{VK_STRUCTURE_TYPE_PIPELINE_MULTISAMPLE_STATE_CREATE_INFO,
                                               nullptr, 0, VK_SAMPLE_COUNT_1_BIT};
  VkPipelineColorBlendAttachmentState attachment{};
  VkPipelineColorBlendStateCreateInfo blend{VK_STRUCTURE_TYPE_PIPELINE_COLOR_BLEND_STATE_CREATE_INFO};
  VkPipelineViewportStateCreateInfo viewport{VK_STRUCTURE_TYPE_PIPELINE_VIEWPORT_STATE_CREATE_INFO};
  VkDynamicState dynamic_states[2] = {VK_DYNAMIC_STATE_VIEWPORT, VK_DYNAMIC_STATE_SCISSOR};
  VkPipelineDynamicStateCreateInfo dynamic{VK_STRUCTURE_TYPE_PIPELINE_DYNAMIC_STATE_CREATE_INFO, nullptr, 0,
                                           2, dynamic_states};
  VkPipelineRenderingCreateInfo rendering{VK_STRUCTURE_TYPE_PIPELINE_RENDERING_CREATE_INFO, nullptr, 0, 1,
                                          &format};

  explicit Parts(Context& context) : ctx(context), layout(ctx.pipeline_layout({})) {
    raster.lineWidth = 1.0f;
    attachment.colorWriteMask = 0xf;
    blend.attachmentCount = 1;
    blend.pAttachments = &attachment;
    viewport.viewportCount = viewport.scissorCount = 1;
    viewport.pViewports = static_cast<const VkViewport*>(kWild);
    viewport.pScissors = static_cast<const VkRect2D*>(kWild);
  }
  Parts(const Parts&) = delete;

  template <class Set>
  VkPipeline make(VkGraphicsPipelineLibraryFlagsEXT part, Set&& set) {
    const VkGraphicsPipelineLibraryCreateInfoEXT library{
        VK_STRUCTURE_TYPE_GRAPHICS_PIPELINE_LIBRARY_CREATE_INFO_EXT, &rendering, part};
    VkGraphicsPipelineCreateInfo info{VK_STRUCTURE_TYPE_GRAPHICS_PIPELINE_CREATE_INFO, &library,
                                      VK_PIPELINE_CREATE_LIBRARY_BIT_KHR};
    info.pVertexInputState = static_cast<const VkPipelineVertexInputStateCreateInfo*>(kWild);
    info.pInputAssemblyState = static_cast<const VkPipelineInputAssemblyStateCreateInfo*>(kWild);
    info.pTessellationState = static_cast<const VkPipelineTessellationStateCreateInfo*>(kWild);
    info.pViewportState = static_cast<const VkPipelineViewportStateCreateInfo*>(kWild);
    info.pRasterizationState = static_cast<const VkPipelineRasterizationStateCreateInfo*>(kWild);
    info.pMultisampleState = static_cast<const VkPipelineMultisampleStateCreateInfo*>(kWild);
    info.pDepthStencilState = static_cast<const VkPipelineDepthStencilStateCreateInfo*>(kWild);
    info.pColorBlendState = static_cast<const VkPipelineColorBlendStateCreateInfo*>(kWild);
    info.basePipelineHandle = (VkPipeline)0xdead'beef'0000'0009ull;
    info.layout = layout;
    info.pDynamicState = &dynamic;
    set(info);
    VkPipeline pipeline = VK_NULL_HANDLE;
    PIXELS_VK(vkCreateGraphicsPipelines(ctx.device, VK_NULL_HANDLE, 1, &info, nullptr, &pipeline));
    ctx.defer([this_ctx = &ctx, pipeline] { vkDestroyPipeline(this_ctx->device, pipeline, nullptr); });
    return pipeline;
  }
  VkPipelineShaderStageCreateInfo stage(VkShaderStageFlagBits bit, pixels::Words words) {
    return {VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO,
            nullptr,
            0,
            bit,
            ctx.shader(words),
            "main",
            nullptr};
  }
  VkPipeline link();
};

VkPipeline Parts::link() {
  const auto vertex = stage(VK_SHADER_STAGE_VERTEX_BIT, k_fullscreen_vert);
  const auto fragment = stage(VK_SHADER_STAGE_FRAGMENT_BIT, k_color_frag);
  const VkPipeline parts[4] = {
      make(VK_GRAPHICS_PIPELINE_LIBRARY_VERTEX_INPUT_INTERFACE_BIT_EXT,
           [&](auto& info) {
             info.pVertexInputState = &input;
             info.pInputAssemblyState = &assembly;
           }),
      make(VK_GRAPHICS_PIPELINE_LIBRARY_PRE_RASTERIZATION_SHADERS_BIT_EXT,
           [&](auto& info) {
             info.stageCount = 1;
             info.pStages = &vertex;
             info.pViewportState = &viewport;
             info.pRasterizationState = &raster;
           }),
      make(VK_GRAPHICS_PIPELINE_LIBRARY_FRAGMENT_SHADER_BIT_EXT,
           [&](auto& info) {
             info.stageCount = 1;
             info.pStages = &fragment;
             info.pMultisampleState = &samples;
             info.pDepthStencilState = nullptr;
           }),
      make(VK_GRAPHICS_PIPELINE_LIBRARY_FRAGMENT_OUTPUT_INTERFACE_BIT_EXT, [&](auto& info) {
        info.pMultisampleState = &samples;
        info.pColorBlendState = &blend;
      })};
  const VkPipelineLibraryCreateInfoKHR linked{VK_STRUCTURE_TYPE_PIPELINE_LIBRARY_CREATE_INFO_KHR, nullptr, 4,
                                              parts};
  VkGraphicsPipelineCreateInfo info{VK_STRUCTURE_TYPE_GRAPHICS_PIPELINE_CREATE_INFO, &linked};
  info.layout = layout;
  VkPipeline pipeline = VK_NULL_HANDLE;
  say_result("linked", vkCreateGraphicsPipelines(ctx.device, VK_NULL_HANDLE, 1, &info, nullptr, &pipeline));
  ctx.defer([this_ctx = &ctx, pipeline] { vkDestroyPipeline(this_ctx->device, pipeline, nullptr); });
  return pipeline;
}

void libraries(Context& ctx) {
  if (!ctx.has("VK_EXT_graphics_pipeline_library")) return;
  const Image target = ctx.image({.extent = {32, 32, 1}});
  Parts parts(ctx);
  const VkPipeline pipeline = parts.link();
  ctx.submit([&](VkCommandBuffer commands) {
    pixels::transition(commands, target, VK_IMAGE_LAYOUT_UNDEFINED, VK_IMAGE_LAYOUT_GENERAL);
    VkRenderingAttachmentInfo color{VK_STRUCTURE_TYPE_RENDERING_ATTACHMENT_INFO};
    color.imageView = target.view;
    color.imageLayout = VK_IMAGE_LAYOUT_GENERAL;
    color.loadOp = VK_ATTACHMENT_LOAD_OP_CLEAR;
    color.storeOp = VK_ATTACHMENT_STORE_OP_STORE;
    VkRenderingInfo begin{VK_STRUCTURE_TYPE_RENDERING_INFO};
    begin.renderArea = {{0, 0}, {32, 32}};
    begin.layerCount = 1;
    begin.colorAttachmentCount = 1;
    begin.pColorAttachments = &color;
    vkCmdBeginRendering(commands, &begin);
    vkCmdBindPipeline(commands, VK_PIPELINE_BIND_POINT_GRAPHICS, pipeline);
    pixels::viewport(commands, 32, 32);
    vkCmdDraw(commands, 3, 1, 0, 0);
    vkCmdEndRendering(commands);
  });
  const pixels::Bytes bytes = ctx.read_image(target, VK_IMAGE_LAYOUT_GENERAL);
  say("drawn: %02x %02x %02x", static_cast<unsigned>(bytes[2000]), static_cast<unsigned>(bytes[2001]),
      static_cast<unsigned>(bytes[2002]));
}

CONFORMANCE_AREA(pipelines) {
  Context ctx;
  caches(ctx);
  outcomes(ctx);
}

CONFORMANCE_AREA(pipeline_libraries) {
  VkPhysicalDeviceGraphicsPipelineLibraryFeaturesEXT features{
      VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_GRAPHICS_PIPELINE_LIBRARY_FEATURES_EXT};
  features.graphicsPipelineLibrary = VK_TRUE;
  Context ctx({"VK_KHR_pipeline_library", "VK_EXT_graphics_pipeline_library"},
              reinterpret_cast<VkBaseOutStructure*>(&features));
  const bool lavapipe = std::strstr(ctx.properties.deviceName, "llvmpipe") != nullptr;
  pixels::require(!lavapipe, "libraries that survive this natively (Mesa 22.3)");
  libraries(ctx);
}

}  // namespace
