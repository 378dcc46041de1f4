#include "canvas.hpp"
#include "shaders/color_frag.h"
#include "shaders/fullscreen_vert.h"
#include "shaders/mesh_vert.h"
#include "shaders/push_frag.h"
#include "shaders/reduce_comp.h"
#include "shaders/specialized_comp.h"
#include "shaders/specialized_frag.h"

using namespace pixels;

namespace {
constexpr VkDescriptorType kStorage = VK_DESCRIPTOR_TYPE_STORAGE_BUFFER;
constexpr VkDescriptorType kUniform = VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER;
}  // namespace

PIXELS_CASE(push_constants, "push constants updated piecewise between draws, across both stages") {
  Context ctx;
  Canvas canvas(ctx);
  VkPipeline pipeline = ctx.pipeline(canvas.options(k_mesh_vert, k_push_frag));
  Buffer vertices = vertex_buffer(ctx, pinwheel(9));
  canvas.draw([&](VkCommandBuffer cb) {
    vkCmdBindPipeline(cb, VK_PIPELINE_BIND_POINT_GRAPHICS, pipeline);
    bind_vertices(cb, vertices);
    float bands[24];
    for (int i = 0; i < 24; ++i) bands[i] = static_cast<float>(i * 7 % 24) / 23.0f;
    vkCmdPushConstants(cb, canvas.layout, VK_SHADER_STAGE_ALL, 32, sizeof bands, bands);
    for (uint32_t i = 0; i < 9; ++i) {
      float x = static_cast<float>(i % 3) * 0.6f - 0.6f, y = static_cast<float>(i / 3) * 0.6f - 0.6f;
      canvas.place(cb, {{x, y}, {0.3f, 0.3f}});
      float one[] = {1.0f - static_cast<float>(i) / 9.0f};
      vkCmdPushConstants(cb, canvas.layout, VK_SHADER_STAGE_ALL, 32 + i * 8, 4, one);
      vkCmdDraw(cb, 27, 1, 0, 0);
    }
  });
  out.add(canvas.pixels());
}

PIXELS_CASE(specialization, "one fragment shader with four sets of specialization constants") {
  Context ctx;
  struct Constants {
    VkBool32 invert;
    int32_t bands;
    uint32_t mode;
    float scale;
  };
  VkSpecializationMapEntry entries[] = {{0, offsetof(Constants, mode), 4},
                                        {1, offsetof(Constants, scale), 4},
                                        {2, offsetof(Constants, invert), 4},
                                        {7, offsetof(Constants, bands), 4}};
  for (Constants constants : {Constants{0, 1, 0, 0.5f}, {1, 1, 0, 1.0f}, {0, 1, 1, 0.8f}, {1, 6, 2, 1.0f}}) {
    VkSpecializationInfo info{4, entries, sizeof constants, &constants};
    Canvas canvas(ctx, 64, 64);
    auto options = canvas.options(k_fullscreen_vert, k_specialized_frag);
    options.vertex_input = false;
    options.specialization = &info;
    VkPipeline pipeline = ctx.pipeline(options);
    canvas.draw([&](VkCommandBuffer cb) {
      vkCmdBindPipeline(cb, VK_PIPELINE_BIND_POINT_GRAPHICS, pipeline);
      vkCmdDraw(cb, 3, 1, 0, 0);
    });
    out.add(canvas.pixels());
  }
}

