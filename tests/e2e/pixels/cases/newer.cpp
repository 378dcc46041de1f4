// Extensions that came after Vulkan 1.3. What the headers of the build do not know is left out, and what the
// driver lacks is skipped, natively and forwarded alike. All but host image copies do the same reduction as
// the case "compute", by other means.
#include "canvas.hpp"
#include "shaders/reduce_comp.h"

using namespace pixels;

namespace {

constexpr VkDescriptorType kStorage = VK_DESCRIPTOR_TYPE_STORAGE_BUFFER;
constexpr VkDescriptorType kUniform = VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER;
constexpr uint32_t kGroups = 64;

template <class Function>
Function command(const Context& ctx, const char* name) {
  auto found = reinterpret_cast<Function>(vkGetDeviceProcAddr(ctx.device, name));
  expect(found != nullptr, name);
  return found;
}

struct Reduction {
  Buffer source, target, uniform;

  explicit Reduction(Context& ctx, VkBufferUsageFlags usage = 0) {
    Bytes input = noise(kGroups * 64 * 4, 7);
    uint32_t params[] = {3, 11};
    source = ctx.buffer(input.size(), usage | VK_BUFFER_USAGE_STORAGE_BUFFER_BIT);
    target = ctx.buffer(4 + kGroups * 4, usage | VK_BUFFER_USAGE_STORAGE_BUFFER_BIT);
    uniform = ctx.buffer(sizeof params, usage | VK_BUFFER_USAGE_UNIFORM_BUFFER_BIT, Residency::kHost);
    ctx.upload(source, input.data(), input.size());
    ctx.upload(uniform, params, sizeof params);
  }

  // Of binding 0, 1 and 2.
  const Buffer& at(uint32_t binding) const { return binding == 0 ? source : binding == 1 ? target : uniform; }
};

constexpr VkDescriptorType kTypes[] = {kStorage, kStorage, kUniform};

VkDescriptorSetLayout layout_with(Context& ctx, VkDescriptorSetLayoutCreateFlags flags) {
  VkDescriptorSetLayoutBinding bindings[3];
  for (uint32_t i = 0; i < 3; ++i) bindings[i] = {i, kTypes[i], 1, VK_SHADER_STAGE_COMPUTE_BIT, nullptr};
  VkDescriptorSetLayoutCreateInfo info{VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO, nullptr, flags, 3,
                                       bindings};
  VkDescriptorSetLayout layout;
  PIXELS_VK(vkCreateDescriptorSetLayout(ctx.device, &info, nullptr, &layout));
  ctx.defer([&ctx, layout] { vkDestroyDescriptorSetLayout(ctx.device, layout, nullptr); });
  return layout;
}

VkPipeline pipeline_with(Context& ctx, VkPipelineLayout layout, VkPipelineCreateFlags flags) {
  VkComputePipelineCreateInfo info{VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO, nullptr, flags};
  info.stage = {VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO};
  info.stage.stage = VK_SHADER_STAGE_COMPUTE_BIT;
  info.stage.module = ctx.shader(k_reduce_comp);
  info.stage.pName = "main";
  info.layout = layout;
  VkPipeline pipeline;
  PIXELS_VK(vkCreateComputePipelines(ctx.device, VK_NULL_HANDLE, 1, &info, nullptr, &pipeline));
  ctx.defer([&ctx, pipeline] { vkDestroyPipeline(ctx.device, pipeline, nullptr); });
  return pipeline;
}

// Clears the target, lets `bind` bind what the dispatch needs, and reads what it gave.
Bytes reduce(Context& ctx, const Reduction& data, const std::function<void(VkCommandBuffer)>& bind) {
  ctx.submit([&](VkCommandBuffer cb) {
    vkCmdFillBuffer(cb, data.target.handle, 0, VK_WHOLE_SIZE, 0);
    barrier(cb);
    bind(cb);
    vkCmdDispatch(cb, kGroups, 1, 1);
    barrier(cb);
  });
  return ctx.read(data.target);
}

VkDeviceAddress address_of(const Context& ctx, const Buffer& buffer) {
  VkBufferDeviceAddressInfo info{VK_STRUCTURE_TYPE_BUFFER_DEVICE_ADDRESS_INFO, nullptr, buffer.handle};
  return vkGetBufferDeviceAddress(ctx.device, &info);
}

}  // namespace

