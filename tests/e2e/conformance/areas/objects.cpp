// api.object_management and api.null_handle: many objects, many threads, and nothing at all.
#include <atomic>
#include <thread>

#include "area.hpp"

using namespace conformance;

namespace {

// Makes `count` of them, destroys every second, makes those again, destroys all.
template <class Handle, class Create, class Destroy>
void many(const char* what, uint32_t count, Create&& create, Destroy&& destroy) {
  std::vector<Handle> made(count, VK_NULL_HANDLE);
  VkResult worst = VK_SUCCESS;
  const auto make = [&](uint32_t i) {
    const VkResult result = create(&made[i]);
    if (result != VK_SUCCESS) worst = result;
    must(result != VK_SUCCESS || made[i] != VK_NULL_HANDLE, "%s: success without an object", what);
  };
  for (uint32_t i = 0; i < count; ++i) make(i);
  for (uint32_t i = 0; i < count; i += 2) destroy(made[i]);
  for (uint32_t i = 0; i < count; i += 2) make(i);
  for (uint32_t i = 1; i < count; ++i) must(made[i] != made[i - 1], "%s: one handle twice", what);
  for (Handle handle : made) destroy(handle);
  say("%u %s: %s", count, what, name(worst));
}

void plain_objects(const Context& ctx, VkDevice d) {
  constexpr uint32_t kMany = 16 * 1024;
  VkBufferCreateInfo buffer{VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO, nullptr, 0, 1024,
                            VK_BUFFER_USAGE_UNIFORM_BUFFER_BIT};
  many<VkBuffer>(
      "buffers", kMany, [&](VkBuffer* out) { return vkCreateBuffer(d, &buffer, nullptr, out); },
      [&](VkBuffer h) { vkDestroyBuffer(d, h, nullptr); });
  VkImageCreateInfo image{VK_STRUCTURE_TYPE_IMAGE_CREATE_INFO,
                          nullptr,
                          0,
                          VK_IMAGE_TYPE_2D,
                          VK_FORMAT_R8G8B8A8_UNORM,
                          {16, 16, 1},
                          1,
                          1,
                          VK_SAMPLE_COUNT_1_BIT,
                          VK_IMAGE_TILING_OPTIMAL,
                          VK_IMAGE_USAGE_SAMPLED_BIT};
  many<VkImage>(
      "images", kMany, [&](VkImage* out) { return vkCreateImage(d, &image, nullptr, out); },
      [&](VkImage h) { vkDestroyImage(d, h, nullptr); });
  VkFenceCreateInfo fence{VK_STRUCTURE_TYPE_FENCE_CREATE_INFO};
  many<VkFence>(
      "fences", 100, [&](VkFence* out) { return vkCreateFence(d, &fence, nullptr, out); },
      [&](VkFence h) { vkDestroyFence(d, h, nullptr); });
  VkSemaphoreCreateInfo semaphore{VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO};
  many<VkSemaphore>(
      "semaphores", 100, [&](VkSemaphore* out) { return vkCreateSemaphore(d, &semaphore, nullptr, out); },
      [&](VkSemaphore h) { vkDestroySemaphore(d, h, nullptr); });
  VkEventCreateInfo event{VK_STRUCTURE_TYPE_EVENT_CREATE_INFO};
  many<VkEvent>(
      "events", 100, [&](VkEvent* out) { return vkCreateEvent(d, &event, nullptr, out); },
      [&](VkEvent h) { vkDestroyEvent(d, h, nullptr); });
  VkQueryPoolCreateInfo queries{VK_STRUCTURE_TYPE_QUERY_POOL_CREATE_INFO, nullptr, 0, VK_QUERY_TYPE_OCCLUSION,
                                1};
  many<VkQueryPool>(
      "query pools", kMany, [&](VkQueryPool* out) { return vkCreateQueryPool(d, &queries, nullptr, out); },
      [&](VkQueryPool h) { vkDestroyQueryPool(d, h, nullptr); });
  VkSamplerCreateInfo sampler{VK_STRUCTURE_TYPE_SAMPLER_CREATE_INFO};
  const uint32_t samplers = ctx.properties.limits.maxSamplerAllocationCount;
  many<VkSampler>(
      "samplers", samplers < 4000 ? samplers : 4000,
      [&](VkSampler* out) { return vkCreateSampler(d, &sampler, nullptr, out); },
      [&](VkSampler h) { vkDestroySampler(d, h, nullptr); });
  VkPipelineCacheCreateInfo cache{VK_STRUCTURE_TYPE_PIPELINE_CACHE_CREATE_INFO};
  many<VkPipelineCache>(
      "pipeline caches", 128,
      [&](VkPipelineCache* out) { return vkCreatePipelineCache(d, &cache, nullptr, out); },
      [&](VkPipelineCache h) { vkDestroyPipelineCache(d, h, nullptr); });
}

void pools_and_memory(const Context& ctx, VkDevice d) {
  VkDescriptorSetLayoutCreateInfo set_layout{VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO};
  many<VkDescriptorSetLayout>(
      "set layouts", 16 * 1024,
      [&](VkDescriptorSetLayout* out) { return vkCreateDescriptorSetLayout(d, &set_layout, nullptr, out); },
      [&](VkDescriptorSetLayout h) { vkDestroyDescriptorSetLayout(d, h, nullptr); });
  VkPipelineLayoutCreateInfo layout{VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO};
  many<VkPipelineLayout>(
      "pipeline layouts", 16 * 1024,
      [&](VkPipelineLayout* out) { return vkCreatePipelineLayout(d, &layout, nullptr, out); },
      [&](VkPipelineLayout h) { vkDestroyPipelineLayout(d, h, nullptr); });
  const VkDescriptorPoolSize size{VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER, 3};
  VkDescriptorPoolCreateInfo descriptors{VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_CREATE_INFO,
                                         nullptr,
                                         VK_DESCRIPTOR_POOL_CREATE_FREE_DESCRIPTOR_SET_BIT,
                                         4,
                                         1,
                                         &size};
  many<VkDescriptorPool>(
      "descriptor pools", 4096,
      [&](VkDescriptorPool* out) { return vkCreateDescriptorPool(d, &descriptors, nullptr, out); },
      [&](VkDescriptorPool h) { vkDestroyDescriptorPool(d, h, nullptr); });
  VkCommandPoolCreateInfo commands{VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO, nullptr, 0, ctx.family};
  many<VkCommandPool>(
      "command pools", 1024,
      [&](VkCommandPool* out) { return vkCreateCommandPool(d, &commands, nullptr, out); },
      [&](VkCommandPool h) { vkDestroyCommandPool(d, h, nullptr); });
  VkCommandBufferAllocateInfo buffers{VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO, nullptr, ctx.pool,
                                      VK_COMMAND_BUFFER_LEVEL_PRIMARY, 1};
  many<VkCommandBuffer>(
      "command buffers", 4096,
      [&](VkCommandBuffer* out) { return vkAllocateCommandBuffers(d, &buffers, out); },
      [&](VkCommandBuffer h) { vkFreeCommandBuffers(d, ctx.pool, 1, &h); });
  for (const bool mapped : {false, true}) {
    VkMemoryAllocateInfo allocate{VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO, nullptr, 1024,
                                  ctx.memory_type(~0u, mapped ? VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT
                                                              : VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT)};
    many<VkDeviceMemory>(
        mapped ? "mappable memories" : "memories", 4000,
        [&](VkDeviceMemory* out) { return vkAllocateMemory(d, &allocate, nullptr, out); },
        [&](VkDeviceMemory h) { vkFreeMemory(d, h, nullptr); });
  }
}

void many_devices(const Context& ctx) {
  const float priority = 1.0f;
  VkDeviceQueueCreateInfo queue{
      VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO, nullptr, 0, ctx.family, 1, &priority};
  VkDeviceCreateInfo info{VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO, nullptr, 0, 1, &queue};
  many<VkDevice>(
      "devices", 32, [&](VkDevice* out) { return vkCreateDevice(ctx.physical, &info, nullptr, out); },
      [&](VkDevice h) { vkDestroyDevice(h, nullptr); });
  VkInstanceCreateInfo instance{VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO};
  many<VkInstance>(
      "instances", 32, [&](VkInstance* out) { return vkCreateInstance(&instance, nullptr, out); },
      [&](VkInstance h) { vkDestroyInstance(h, nullptr); });
}

// Each thread makes and destroys what belongs to one shared device; and each devices of its own.
void threads(const Context& ctx) {
  std::atomic<uint32_t> failed{0};
  std::vector<std::thread> workers;
  for (int t = 0; t < 4; ++t) {
    workers.emplace_back([&] {
      for (int round = 0; round < 200; ++round) {
        const VkBufferCreateInfo info{VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO, nullptr, 0,
                                      256u + 256u * (round % 7), VK_BUFFER_USAGE_TRANSFER_DST_BIT};
        VkBuffer buffer = VK_NULL_HANDLE;
        failed += vkCreateBuffer(ctx.device, &info, nullptr, &buffer) != VK_SUCCESS;
        VkMemoryRequirements needs;
        vkGetBufferMemoryRequirements(ctx.device, buffer, &needs);
        failed += needs.size < info.size;
        const VkMemoryAllocateInfo allocate{
            VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO, nullptr, needs.size,
            ctx.memory_type(needs.memoryTypeBits, VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT)};
        VkDeviceMemory memory = VK_NULL_HANDLE;
        failed += vkAllocateMemory(ctx.device, &allocate, nullptr, &memory) != VK_SUCCESS;
        failed += vkBindBufferMemory(ctx.device, buffer, memory, 0) != VK_SUCCESS;
        vkDestroyBuffer(ctx.device, buffer, nullptr);
        vkFreeMemory(ctx.device, memory, nullptr);
      }
    });
  }
  for (int t = 0; t < 3; ++t) {
    workers.emplace_back([&] {
      for (int round = 0; round < 5; ++round) {
        VkInstance instance = VK_NULL_HANDLE;
        const VkInstanceCreateInfo info{VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO};
        failed += vkCreateInstance(&info, nullptr, &instance) != VK_SUCCESS;
        vkDestroyInstance(instance, nullptr);
      }
    });
  }
  for (std::thread& worker : workers) worker.join();
  say("threads: %u failures", failed.load());
}

void nothing(const Context& ctx) {
  VkDevice d = ctx.device;
  vkDestroyBuffer(d, VK_NULL_HANDLE, nullptr);
  vkDestroyBufferView(d, VK_NULL_HANDLE, nullptr);
  vkDestroyCommandPool(d, VK_NULL_HANDLE, nullptr);
  vkDestroyDescriptorPool(d, VK_NULL_HANDLE, nullptr);
  vkDestroyDescriptorSetLayout(d, VK_NULL_HANDLE, nullptr);
  vkDestroyDescriptorUpdateTemplate(d, VK_NULL_HANDLE, nullptr);
  vkDestroyEvent(d, VK_NULL_HANDLE, nullptr);
  vkDestroyFence(d, VK_NULL_HANDLE, nullptr);
  vkDestroyFramebuffer(d, VK_NULL_HANDLE, nullptr);
  vkDestroyImage(d, VK_NULL_HANDLE, nullptr);
  vkDestroyImageView(d, VK_NULL_HANDLE, nullptr);
  vkDestroyPipeline(d, VK_NULL_HANDLE, nullptr);
  vkDestroyPipelineCache(d, VK_NULL_HANDLE, nullptr);
  vkDestroyPipelineLayout(d, VK_NULL_HANDLE, nullptr);
  vkDestroyPrivateDataSlot(d, VK_NULL_HANDLE, nullptr);
  vkDestroyQueryPool(d, VK_NULL_HANDLE, nullptr);
  vkDestroyRenderPass(d, VK_NULL_HANDLE, nullptr);
  vkDestroySampler(d, VK_NULL_HANDLE, nullptr);
  vkDestroySamplerYcbcrConversion(d, VK_NULL_HANDLE, nullptr);
  vkDestroySemaphore(d, VK_NULL_HANDLE, nullptr);
  vkDestroyShaderModule(d, VK_NULL_HANDLE, nullptr);
  vkFreeMemory(d, VK_NULL_HANDLE, nullptr);
  vkDestroyDevice(VK_NULL_HANDLE, nullptr);
  vkDestroyInstance(VK_NULL_HANDLE, nullptr);
  VkCommandBuffer buffers[3] = {VK_NULL_HANDLE, VK_NULL_HANDLE, VK_NULL_HANDLE};
  VkCommandBufferAllocateInfo one{VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO, nullptr, ctx.pool,
                                  VK_COMMAND_BUFFER_LEVEL_SECONDARY, 1};
  PIXELS_VK(vkAllocateCommandBuffers(d, &one, &buffers[1]));
  vkFreeCommandBuffers(d, ctx.pool, 3, buffers);
  say_result("idle after nothing", vkDeviceWaitIdle(d));
}

// A value belongs to one object of one slot, and a new object has none, whatever its handle.
void private_data(Context& ctx) {
  pixels::require(ctx.features13.privateData, "privateData");
  VkPrivateDataSlotCreateInfo info{VK_STRUCTURE_TYPE_PRIVATE_DATA_SLOT_CREATE_INFO};
  VkPrivateDataSlot slots[2];
  for (VkPrivateDataSlot& slot : slots) PIXELS_VK(vkCreatePrivateDataSlot(ctx.device, &info, nullptr, &slot));
  const auto check = [&](const char* what, VkObjectType type, auto&& create, auto&& destroy) {
    for (int round = 0; round < 3; ++round) {
      const uint64_t handle = create();
      for (VkPrivateDataSlot slot : slots) {
        uint64_t value = 99;
        vkGetPrivateData(ctx.device, type, handle, slot, &value);
        must(value == 0, "%s: a new object has private data", what);
      }
      PIXELS_VK(vkSetPrivateData(ctx.device, type, handle, slots[0], 7));
      PIXELS_VK(vkSetPrivateData(ctx.device, type, handle, slots[1], ~uint64_t{0}));
      uint64_t first = 0, second = 0;
      vkGetPrivateData(ctx.device, type, handle, slots[0], &first);
      vkGetPrivateData(ctx.device, type, handle, slots[1], &second);
      must(first == 7 && second == ~uint64_t{0}, "%s: values are mixed up", what);
      destroy(handle);
    }
  };
  const auto check_plain = [&]<class Handle, class Info>(const char* what, VkObjectType type,
                                                         const Info& create_info, auto create, auto destroy,
                                                         Handle) {
    check(
        what, type,
        [&] {
          Handle made = VK_NULL_HANDLE;
          PIXELS_VK(create(ctx.device, &create_info, nullptr, &made));
          return (uint64_t)made;
        },
        [&](uint64_t handle) { destroy(ctx.device, (Handle)handle, nullptr); });
  };
  check_plain("fence", VK_OBJECT_TYPE_FENCE, VkFenceCreateInfo{VK_STRUCTURE_TYPE_FENCE_CREATE_INFO},
              vkCreateFence, vkDestroyFence, VkFence{});
  check_plain("semaphore", VK_OBJECT_TYPE_SEMAPHORE,
              VkSemaphoreCreateInfo{VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO}, vkCreateSemaphore,
              vkDestroySemaphore, VkSemaphore{});
  check_plain("sampler", VK_OBJECT_TYPE_SAMPLER, VkSamplerCreateInfo{VK_STRUCTURE_TYPE_SAMPLER_CREATE_INFO},
              vkCreateSampler, vkDestroySampler, VkSampler{});
  check_plain("private data slot", VK_OBJECT_TYPE_PRIVATE_DATA_SLOT, info, vkCreatePrivateDataSlot,
              vkDestroyPrivateDataSlot, VkPrivateDataSlot{});
  VkCommandBufferAllocateInfo buffers{VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO, nullptr, ctx.pool,
                                      VK_COMMAND_BUFFER_LEVEL_PRIMARY, 1};
  check(
      "command buffer", VK_OBJECT_TYPE_COMMAND_BUFFER,
      [&] {
        VkCommandBuffer made = VK_NULL_HANDLE;
        PIXELS_VK(vkAllocateCommandBuffers(ctx.device, &buffers, &made));
        return (uint64_t)made;
      },
      [&](uint64_t handle) {
        auto made = (VkCommandBuffer)handle;
        vkFreeCommandBuffers(ctx.device, ctx.pool, 1, &made);
      });
  PIXELS_VK(vkSetPrivateData(ctx.device, VK_OBJECT_TYPE_DEVICE, (uint64_t)ctx.device, slots[0], 5));
  PIXELS_VK(vkSetPrivateData(ctx.device, VK_OBJECT_TYPE_QUEUE, (uint64_t)ctx.queue, slots[0], 6));
  uint64_t of_device = 0;
  vkGetPrivateData(ctx.device, VK_OBJECT_TYPE_DEVICE, (uint64_t)ctx.device, slots[0], &of_device);
  say("private data of the device: %llu", static_cast<unsigned long long>(of_device));
  for (VkPrivateDataSlot slot : slots) vkDestroyPrivateDataSlot(ctx.device, slot, nullptr);
}

CONFORMANCE_AREA(objects) {
  Context ctx;
  nothing(ctx);
  plain_objects(ctx, ctx.device);
  pools_and_memory(ctx, ctx.device);
  threads(ctx);
  private_data(ctx);
}

CONFORMANCE_AREA(devices_at_once) {
  Context ctx;
  many_devices(ctx);
}

}  // namespace