PIXELS_CASE(update_templates,
            "descriptor update templates with strides, dynamic offsets, copies between sets") {
  Context ctx;
  std::vector<Binding> bindings = {
      {0, kStorage}, {1, kStorage}, {2, VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER_DYNAMIC}};
  VkDescriptorSetLayout set_layout = ctx.set_layout(bindings);
  VkPipelineLayout layout = ctx.pipeline_layout({set_layout});
  VkPipeline pipeline = ctx.compute(k_reduce_comp, layout);
  Bytes input = noise(64 * 4 * 4, 31);
  Buffer source = ctx.buffer(input.size(), VK_BUFFER_USAGE_STORAGE_BUFFER_BIT);
  Buffer target = ctx.buffer(1024, VK_BUFFER_USAGE_STORAGE_BUFFER_BIT, Residency::kHost);
  Buffer uniform = ctx.buffer(1024, VK_BUFFER_USAGE_UNIFORM_BUFFER_BIT, Residency::kHost);
  ctx.upload(source, input.data(), input.size());
  std::vector<uint32_t> params(256), zero(256);
  params[0] = 3, params[1] = 1, params[64] = 5, params[65] = 2;
  ctx.upload(uniform, params.data(), 1024);
  ctx.upload(target, zero.data(), 1024);

  struct Data {
    uint64_t before;
    VkDescriptorBufferInfo storage[2];
    uint64_t between;
    VkDescriptorBufferInfo uniform;
  } data{};
  data.storage[0] = {source.handle, 0, VK_WHOLE_SIZE};
  data.storage[1] = {target.handle, 256, 256};
  data.uniform = {uniform.handle, 0, 8};
  VkDescriptorUpdateTemplateEntry entries[] = {
      {0, 0, 1, kStorage, offsetof(Data, storage), sizeof(VkDescriptorBufferInfo)},
      {1, 0, 1, kStorage, offsetof(Data, storage) + sizeof(VkDescriptorBufferInfo),
       sizeof(VkDescriptorBufferInfo)},
      {2, 0, 1, VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER_DYNAMIC, offsetof(Data, uniform), 0}};
  VkDescriptorUpdateTemplateCreateInfo info{VK_STRUCTURE_TYPE_DESCRIPTOR_UPDATE_TEMPLATE_CREATE_INFO};
  info.descriptorUpdateEntryCount = 3;
  info.pDescriptorUpdateEntries = entries;
  info.templateType = VK_DESCRIPTOR_UPDATE_TEMPLATE_TYPE_DESCRIPTOR_SET;
  info.descriptorSetLayout = set_layout;
  VkDescriptorUpdateTemplate update;
  PIXELS_VK(vkCreateDescriptorUpdateTemplate(ctx.device, &info, nullptr, &update));
  VkDescriptorSet set = ctx.descriptor_set(set_layout, bindings),
                  copy = ctx.descriptor_set(set_layout, bindings);
  vkUpdateDescriptorSetWithTemplate(ctx.device, set, update, &data);
  vkDestroyDescriptorUpdateTemplate(ctx.device, update, nullptr);
  std::vector<VkCopyDescriptorSet> copies;
  for (uint32_t b = 0; b < 3; ++b)
    copies.push_back({VK_STRUCTURE_TYPE_COPY_DESCRIPTOR_SET, nullptr, set, b, 0, copy, b, 0, 1});
  vkUpdateDescriptorSets(ctx.device, 0, nullptr, 3, copies.data());
  data.storage[1].offset = 512;
  ctx.write_buffer(copy, 1, kStorage, target);
  ctx.submit([&](VkCommandBuffer cb) {
    vkCmdBindPipeline(cb, VK_PIPELINE_BIND_POINT_COMPUTE, pipeline);
    uint32_t offset = 256;
    vkCmdBindDescriptorSets(cb, VK_PIPELINE_BIND_POINT_COMPUTE, layout, 0, 1, &set, 1, &offset);
    vkCmdDispatch(cb, 4, 1, 1);
    barrier(cb);
    offset = 0;
    vkCmdBindDescriptorSets(cb, VK_PIPELINE_BIND_POINT_COMPUTE, layout, 0, 1, &copy, 1, &offset);
    vkCmdDispatch(cb, 4, 1, 1);
    barrier(cb);
  });
  Bytes result = ctx.read(target);
  std::vector<uint32_t> values(64), sums(256);
  std::memcpy(values.data(), input.data(), 256);
  std::memcpy(sums.data(), result.data(), 1024);
  uint32_t sum = 0;
  for (uint32_t v : values) sum += v * 5 + 2;
  expect(sums[65] == sum, "the template's set wrote where its range starts");
  out.add(result);
}

