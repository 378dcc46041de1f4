// Rows `objects`, `descriptors` and `pipelines`: objects that come and go.
#include <atomic>
#include <bit>
#include <cstdint>
#include <random>
#include <thread>
#include <vector>

#include "api/rows.hpp"
#include "api/small_pass.hpp"

namespace viaduct::bench {
namespace {

VkImageCreateInfo small_image() {
  auto info = info_of<VkImageCreateInfo>(VK_STRUCTURE_TYPE_IMAGE_CREATE_INFO);
  info.imageType = VK_IMAGE_TYPE_2D;
  info.format = VK_FORMAT_R8G8B8A8_UNORM;
  info.extent = {64, 64, 1};
  info.mipLevels = info.arrayLayers = 1;
  info.samples = VK_SAMPLE_COUNT_1_BIT;
  info.usage = VK_IMAGE_USAGE_SAMPLED_BIT | VK_IMAGE_USAGE_TRANSFER_DST_BIT;
  return info;
}

constexpr uint32_t kSets = 256;
constexpr uint32_t kDescriptors = 4;  // of a set

VkDescriptorSetLayout set_layout(Gpu& gpu, uint32_t bindings, VkDescriptorSetLayoutCreateFlags flags) {
  std::vector<VkDescriptorSetLayoutBinding> each;
  for (uint32_t i = 0; i < bindings; ++i)
    each.push_back({i, VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER, 1, VK_SHADER_STAGE_VERTEX_BIT, nullptr});
  auto info = info_of<VkDescriptorSetLayoutCreateInfo>(VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO);
  info.flags = flags;
  info.bindingCount = bindings;
  info.pBindings = each.data();
  VkDescriptorSetLayout layout;
  VIADUCT_BENCH_VK(vkCreateDescriptorSetLayout(gpu.device, &info, nullptr, &layout));
  gpu.defer([&gpu, layout] { vkDestroyDescriptorSetLayout(gpu.device, layout, nullptr); });
  return layout;
}

VkDescriptorPool set_pool(Gpu& gpu, VkDescriptorPoolCreateFlags flags) {
  const VkDescriptorPoolSize size{VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER, kSets * kDescriptors};
  auto info = info_of<VkDescriptorPoolCreateInfo>(VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_CREATE_INFO);
  info.flags = flags;
  info.maxSets = kSets;
  info.poolSizeCount = 1;
  info.pPoolSizes = &size;
  VkDescriptorPool pool;
  VIADUCT_BENCH_VK(vkCreateDescriptorPool(gpu.device, &info, nullptr, &pool));
  gpu.defer([&gpu, pool] { vkDestroyDescriptorPool(gpu.device, pool, nullptr); });
  return pool;
}

VkDescriptorSet allocate_set(Gpu& gpu, VkDescriptorPool pool, VkDescriptorSetLayout layout) {
  auto info = info_of<VkDescriptorSetAllocateInfo>(VK_STRUCTURE_TYPE_DESCRIPTOR_SET_ALLOCATE_INFO);
  info.descriptorPool = pool;
  info.descriptorSetCount = 1;
  info.pSetLayouts = &layout;
  VkDescriptorSet set;
  VIADUCT_BENCH_VK(vkAllocateDescriptorSets(gpu.device, &info, &set));
  return set;
}

VkWriteDescriptorSet write_of(VkDescriptorSet set, const VkDescriptorBufferInfo& range) {
  auto write = info_of<VkWriteDescriptorSet>(VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET);
  write.dstSet = set;
  write.descriptorCount = 1;
  write.descriptorType = VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER;
  write.pBufferInfo = &range;
  return write;
}

void measure_sets(Gpu& gpu, VkBuffer buffer) {
  const VkDescriptorSetLayout layout = set_layout(gpu, 1, 0);
  const VkDescriptorBufferInfo range{buffer, 0, VK_WHOLE_SIZE};
  auto make = [&](VkDescriptorPool pool) {
    const VkDescriptorSet set = allocate_set(gpu, pool, layout);
    const VkWriteDescriptorSet write = write_of(set, range);
    vkUpdateDescriptorSets(gpu.device, 1, &write, 0, nullptr);
    return set;
  };
  const VkDescriptorPool freeing = set_pool(gpu, VK_DESCRIPTOR_POOL_CREATE_FREE_DESCRIPTOR_SET_BIT);
  put("set_free_us", median_of(20, 1000, [&] {
                       const VkDescriptorSet set = make(freeing);
                       VIADUCT_BENCH_VK(vkFreeDescriptorSets(gpu.device, freeing, 1, &set));
                     }) / 1000);
  const VkDescriptorPool pool = set_pool(gpu, 0);
  constexpr int kRound = 200;
  put("set_reset_us", median_of(20, 10,
                                [&] {
                                  for (int i = 0; i < kRound; ++i) make(pool);
                                  VIADUCT_BENCH_VK(vkResetDescriptorPool(gpu.device, pool, 0));
                                }) /
                          kRound / 1000);
}

void measure_template(Gpu& gpu, VkBuffer buffer) {
  const VkDescriptorSetLayout layout = set_layout(gpu, kDescriptors, 0);
  const VkDescriptorSet set = allocate_set(gpu, set_pool(gpu, 0), layout);
  std::vector<VkDescriptorUpdateTemplateEntry> entries;
  for (uint32_t i = 0; i < kDescriptors; ++i)
    entries.push_back({i, 0, 1, VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER, i * sizeof(VkDescriptorBufferInfo),
                       sizeof(VkDescriptorBufferInfo)});
  auto info =
      info_of<VkDescriptorUpdateTemplateCreateInfo>(VK_STRUCTURE_TYPE_DESCRIPTOR_UPDATE_TEMPLATE_CREATE_INFO);
  info.descriptorUpdateEntryCount = kDescriptors;
  info.pDescriptorUpdateEntries = entries.data();
  info.templateType = VK_DESCRIPTOR_UPDATE_TEMPLATE_TYPE_DESCRIPTOR_SET;
  info.descriptorSetLayout = layout;
  VkDescriptorUpdateTemplate update;
  VIADUCT_BENCH_VK(vkCreateDescriptorUpdateTemplate(gpu.device, &info, nullptr, &update));
  const std::vector<VkDescriptorBufferInfo> ranges(kDescriptors, {buffer, 0, VK_WHOLE_SIZE});
  put("set_template_us", median_of(20, 1000, [&] {
                           vkUpdateDescriptorSetWithTemplate(gpu.device, set, update, ranges.data());
                         }) / 1000);
  vkDestroyDescriptorUpdateTemplate(gpu.device, update, nullptr);
}

void measure_push(Gpu& gpu, VkBuffer buffer) {
  if (!gpu.has_extension(VK_KHR_PUSH_DESCRIPTOR_EXTENSION_NAME)) {
    skip("set_push_ns", "the driver has no VK_KHR_push_descriptor");
    return;
  }
  const auto push = gpu.entry<PFN_vkCmdPushDescriptorSetKHR>("vkCmdPushDescriptorSetKHR");
  const VkDescriptorSetLayout layout =
      set_layout(gpu, 1, VK_DESCRIPTOR_SET_LAYOUT_CREATE_PUSH_DESCRIPTOR_BIT_KHR);
  auto info = info_of<VkPipelineLayoutCreateInfo>(VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO);
  info.setLayoutCount = 1;
  info.pSetLayouts = &layout;
  VkPipelineLayout pipeline_layout;
  VIADUCT_BENCH_VK(vkCreatePipelineLayout(gpu.device, &info, nullptr, &pipeline_layout));
  const VkDescriptorBufferInfo range{buffer, 0, VK_WHOLE_SIZE};
  const VkWriteDescriptorSet write = write_of(VK_NULL_HANDLE, range);
  constexpr int kPushes = 10000;
  std::vector<double> samples;
  for (int round = 0; round < 15; ++round) {
    const VkCommandBuffer commands = gpu.begin();
    const auto start = Clock::now();
    for (int i = 0; i < kPushes; ++i)
      push(commands, VK_PIPELINE_BIND_POINT_GRAPHICS, pipeline_layout, 0, 1, &write);
    samples.push_back(nanoseconds_since(start) / kPushes);
    VIADUCT_BENCH_VK(vkEndCommandBuffer(commands));
    gpu.submit_and_wait(commands);
  }
  put("set_push_ns", percentile(samples, 0.5));
  vkDestroyPipelineLayout(gpu.device, pipeline_layout, nullptr);
}

}  // namespace

void measure_objects() {
  Gpu gpu;
  VkMemoryRequirements needs;
  put("buffer_us", median_of(20, 2000, [&] {
                     auto info = info_of<VkBufferCreateInfo>(VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO);
                     info.size = 4096;
                     info.usage = VK_BUFFER_USAGE_VERTEX_BUFFER_BIT;
                     VkBuffer buffer;
                     VIADUCT_BENCH_VK(vkCreateBuffer(gpu.device, &info, nullptr, &buffer));
                     vkGetBufferMemoryRequirements(gpu.device, buffer, &needs);
                     vkDestroyBuffer(gpu.device, buffer, nullptr);
                   }) / 1000);
  const VkImageCreateInfo image_info = small_image();
  put("image_us", median_of(20, 500, [&] {
                    VkImage image;
                    VIADUCT_BENCH_VK(vkCreateImage(gpu.device, &image_info, nullptr, &image));
                    vkGetImageMemoryRequirements(gpu.device, image, &needs);
                    vkDestroyImage(gpu.device, image, nullptr);
                  }) / 1000);
  auto view_info = info_of<VkImageViewCreateInfo>(VK_STRUCTURE_TYPE_IMAGE_VIEW_CREATE_INFO);
  view_info.image =
      gpu.image(image_info.format, {64, 64}, image_info.usage, VK_IMAGE_ASPECT_COLOR_BIT).handle;
  view_info.viewType = VK_IMAGE_VIEW_TYPE_2D;
  view_info.format = image_info.format;
  view_info.subresourceRange = {VK_IMAGE_ASPECT_COLOR_BIT, 0, 1, 0, 1};
  put("view_us", median_of(20, 1000, [&] {
                   VkImageView view;
                   VIADUCT_BENCH_VK(vkCreateImageView(gpu.device, &view_info, nullptr, &view));
                   vkDestroyImageView(gpu.device, view, nullptr);
                 }) / 1000);
}

void measure_descriptors() {
  Gpu gpu({{}, {VK_KHR_PUSH_DESCRIPTOR_EXTENSION_NAME}});
  const VkBuffer buffer = gpu.buffer(4096, VK_BUFFER_USAGE_UNIFORM_BUFFER_BIT, 0).handle;
  measure_sets(gpu, buffer);
  measure_template(gpu, buffer);
  measure_push(gpu, buffer);
}

void measure_pipelines() {
  Gpu gpu;
  const SmallPass pass(gpu);
  // Never the same as in another run either: drivers keep what they compiled on disk.
  std::atomic<std::uint32_t> serial{std::random_device()()};
  auto create = [&] {
    constexpr std::uint32_t kMantissa = (1u << 23) - 1, kFrom1To2 = 127u << 23;
    return pass.create_pipeline(std::bit_cast<float>((serial.fetch_add(1) & kMantissa) | kFrom1To2) - 1);
  };
  auto create_and_destroy = [&] { vkDestroyPipeline(gpu.device, create(), nullptr); };
  auto info = info_of<VkEventCreateInfo>(VK_STRUCTURE_TYPE_EVENT_CREATE_INFO);
  VkEvent event;
  VIADUCT_BENCH_VK(vkCreateEvent(gpu.device, &info, nullptr, &event));
  // A round trip: all that was posted has been done.
  auto settle = [&] { vkGetEventStatus(gpu.device, event); };
  put("pipeline_us", median_of(8, 10, create_and_destroy) / 1000);
  settle();
  put("pipeline_waited_us", median_of(8, 10, [&] {
                              create_and_destroy();
                              settle();
                            }) / 1000);
  constexpr int kEach = 10, kThreads = 4;
  put("pipeline_4_us", median_of(8, 1,
                                 [&] {
                                   std::vector<std::jthread> threads;
                                   for (int i = 0; i < kThreads; ++i)
                                     threads.emplace_back([&] {
                                       VkPipeline made[kEach];
                                       for (VkPipeline& pipeline : made) pipeline = create();
                                       for (VkPipeline pipeline : made)
                                         vkDestroyPipeline(gpu.device, pipeline, nullptr);
                                     });
                                   threads.clear();
                                   settle();
                                 }) /
                           (kEach * kThreads) / 1000);
  vkDestroyEvent(gpu.device, event, nullptr);
}

}  // namespace viaduct::bench