PIXELS_CASE(descriptor_buffer,
            "VK_EXT_descriptor_buffer: descriptors written into mapped memory by the application") {
  VkPhysicalDeviceDescriptorBufferFeaturesEXT features{
      VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_DESCRIPTOR_BUFFER_FEATURES_EXT};
  features.descriptorBuffer = VK_TRUE;
  Context ctx({VK_EXT_DESCRIPTOR_BUFFER_EXTENSION_NAME}, reinterpret_cast<VkBaseOutStructure*>(&features));
  require(ctx.has(VK_EXT_DESCRIPTOR_BUFFER_EXTENSION_NAME), "VK_EXT_descriptor_buffer");
  VkPhysicalDeviceDescriptorBufferPropertiesEXT sizes{
      VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_DESCRIPTOR_BUFFER_PROPERTIES_EXT};
  VkPhysicalDeviceProperties2 properties{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2, &sizes, {}};
  vkGetPhysicalDeviceProperties2(ctx.physical, &properties);

  Reduction data(ctx, VK_BUFFER_USAGE_SHADER_DEVICE_ADDRESS_BIT);
  VkDescriptorSetLayout set_layout =
      layout_with(ctx, VK_DESCRIPTOR_SET_LAYOUT_CREATE_DESCRIPTOR_BUFFER_BIT_EXT);
  VkPipelineLayout layout = ctx.pipeline_layout({set_layout});
  VkPipeline pipeline = pipeline_with(ctx, layout, VK_PIPELINE_CREATE_DESCRIPTOR_BUFFER_BIT_EXT);
  VkDeviceSize size = 0;
  command<PFN_vkGetDescriptorSetLayoutSizeEXT>(ctx, "vkGetDescriptorSetLayoutSizeEXT")(ctx.device, set_layout,
                                                                                       &size);
  Buffer descriptors = ctx.buffer(
      size, VK_BUFFER_USAGE_RESOURCE_DESCRIPTOR_BUFFER_BIT_EXT | VK_BUFFER_USAGE_SHADER_DEVICE_ADDRESS_BIT,
      Residency::kHostCoherent);
  auto offset_of =
      command<PFN_vkGetDescriptorSetLayoutBindingOffsetEXT>(ctx, "vkGetDescriptorSetLayoutBindingOffsetEXT");
  auto get = command<PFN_vkGetDescriptorEXT>(ctx, "vkGetDescriptorEXT");
  for (uint32_t i = 0; i < 3; ++i) {
    VkDeviceSize offset = 0;
    offset_of(ctx.device, set_layout, i, &offset);
    VkDescriptorAddressInfoEXT address{VK_STRUCTURE_TYPE_DESCRIPTOR_ADDRESS_INFO_EXT};
    address.address = address_of(ctx, data.at(i));
    address.range = data.at(i).size;
    VkDescriptorGetInfoEXT info{VK_STRUCTURE_TYPE_DESCRIPTOR_GET_INFO_EXT, nullptr, kTypes[i], {}};
    info.data.pStorageBuffer = &address;
    get(ctx.device, &info,
        kTypes[i] == kUniform ? sizes.uniformBufferDescriptorSize : sizes.storageBufferDescriptorSize,
        descriptors.mapped + offset);
  }
  auto bind_buffers = command<PFN_vkCmdBindDescriptorBuffersEXT>(ctx, "vkCmdBindDescriptorBuffersEXT");
  auto set_offsets =
      command<PFN_vkCmdSetDescriptorBufferOffsetsEXT>(ctx, "vkCmdSetDescriptorBufferOffsetsEXT");
  out.add(reduce(ctx, data, [&](VkCommandBuffer cb) {
    VkDescriptorBufferBindingInfoEXT binding{VK_STRUCTURE_TYPE_DESCRIPTOR_BUFFER_BINDING_INFO_EXT, nullptr,
                                             address_of(ctx, descriptors),
                                             VK_BUFFER_USAGE_RESOURCE_DESCRIPTOR_BUFFER_BIT_EXT};
    vkCmdBindPipeline(cb, VK_PIPELINE_BIND_POINT_COMPUTE, pipeline);
    bind_buffers(cb, 1, &binding);
    uint32_t buffer = 0;
    VkDeviceSize offset = 0;
    set_offsets(cb, VK_PIPELINE_BIND_POINT_COMPUTE, layout, 0, 1, &buffer, &offset);
  }));
}