PIXELS_CASE(push_descriptors, "VK_KHR_push_descriptor, directly and with a template") {
  Context ctx({VK_KHR_PUSH_DESCRIPTOR_EXTENSION_NAME});
  require(ctx.has(VK_KHR_PUSH_DESCRIPTOR_EXTENSION_NAME), "VK_KHR_push_descriptor");
  auto push = reinterpret_cast<PFN_vkCmdPushDescriptorSetKHR>(
      vkGetDeviceProcAddr(ctx.device, "vkCmdPushDescriptorSetKHR"));
  auto push_template = reinterpret_cast<PFN_vkCmdPushDescriptorSetWithTemplateKHR>(
      vkGetDeviceProcAddr(ctx.device, "vkCmdPushDescriptorSetWithTemplateKHR"));
  expect(push && push_template, "the extension's commands are there");
  VkDescriptorSetLayoutBinding binding{0, kStorage, 1, VK_SHADER_STAGE_COMPUTE_BIT, nullptr};
  VkDescriptorSetLayoutCreateInfo layout_info{VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO, nullptr,
                                              VK_DESCRIPTOR_SET_LAYOUT_CREATE_PUSH_DESCRIPTOR_BIT_KHR, 1,
                                              &binding};
  VkDescriptorSetLayout set_layout;
  PIXELS_VK(vkCreateDescriptorSetLayout(ctx.device, &layout_info, nullptr, &set_layout));
  ctx.defer([&ctx, set_layout] { vkDestroyDescriptorSetLayout(ctx.device, set_layout, nullptr); });
  VkPipelineLayout layout = ctx.pipeline_layout({set_layout});
  uint32_t size = 32;
  VkSpecializationMapEntry entry{0, 0, 4};
  VkSpecializationInfo constants{1, &entry, 4, &size};
  VkPipeline pipeline = ctx.compute(k_specialized_comp, layout, &constants);
  VkDescriptorUpdateTemplateEntry update_entry{0, 0, 1, kStorage, 0, 0};
  VkDescriptorUpdateTemplateCreateInfo info{VK_STRUCTURE_TYPE_DESCRIPTOR_UPDATE_TEMPLATE_CREATE_INFO};
  info.descriptorUpdateEntryCount = 1;
  info.pDescriptorUpdateEntries = &update_entry;
  info.templateType = VK_DESCRIPTOR_UPDATE_TEMPLATE_TYPE_PUSH_DESCRIPTORS_KHR;
  info.pipelineBindPoint = VK_PIPELINE_BIND_POINT_COMPUTE;
  info.pipelineLayout = layout;
  VkDescriptorUpdateTemplate update;
  PIXELS_VK(vkCreateDescriptorUpdateTemplate(ctx.device, &info, nullptr, &update));
  ctx.defer([&ctx, update] { vkDestroyDescriptorUpdateTemplate(ctx.device, update, nullptr); });
  Buffer a = ctx.buffer(512, VK_BUFFER_USAGE_STORAGE_BUFFER_BIT),
         b = ctx.buffer(512, VK_BUFFER_USAGE_STORAGE_BUFFER_BIT);
  ctx.submit([&](VkCommandBuffer cb) {
    vkCmdFillBuffer(cb, a.handle, 0, VK_WHOLE_SIZE, 1);
    vkCmdFillBuffer(cb, b.handle, 0, VK_WHOLE_SIZE, 2);
    barrier(cb);
    vkCmdBindPipeline(cb, VK_PIPELINE_BIND_POINT_COMPUTE, pipeline);
    VkDescriptorBufferInfo info_a{a.handle, 0, VK_WHOLE_SIZE}, info_b{b.handle, 256, 256};
    VkWriteDescriptorSet write{VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET};
    write.descriptorCount = 1;
    write.descriptorType = kStorage;
    write.pBufferInfo = &info_a;
    push(cb, VK_PIPELINE_BIND_POINT_COMPUTE, layout, 0, 1, &write);
    vkCmdDispatch(cb, 2, 1, 1);
    push_template(cb, update, layout, 0, &info_b);
    vkCmdDispatch(cb, 2, 1, 1);
    barrier(cb);
  });
  out.add(ctx.read(a));
  out.add(ctx.read(b));
}

PIXELS_CASE(pipeline_cache, "a cache's data makes a second cache, its header names this device") {
  Context ctx;
  Canvas canvas(ctx);
  Buffer vertices = vertex_buffer(ctx, pinwheel(7));
  Bytes data;
  for (int round = 0; round < 2; ++round) {
    VkPipelineCacheCreateInfo info{VK_STRUCTURE_TYPE_PIPELINE_CACHE_CREATE_INFO};
    info.initialDataSize = data.size();
    info.pInitialData = data.data();
    VkPipelineCache cache, merged;
    PIXELS_VK(vkCreatePipelineCache(ctx.device, &info, nullptr, &cache));
    info.initialDataSize = 0;
    PIXELS_VK(vkCreatePipelineCache(ctx.device, &info, nullptr, &merged));
    auto options = canvas.options(k_mesh_vert, k_color_frag);
    options.cache = cache;
    VkPipeline pipeline = ctx.pipeline(options);
    PIXELS_VK(vkMergePipelineCaches(ctx.device, merged, 1, &cache));
    std::size_t size = 0;
    PIXELS_VK(vkGetPipelineCacheData(ctx.device, cache, &size, nullptr));
    expect(size >= 32, "the cache has at least a header");
    data.resize(size);
    PIXELS_VK(vkGetPipelineCacheData(ctx.device, cache, &size, data.data()));
    data.resize(size);
    VkPipelineCacheHeaderVersionOne header;
    std::memcpy(&header, data.data(), sizeof header);
    expect(header.headerVersion == VK_PIPELINE_CACHE_HEADER_VERSION_ONE, "the header is of version one");
    expect(header.vendorID == ctx.properties.vendorID && header.deviceID == ctx.properties.deviceID,
           "the header names this vendor and device");
    expect(!std::memcmp(header.pipelineCacheUUID, ctx.properties.pipelineCacheUUID, VK_UUID_SIZE),
           "the header carries the device's pipelineCacheUUID");
    std::byte few[16];  // less than a header
    std::size_t part = sizeof few;
    VkResult short_read = vkGetPipelineCacheData(ctx.device, cache, &part, few);
    expect(short_read == VK_INCOMPLETE && part <= sizeof few, "a short buffer gives VK_INCOMPLETE");
    vkDestroyPipelineCache(ctx.device, merged, nullptr);
    vkDestroyPipelineCache(ctx.device, cache, nullptr);
    canvas.draw([&](VkCommandBuffer cb) {
      vkCmdBindPipeline(cb, VK_PIPELINE_BIND_POINT_GRAPHICS, pipeline);
      bind_vertices(cb, vertices);
      canvas.place(cb, {{0.1f * static_cast<float>(round), 0}, {0.9f, 0.9f}});
      vkCmdDraw(cb, 21, 1, 0, 0);
    });
    out.add(canvas.pixels());
  }
}
