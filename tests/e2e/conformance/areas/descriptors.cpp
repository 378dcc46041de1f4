// api.descriptor_pool, api.descriptor_set, binding_model: exhaustion, freeing, templates, pushes, inline
// blocks.
#include "area.hpp"

using namespace conformance;

namespace {

VkDescriptorPool make_pool(Context& ctx, uint32_t sets, std::vector<VkDescriptorPoolSize> sizes,
                           VkDescriptorPoolCreateFlags flags = 0, const void* next = nullptr) {
  const VkDescriptorPoolCreateInfo info{
      VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_CREATE_INFO, next,        flags, sets,
      static_cast<uint32_t>(sizes.size()),           sizes.data()};
  VkDescriptorPool pool = VK_NULL_HANDLE;
  PIXELS_VK(vkCreateDescriptorPool(ctx.device, &info, nullptr, &pool));
  ctx.defer([&ctx, pool] { vkDestroyDescriptorPool(ctx.device, pool, nullptr); });
  return pool;
}

VkResult allocate(Context& ctx, VkDescriptorPool pool, std::vector<VkDescriptorSetLayout> layouts,
                  VkDescriptorSet* sets, const void* next = nullptr) {
  const VkDescriptorSetAllocateInfo info{VK_STRUCTURE_TYPE_DESCRIPTOR_SET_ALLOCATE_INFO, next, pool,
                                         static_cast<uint32_t>(layouts.size()), layouts.data()};
  return vkAllocateDescriptorSets(ctx.device, &info, sets);
}

bool is_exhausted(VkResult result) {
  return result == VK_ERROR_OUT_OF_POOL_MEMORY || result == VK_ERROR_FRAGMENTED_POOL ||
         result == VK_ERROR_OUT_OF_HOST_MEMORY || result == VK_ERROR_OUT_OF_DEVICE_MEMORY;
}

void pools(Context& ctx) {
  const VkDescriptorSetLayout empty = ctx.set_layout({});
  const VkDescriptorSetLayout two = ctx.set_layout({{0, VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, 2}});
  VkDescriptorSet sets[8] = {};
  const VkDescriptorPool nothing = make_pool(ctx, 2, {});
  must(allocate(ctx, nothing, {empty, empty}, sets) == VK_SUCCESS, "sets of nothing from a pool of nothing");
  must(is_exhausted(allocate(ctx, nothing, {empty}, sets)), "a third of two sets");

  const VkDescriptorPool pool = make_pool(ctx, 8,
                                          {{VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, 3},
                                           {VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, 3},
                                           {VK_DESCRIPTOR_TYPE_SAMPLER, 1}},
                                          VK_DESCRIPTOR_POOL_CREATE_FREE_DESCRIPTOR_SET_BIT);
  must(allocate(ctx, pool, {two, two, two}, sets) == VK_SUCCESS, "sizes of one type add up");
  const VkDescriptorSet kept = sets[0];
  VkDescriptorSet more[2] = {(VkDescriptorSet)5, (VkDescriptorSet)5};
  const VkResult result = allocate(ctx, pool, {empty, two}, more);
  must(is_exhausted(result), "seven of six descriptors: %s", name(result));
  must(!is_exhausted(result) || (more[0] == VK_NULL_HANDLE && more[1] == VK_NULL_HANDLE),
       "a failure with sets");
  const VkDescriptorSet freed[4] = {sets[1], VK_NULL_HANDLE, sets[2], VK_NULL_HANDLE};
  say_result("free", vkFreeDescriptorSets(ctx.device, pool, 4, freed));
  must(allocate(ctx, pool, {two, two}, sets) == VK_SUCCESS, "freed descriptors can be had again");
  must(sets[0] != kept && sets[1] != kept, "a set in use was handed out");
  for (int round = 0; round < 50; ++round) {
    PIXELS_VK(vkResetDescriptorPool(ctx.device, pool, 0));
    must(allocate(ctx, pool, {two, two, two}, sets) == VK_SUCCESS, "after reset %d", round);
  }
  say("pools done");
}

void variable_counts(Context& ctx) {
  if (!ctx.features12.descriptorBindingVariableDescriptorCount) return;
  const VkDescriptorSetLayoutBinding bindings[2] = {
      {0, VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER, 1, VK_SHADER_STAGE_ALL},
      {1, VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, 100, VK_SHADER_STAGE_ALL}};
  const VkDescriptorBindingFlags flags[2] = {0, VK_DESCRIPTOR_BINDING_VARIABLE_DESCRIPTOR_COUNT_BIT};
  const VkDescriptorSetLayoutBindingFlagsCreateInfo binding_flags{
      VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_BINDING_FLAGS_CREATE_INFO, nullptr, 2, flags};
  const VkDescriptorSetLayoutCreateInfo info{VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO,
                                             &binding_flags, 0, 2, bindings};
  VkDescriptorSetLayout layout = VK_NULL_HANDLE;
  PIXELS_VK(vkCreateDescriptorSetLayout(ctx.device, &info, nullptr, &layout));
  VkDescriptorSetVariableDescriptorCountLayoutSupport most{
      VK_STRUCTURE_TYPE_DESCRIPTOR_SET_VARIABLE_DESCRIPTOR_COUNT_LAYOUT_SUPPORT, nullptr, 0};
  VkDescriptorSetLayoutSupport support{VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_SUPPORT, &most, 9};
  vkGetDescriptorSetLayoutSupport(ctx.device, &info, &support);
  say("variable layout supported %u, at most %u", support.supported, most.maxVariableDescriptorCount);
  const VkDescriptorPool pool =
      make_pool(ctx, 4, {{VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER, 4}, {VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, 30}});
  const uint32_t counts[2] = {10, 20};
  const VkDescriptorSetVariableDescriptorCountAllocateInfo variable{
      VK_STRUCTURE_TYPE_DESCRIPTOR_SET_VARIABLE_DESCRIPTOR_COUNT_ALLOCATE_INFO, nullptr, 2, counts};
  VkDescriptorSet sets[2] = {};
  say_result("30 of 30", allocate(ctx, pool, {layout, layout}, sets, &variable));
  must(allocate(ctx, pool, {layout}, sets) == VK_SUCCESS,
       "a variable binding without a count takes descriptors");
  vkDestroyDescriptorSetLayout(ctx.device, layout, nullptr);
}

struct Sum {
  Context& ctx;
  std::vector<pixels::Binding> bindings{{0, VK_DESCRIPTOR_TYPE_STORAGE_BUFFER},
                                        {1, VK_DESCRIPTOR_TYPE_STORAGE_BUFFER}};
  VkDescriptorSetLayout layout;
  Buffer first, second;
  explicit Sum(Context& context)
      : ctx(context),
        layout(ctx.set_layout(bindings)),
        first(ctx.buffer(4096, VK_BUFFER_USAGE_STORAGE_BUFFER_BIT, Residency::kHostCoherent)),
        second(ctx.buffer(4096, VK_BUFFER_USAGE_STORAGE_BUFFER_BIT, Residency::kHostCoherent)) {}
};

// What a template writes is read back by copying it to a set that is then compared by what a shader sees:
// here only that updates of every form are taken and the device lives.
void updates(Context& ctx) {
  Sum sum(ctx);
  const VkDescriptorSet set = ctx.descriptor_set(sum.layout, sum.bindings);
  const VkDescriptorSet other = ctx.descriptor_set(sum.layout, sum.bindings);
  struct Data {
    uint32_t skipped;
    VkDescriptorBufferInfo buffers[2];
  } data{7, {{sum.first.handle, 0, VK_WHOLE_SIZE}, {sum.second.handle, 256, 512}}};
  const VkDescriptorUpdateTemplateEntry entries[2] = {
      {0, 0, 1, VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, offsetof(Data, buffers), sizeof(VkDescriptorBufferInfo)},
      {1, 0, 1, VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, offsetof(Data, buffers) + sizeof(VkDescriptorBufferInfo),
       0}};
  VkDescriptorUpdateTemplateCreateInfo info{VK_STRUCTURE_TYPE_DESCRIPTOR_UPDATE_TEMPLATE_CREATE_INFO};
  info.descriptorUpdateEntryCount = 2;
  info.pDescriptorUpdateEntries = entries;
  info.templateType = VK_DESCRIPTOR_UPDATE_TEMPLATE_TYPE_DESCRIPTOR_SET;
  info.descriptorSetLayout = sum.layout;
  info.pipelineLayout = (VkPipelineLayout)0xdead'beef'0000'0001ull;
  VkDescriptorUpdateTemplate update = VK_NULL_HANDLE;
  PIXELS_VK(vkCreateDescriptorUpdateTemplate(ctx.device, &info, nullptr, &update));
  vkUpdateDescriptorSetWithTemplate(ctx.device, set, update, &data);
  vkDestroyDescriptorUpdateTemplate(ctx.device, update, nullptr);
  const auto* wild_images = reinterpret_cast<const VkDescriptorImageInfo*>(64);
  const auto* wild_views = reinterpret_cast<const VkBufferView*>(64);
  const VkDescriptorBufferInfo run[2] = {{sum.second.handle, 0, 256}, {sum.first.handle, 0, 256}};
  // Past the end of binding 0 an update goes on in binding 1.
  const VkWriteDescriptorSet write{VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET, nullptr,     set, 0,         0, 2,
                                   VK_DESCRIPTOR_TYPE_STORAGE_BUFFER,      wild_images, run, wild_views};
  const VkCopyDescriptorSet copies[2] = {
      {VK_STRUCTURE_TYPE_COPY_DESCRIPTOR_SET, nullptr, set, 0, 0, other, 1, 0, 1},
      {VK_STRUCTURE_TYPE_COPY_DESCRIPTOR_SET, nullptr, set, 1, 0, other, 0, 0, 1}};
  vkUpdateDescriptorSets(ctx.device, 1, &write, 0, nullptr);
  vkUpdateDescriptorSets(ctx.device, 0, nullptr, 2, copies);
  say_result("updates", vkDeviceWaitIdle(ctx.device));
}

// Immutable samplers, and the garbage that an update may have in their place.
void samplers(Context& ctx) {
  const VkSampler sampler = ctx.sampler();
  const Image image = ctx.image({.extent = {8, 8, 1}, .usage = VK_IMAGE_USAGE_SAMPLED_BIT});
  const VkDescriptorSetLayoutBinding bindings[3] = {
      {0, VK_DESCRIPTOR_TYPE_COMBINED_IMAGE_SAMPLER, 1, VK_SHADER_STAGE_ALL, &sampler},
      {1, VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER, 1, VK_SHADER_STAGE_ALL, reinterpret_cast<const VkSampler*>(64)},
      {2, VK_DESCRIPTOR_TYPE_SAMPLED_IMAGE, 1, VK_SHADER_STAGE_ALL, reinterpret_cast<const VkSampler*>(64)}};
  const VkDescriptorSetLayoutCreateInfo info{VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO, nullptr, 0,
                                             3, bindings};
  VkDescriptorSetLayout layout = VK_NULL_HANDLE;
  PIXELS_VK(vkCreateDescriptorSetLayout(ctx.device, &info, nullptr, &layout));
  const VkDescriptorPool pool = make_pool(ctx, 1,
                                          {{VK_DESCRIPTOR_TYPE_COMBINED_IMAGE_SAMPLER, 1},
                                           {VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER, 1},
                                           {VK_DESCRIPTOR_TYPE_SAMPLED_IMAGE, 1}});
  VkDescriptorSet set = VK_NULL_HANDLE;
  PIXELS_VK(allocate(ctx, pool, {layout}, &set));
  vkDestroyDescriptorSetLayout(ctx.device, layout, nullptr);
  const VkDescriptorImageInfo with_garbage{(VkSampler)0xdead'beef'0000'0003ull, image.view,
                                           VK_IMAGE_LAYOUT_GENERAL};
  for (const uint32_t binding : {0u, 2u}) {
    const VkWriteDescriptorSet write{VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET, nullptr,      set, binding, 0, 1,
                                     bindings[binding].descriptorType,       &with_garbage};
    vkUpdateDescriptorSets(ctx.device, 1, &write, 0, nullptr);
  }
  say_result("samplers", vkDeviceWaitIdle(ctx.device));
}

void inline_blocks(Context& ctx) {
  if (!ctx.features13.inlineUniformBlock) return;
  const VkDescriptorSetLayout layout = ctx.set_layout({{0, VK_DESCRIPTOR_TYPE_INLINE_UNIFORM_BLOCK, 64}});
  const VkDescriptorPoolInlineUniformBlockCreateInfo blocks{
      VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_INLINE_UNIFORM_BLOCK_CREATE_INFO, nullptr, 1};
  const VkDescriptorPool pool =
      make_pool(ctx, 2, {{VK_DESCRIPTOR_TYPE_INLINE_UNIFORM_BLOCK, 64}}, 0, &blocks);
  VkDescriptorSet set = VK_NULL_HANDLE, none = VK_NULL_HANDLE;
  say_result("an inline block", allocate(ctx, pool, {layout}, &set));
  must(is_exhausted(allocate(ctx, pool, {layout}, &none)), "a second inline block of one");
  uint32_t words[16] = {1, 2, 3};
  const VkWriteDescriptorSetInlineUniformBlock block{
      VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET_INLINE_UNIFORM_BLOCK, nullptr, 32, words};
  const VkWriteDescriptorSet write{VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET, &block, set, 0, 16, 32,
                                   VK_DESCRIPTOR_TYPE_INLINE_UNIFORM_BLOCK};
  vkUpdateDescriptorSets(ctx.device, 1, &write, 0, nullptr);
  const VkDescriptorUpdateTemplateEntry entry{0, 0, 64, VK_DESCRIPTOR_TYPE_INLINE_UNIFORM_BLOCK, 0, 0};
  VkDescriptorUpdateTemplateCreateInfo info{VK_STRUCTURE_TYPE_DESCRIPTOR_UPDATE_TEMPLATE_CREATE_INFO};
  info.descriptorUpdateEntryCount = 1;
  info.pDescriptorUpdateEntries = &entry;
  info.descriptorSetLayout = layout;
  VkDescriptorUpdateTemplate update = VK_NULL_HANDLE;
  PIXELS_VK(vkCreateDescriptorUpdateTemplate(ctx.device, &info, nullptr, &update));
  vkUpdateDescriptorSetWithTemplate(ctx.device, set, update, words);
  vkDestroyDescriptorUpdateTemplate(ctx.device, update, nullptr);
  say_result("inline updates", vkDeviceWaitIdle(ctx.device));
}

CONFORMANCE_AREA(descriptors) {
  Context ctx;
  pools(ctx);
  variable_counts(ctx);
  updates(ctx);
  samplers(ctx);
  inline_blocks(ctx);
  ctx.submit([](VkCommandBuffer) {});
  say_result("the device lives", vkDeviceWaitIdle(ctx.device));
}

}  // namespace