#ifdef VK_EXT_shader_object
PIXELS_CASE(shader_object,
            "VK_EXT_shader_object: a compute shader from SPIR-V and again from the driver's binary") {
  VkPhysicalDeviceShaderObjectFeaturesEXT features{
      VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_OBJECT_FEATURES_EXT};
  features.shaderObject = VK_TRUE;
  Context ctx({VK_EXT_SHADER_OBJECT_EXTENSION_NAME}, reinterpret_cast<VkBaseOutStructure*>(&features));
  require(ctx.has(VK_EXT_SHADER_OBJECT_EXTENSION_NAME), "VK_EXT_shader_object");
  auto create = command<PFN_vkCreateShadersEXT>(ctx, "vkCreateShadersEXT");
  auto destroy = command<PFN_vkDestroyShaderEXT>(ctx, "vkDestroyShaderEXT");
  auto binary_of = command<PFN_vkGetShaderBinaryDataEXT>(ctx, "vkGetShaderBinaryDataEXT");
  auto bind = command<PFN_vkCmdBindShadersEXT>(ctx, "vkCmdBindShadersEXT");

  Reduction data(ctx);
  std::vector<Binding> bindings = {{0, kStorage}, {1, kStorage}, {2, kUniform}};
  VkDescriptorSetLayout set_layout = layout_with(ctx, 0);
  VkDescriptorSet set = ctx.descriptor_set(set_layout, bindings);
  for (uint32_t i = 0; i < 3; ++i) ctx.write_buffer(set, i, kTypes[i], data.at(i));
  VkPipelineLayout layout = ctx.pipeline_layout({set_layout});
  VkShaderCreateInfoEXT info{VK_STRUCTURE_TYPE_SHADER_CREATE_INFO_EXT};
  info.stage = VK_SHADER_STAGE_COMPUTE_BIT;
  info.codeType = VK_SHADER_CODE_TYPE_SPIRV_EXT;
  info.codeSize = Words(k_reduce_comp).size_bytes();
  info.pCode = k_reduce_comp;
  info.pName = "main";
  info.setLayoutCount = 1;
  info.pSetLayouts = &set_layout;
  const auto run = [&](VkShaderEXT shader) {
    return reduce(ctx, data, [&](VkCommandBuffer cb) {
      VkShaderStageFlagBits stage = VK_SHADER_STAGE_COMPUTE_BIT;
      bind(cb, 1, &stage, &shader);
      vkCmdBindDescriptorSets(cb, VK_PIPELINE_BIND_POINT_COMPUTE, layout, 0, 1, &set, 0, nullptr);
    });
  };
  VkShaderEXT shader = VK_NULL_HANDLE, again = VK_NULL_HANDLE;
  PIXELS_VK(create(ctx.device, 1, &info, nullptr, &shader));
  std::size_t size = 0;
  PIXELS_VK(binary_of(ctx.device, shader, &size, nullptr));
  Bytes binary(size);
  PIXELS_VK(binary_of(ctx.device, shader, &size, binary.data()));
  info.codeType = VK_SHADER_CODE_TYPE_BINARY_EXT;
  info.codeSize = binary.size();
  info.pCode = binary.data();
  PIXELS_VK(create(ctx.device, 1, &info, nullptr, &again));
  Bytes first = run(shader);
  expect(first == run(again), "the binary gives what the SPIR-V gave");
  out.add(first);
  destroy(ctx.device, shader, nullptr);
  destroy(ctx.device, again, nullptr);
}
#endif

#ifdef VK_KHR_maintenance6
PIXELS_CASE(push_descriptors_2,
            "VK_KHR_maintenance6: push descriptors by struct, with and without a template") {
  VkPhysicalDeviceMaintenance6FeaturesKHR features{
      VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MAINTENANCE_6_FEATURES_KHR};
  features.maintenance6 = VK_TRUE;
  Context ctx({VK_KHR_MAINTENANCE_6_EXTENSION_NAME, VK_KHR_PUSH_DESCRIPTOR_EXTENSION_NAME},
              reinterpret_cast<VkBaseOutStructure*>(&features));
  require(ctx.has(VK_KHR_MAINTENANCE_6_EXTENSION_NAME), "VK_KHR_maintenance6");
  auto push = command<PFN_vkCmdPushDescriptorSet2KHR>(ctx, "vkCmdPushDescriptorSet2KHR");
  auto push_template =
      command<PFN_vkCmdPushDescriptorSetWithTemplate2KHR>(ctx, "vkCmdPushDescriptorSetWithTemplate2KHR");
  Reduction data(ctx);
  VkDescriptorSetLayout set_layout =
      layout_with(ctx, VK_DESCRIPTOR_SET_LAYOUT_CREATE_PUSH_DESCRIPTOR_BIT_KHR);
  VkPipelineLayout layout = ctx.pipeline_layout({set_layout});
  VkPipeline pipeline = pipeline_with(ctx, layout, 0);
  VkDescriptorBufferInfo buffers[3];
  VkWriteDescriptorSet writes[3];
  VkDescriptorUpdateTemplateEntry entries[3];
  for (uint32_t i = 0; i < 3; ++i) {
    buffers[i] = {data.at(i).handle, 0, VK_WHOLE_SIZE};
    writes[i] = {VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET,
                 nullptr,
                 VK_NULL_HANDLE,
                 i,
                 0,
                 1,
                 kTypes[i],
                 nullptr,
                 &buffers[i],
                 nullptr};
    entries[i] = {i, 0, 1, kTypes[i], i * sizeof buffers[0], sizeof buffers[0]};
  }
  out.add(reduce(ctx, data, [&](VkCommandBuffer cb) {
    VkPushDescriptorSetInfoKHR info{VK_STRUCTURE_TYPE_PUSH_DESCRIPTOR_SET_INFO_KHR,
                                    nullptr,
                                    VK_SHADER_STAGE_COMPUTE_BIT,
                                    layout,
                                    0,
                                    3,
                                    writes};
    vkCmdBindPipeline(cb, VK_PIPELINE_BIND_POINT_COMPUTE, pipeline);
    push(cb, &info);
  }));
  VkDescriptorUpdateTemplateCreateInfo template_info{
      VK_STRUCTURE_TYPE_DESCRIPTOR_UPDATE_TEMPLATE_CREATE_INFO};
  template_info.descriptorUpdateEntryCount = 3;
  template_info.pDescriptorUpdateEntries = entries;
  template_info.templateType = VK_DESCRIPTOR_UPDATE_TEMPLATE_TYPE_PUSH_DESCRIPTORS_KHR;
  template_info.pipelineBindPoint = VK_PIPELINE_BIND_POINT_COMPUTE;
  template_info.pipelineLayout = layout;
  VkDescriptorUpdateTemplate update;
  PIXELS_VK(vkCreateDescriptorUpdateTemplate(ctx.device, &template_info, nullptr, &update));
  ctx.defer([&ctx, update] { vkDestroyDescriptorUpdateTemplate(ctx.device, update, nullptr); });
  out.add(reduce(ctx, data, [&](VkCommandBuffer cb) {
    VkPushDescriptorSetWithTemplateInfoKHR info{
        VK_STRUCTURE_TYPE_PUSH_DESCRIPTOR_SET_WITH_TEMPLATE_INFO_KHR, nullptr, update, layout, 0, buffers};
    vkCmdBindPipeline(cb, VK_PIPELINE_BIND_POINT_COMPUTE, pipeline);
    push_template(cb, &info);
  }));
}
#endif

#ifdef VK_KHR_maintenance5
PIXELS_CASE(maintenance5,
            "VK_KHR_maintenance5: a pipeline without a shader module object, with 64-bit flags") {
  VkPhysicalDeviceMaintenance5FeaturesKHR features{
      VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MAINTENANCE_5_FEATURES_KHR};
  features.maintenance5 = VK_TRUE;
  Context ctx({VK_KHR_MAINTENANCE_5_EXTENSION_NAME}, reinterpret_cast<VkBaseOutStructure*>(&features));
  require(ctx.has(VK_KHR_MAINTENANCE_5_EXTENSION_NAME), "VK_KHR_maintenance5");
  Reduction data(ctx);
  std::vector<Binding> bindings = {{0, kStorage}, {1, kStorage}, {2, kUniform}};
  VkDescriptorSetLayout set_layout = layout_with(ctx, 0);
  VkDescriptorSet set = ctx.descriptor_set(set_layout, bindings);
  for (uint32_t i = 0; i < 3; ++i) ctx.write_buffer(set, i, kTypes[i], data.at(i));
  VkPipelineLayout layout = ctx.pipeline_layout({set_layout});
  VkShaderModuleCreateInfo code{VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO, nullptr, 0,
                                Words(k_reduce_comp).size_bytes(), k_reduce_comp};
  VkPipelineCreateFlags2CreateInfoKHR flags{VK_STRUCTURE_TYPE_PIPELINE_CREATE_FLAGS_2_CREATE_INFO_KHR,
                                            nullptr, VK_PIPELINE_CREATE_2_DISABLE_OPTIMIZATION_BIT_KHR};
  VkComputePipelineCreateInfo info{VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO, &flags};
  info.stage = {VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO, &code};
  info.stage.stage = VK_SHADER_STAGE_COMPUTE_BIT;
  info.stage.pName = "main";
  info.layout = layout;
  VkPipeline pipeline;
  PIXELS_VK(vkCreateComputePipelines(ctx.device, VK_NULL_HANDLE, 1, &info, nullptr, &pipeline));
  ctx.defer([&ctx, pipeline] { vkDestroyPipeline(ctx.device, pipeline, nullptr); });
  out.add(reduce(ctx, data, [&](VkCommandBuffer cb) {
    vkCmdBindPipeline(cb, VK_PIPELINE_BIND_POINT_COMPUTE, pipeline);
    vkCmdBindDescriptorSets(cb, VK_PIPELINE_BIND_POINT_COMPUTE, layout, 0, 1, &set, 0, nullptr);
  }));
}
#endif

#ifdef VK_EXT_host_image_copy
PIXELS_CASE(host_image_copy,
            "VK_EXT_host_image_copy: in and out of mips and layers, with gaps between rows and without") {
  VkPhysicalDeviceHostImageCopyFeaturesEXT features{
      VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_HOST_IMAGE_COPY_FEATURES_EXT};
  features.hostImageCopy = VK_TRUE;
  Context ctx({VK_EXT_HOST_IMAGE_COPY_EXTENSION_NAME}, reinterpret_cast<VkBaseOutStructure*>(&features));
  require(ctx.has(VK_EXT_HOST_IMAGE_COPY_EXTENSION_NAME), "VK_EXT_host_image_copy");
  auto to_image = command<PFN_vkCopyMemoryToImageEXT>(ctx, "vkCopyMemoryToImageEXT");
  auto to_memory = command<PFN_vkCopyImageToMemoryEXT>(ctx, "vkCopyImageToMemoryEXT");
  auto transition_now = command<PFN_vkTransitionImageLayoutEXT>(ctx, "vkTransitionImageLayoutEXT");
  ImageOptions options;
  options.extent = {1500, 900, 1};  // more than one piece of the guest's
  options.mips = 2;
  options.layers = 2;
  options.usage =
      VK_IMAGE_USAGE_HOST_TRANSFER_BIT_EXT | VK_IMAGE_USAGE_TRANSFER_SRC_BIT | VK_IMAGE_USAGE_SAMPLED_BIT;
  options.view_type = VK_IMAGE_VIEW_TYPE_2D_ARRAY;
  Image image = ctx.image(options);
  VkHostImageLayoutTransitionInfoEXT general{VK_STRUCTURE_TYPE_HOST_IMAGE_LAYOUT_TRANSITION_INFO_EXT,
                                             nullptr,
                                             image.handle,
                                             VK_IMAGE_LAYOUT_UNDEFINED,
                                             VK_IMAGE_LAYOUT_GENERAL,
                                             {VK_IMAGE_ASPECT_COLOR_BIT, 0, 2, 0, 2}};
  PIXELS_VK(transition_now(ctx.device, 1, &general));
  constexpr uint32_t kRow = 1600, kRows = 950;
  Bytes texels = noise(std::size_t{kRow} * kRows * 4 * 2, 3);
  VkMemoryToImageCopyEXT in[2] = {{VK_STRUCTURE_TYPE_MEMORY_TO_IMAGE_COPY_EXT,
                                   nullptr,
                                   texels.data(),
                                   kRow,
                                   kRows,
                                   {VK_IMAGE_ASPECT_COLOR_BIT, 0, 0, 2},
                                   {0, 0, 0},
                                   {1500, 900, 1}},
                                  {VK_STRUCTURE_TYPE_MEMORY_TO_IMAGE_COPY_EXT,
                                   nullptr,
                                   texels.data() + 64,
                                   0,
                                   0,
                                   {VK_IMAGE_ASPECT_COLOR_BIT, 1, 0, 2},
                                   {10, 20, 0},
                                   {333, 222, 1}}};
  VkCopyMemoryToImageInfoEXT in_info{VK_STRUCTURE_TYPE_COPY_MEMORY_TO_IMAGE_INFO_EXT,
                                     nullptr,
                                     0,
                                     image.handle,
                                     VK_IMAGE_LAYOUT_GENERAL,
                                     2,
                                     in};
  PIXELS_VK(to_image(ctx.device, &in_info));
  // What the device sees of it.
  out.add(ctx.read_image(image, VK_IMAGE_LAYOUT_GENERAL, 4, 0, 1));
  // What the host reads, with gaps that must stay as they were.
  Bytes back(texels.size(), std::byte{0x5a}), small(333 * 222 * 4 * 2);
  VkImageToMemoryCopyEXT from[2] = {{VK_STRUCTURE_TYPE_IMAGE_TO_MEMORY_COPY_EXT,
                                     nullptr,
                                     back.data(),
                                     kRow,
                                     kRows,
                                     {VK_IMAGE_ASPECT_COLOR_BIT, 0, 0, 2},
                                     {0, 0, 0},
                                     {1500, 900, 1}},
                                    {VK_STRUCTURE_TYPE_IMAGE_TO_MEMORY_COPY_EXT,
                                     nullptr,
                                     small.data(),
                                     0,
                                     0,
                                     {VK_IMAGE_ASPECT_COLOR_BIT, 1, 0, 2},
                                     {10, 20, 0},
                                     {333, 222, 1}}};
  VkCopyImageToMemoryInfoEXT from_info{VK_STRUCTURE_TYPE_COPY_IMAGE_TO_MEMORY_INFO_EXT,
                                       nullptr,
                                       0,
                                       image.handle,
                                       VK_IMAGE_LAYOUT_GENERAL,
                                       2,
                                       from};
  PIXELS_VK(to_memory(ctx.device, &from_info));
  out.add(back);
  out.add(small);
  expect(std::memcmp(small.data(), texels.data() + 64, small.size()) == 0, "what went in comes out");
  // And once more as the driver lays it out, whatever that is.
  VkSubresourceHostMemcpySizeEXT size{VK_STRUCTURE_TYPE_SUBRESOURCE_HOST_MEMCPY_SIZE_EXT, nullptr, 0};
  VkSubresourceLayout2EXT layout{VK_STRUCTURE_TYPE_SUBRESOURCE_LAYOUT_2_EXT, &size, {}};
  VkImageSubresource2EXT subresource{
      VK_STRUCTURE_TYPE_IMAGE_SUBRESOURCE_2_EXT, nullptr, {VK_IMAGE_ASPECT_COLOR_BIT, 1, 0}};
  command<PFN_vkGetImageSubresourceLayout2EXT>(ctx, "vkGetImageSubresourceLayout2EXT")(
      ctx.device, image.handle, &subresource, &layout);
  expect(size.size > 0, "the driver says how large a subresource is");
}
#endif
