#include "canvas.hpp"
#include "shaders/address_comp.h"
#include "shaders/mandelbrot_comp.h"
#include "shaders/reduce_comp.h"
#include "shaders/specialized_comp.h"

using namespace pixels;

namespace {
constexpr VkDescriptorType kStorage = VK_DESCRIPTOR_TYPE_STORAGE_BUFFER;
constexpr VkDescriptorType kUniform = VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER;
constexpr VkDescriptorType kStorageImage = VK_DESCRIPTOR_TYPE_STORAGE_IMAGE;
}  // namespace

PIXELS_CASE(compute,
            "a reduction with shared memory, barriers and atomics, checked against the processor's sum") {
  Context ctx;
  std::vector<Binding> bindings = {{0, kStorage}, {1, kStorage}, {2, kUniform}};
  VkDescriptorSetLayout set_layout = ctx.set_layout(bindings);
  VkDescriptorSet set = ctx.descriptor_set(set_layout, bindings);
  VkPipelineLayout layout = ctx.pipeline_layout({set_layout});
  VkPipeline pipeline = ctx.compute(k_reduce_comp, layout);
  constexpr uint32_t kGroups = 64;
  Bytes input = noise(kGroups * 64 * 4, 7);
  uint32_t params[] = {3, 11};
  Buffer source = ctx.buffer(input.size(), VK_BUFFER_USAGE_STORAGE_BUFFER_BIT);
  Buffer target = ctx.buffer(4 + kGroups * 4, VK_BUFFER_USAGE_STORAGE_BUFFER_BIT);
  Buffer uniform = ctx.buffer(sizeof params, VK_BUFFER_USAGE_UNIFORM_BUFFER_BIT, Residency::kHost);
  ctx.upload(source, input.data(), input.size());
  ctx.upload(uniform, params, sizeof params);
  ctx.write_buffer(set, 0, kStorage, source);
  ctx.write_buffer(set, 1, kStorage, target);
  ctx.write_buffer(set, 2, kUniform, uniform);
  ctx.submit([&](VkCommandBuffer cb) {
    vkCmdFillBuffer(cb, target.handle, 0, VK_WHOLE_SIZE, 0);
    barrier(cb);
    vkCmdBindPipeline(cb, VK_PIPELINE_BIND_POINT_COMPUTE, pipeline);
    vkCmdBindDescriptorSets(cb, VK_PIPELINE_BIND_POINT_COMPUTE, layout, 0, 1, &set, 0, nullptr);
    vkCmdDispatch(cb, kGroups, 1, 1);
    barrier(cb);
  });
  Bytes result = ctx.read(target);
  std::vector<uint32_t> values(kGroups * 64), sums(kGroups + 1);
  std::memcpy(values.data(), input.data(), input.size());
  std::memcpy(sums.data(), result.data(), result.size());
  uint32_t total = 0;
  for (uint32_t group = 0; group < kGroups; ++group) {
    uint32_t sum = 0;
    for (uint32_t i = 0; i < 64; ++i) sum += values[group * 64 + i] * 3 + 11;
    expect(sums[group + 1] == sum, "a group's sum is the processor's");
    total += sum & 0xffff;
  }
  expect(sums[0] == total, "the atomic total is the processor's");
  out.add(result);
}

PIXELS_CASE(storage_image, "a storage image written by compute, then copied out") {
  Context ctx;
  ImageOptions options;
  options.usage = VK_IMAGE_USAGE_STORAGE_BIT | VK_IMAGE_USAGE_TRANSFER_SRC_BIT;
  Image image = ctx.image(options);
  std::vector<Binding> bindings = {{0, kStorageImage}};
  VkDescriptorSetLayout set_layout = ctx.set_layout(bindings);
  VkDescriptorSet set = ctx.descriptor_set(set_layout, bindings);
  ctx.write_image(set, 0, kStorageImage, image.view, VK_NULL_HANDLE, VK_IMAGE_LAYOUT_GENERAL);
  VkPipelineLayout layout = ctx.pipeline_layout({set_layout});
  VkPipeline pipeline = ctx.compute(k_mandelbrot_comp, layout);
  ctx.submit([&](VkCommandBuffer cb) {
    transition(cb, image, VK_IMAGE_LAYOUT_UNDEFINED, VK_IMAGE_LAYOUT_GENERAL);
    vkCmdBindPipeline(cb, VK_PIPELINE_BIND_POINT_COMPUTE, pipeline);
    vkCmdBindDescriptorSets(cb, VK_PIPELINE_BIND_POINT_COMPUTE, layout, 0, 1, &set, 0, nullptr);
    vkCmdDispatch(cb, 16, 16, 1);
    transition(cb, image, VK_IMAGE_LAYOUT_GENERAL, VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL);
  });
  out.add(ctx.read_image(image, VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL));
}

PIXELS_CASE(specialization_compute, "a workgroup size and two constants given at pipeline creation") {
  Context ctx;
  std::vector<Binding> bindings = {{0, kStorage}};
  VkDescriptorSetLayout set_layout = ctx.set_layout(bindings);
  VkPipelineLayout layout = ctx.pipeline_layout({set_layout});
  struct {
    uint32_t size;
    float add;
    uint32_t multiply;
  } data{32, 0.5f, 3};
  VkSpecializationMapEntry entries[] = {{0, 0, 4}, {1, 8, 4}, {2, 4, 4}};
  VkSpecializationInfo info{3, entries, sizeof data, &data};
  for (uint32_t size : {32u, 64u}) {
    data.size = size;
    VkPipeline pipeline = ctx.compute(k_specialized_comp, layout, &info);
    VkDescriptorSet set = ctx.descriptor_set(set_layout, bindings);
    Buffer target = ctx.buffer(256 * 4, VK_BUFFER_USAGE_STORAGE_BUFFER_BIT);
    ctx.write_buffer(set, 0, kStorage, target);
    ctx.submit([&](VkCommandBuffer cb) {
      vkCmdBindPipeline(cb, VK_PIPELINE_BIND_POINT_COMPUTE, pipeline);
      vkCmdBindDescriptorSets(cb, VK_PIPELINE_BIND_POINT_COMPUTE, layout, 0, 1, &set, 0, nullptr);
      vkCmdDispatch(cb, 256 / size, 1, 1);
      barrier(cb);
    });
    Bytes result = ctx.read(target);
    float fifth;
    std::memcpy(&fifth, &result[5 * 4], 4);
    expect(fifth == 15.5f + static_cast<float>(size) / 1024.0f, "the constants reached the shader");
    out.add(result);
  }
}

PIXELS_CASE(buffer_address, "a shader that follows two device addresses from push constants") {
  Context ctx;
  require(ctx.features12.bufferDeviceAddress, "buffer device addresses");
  Bytes input = noise(4096, 21);
  constexpr VkBufferUsageFlags kUsage =
      VK_BUFFER_USAGE_STORAGE_BUFFER_BIT | VK_BUFFER_USAGE_SHADER_DEVICE_ADDRESS_BIT;
  Buffer source = ctx.buffer(4096, kUsage), target = ctx.buffer(4096, kUsage, Residency::kHost);
  ctx.upload(source, input.data(), input.size());
  VkDeviceAddress addresses[2];
  for (auto [buffer, address] : {std::pair{&source, &addresses[0]}, std::pair{&target, &addresses[1]}}) {
    VkBufferDeviceAddressInfo info{VK_STRUCTURE_TYPE_BUFFER_DEVICE_ADDRESS_INFO, nullptr, buffer->handle};
    *address = vkGetBufferDeviceAddress(ctx.device, &info);
    expect(*address != 0, "a buffer has an address");
  }
  VkPipelineLayout layout = ctx.pipeline_layout({}, 16);
  VkPipeline pipeline = ctx.compute(k_address_comp, layout);
  ctx.submit([&](VkCommandBuffer cb) {
    vkCmdBindPipeline(cb, VK_PIPELINE_BIND_POINT_COMPUTE, pipeline);
    vkCmdPushConstants(cb, layout, VK_SHADER_STAGE_ALL, 0, sizeof addresses, addresses);
    vkCmdDispatch(cb, 16, 1, 1);
    barrier(cb);
  });
  Bytes result = ctx.read(target);
  uint32_t first, last;
  std::memcpy(&first, result.data(), 4);
  std::memcpy(&last, &input[4092], 4);
  expect(first == last, "the first word is the source's last");
  out.add(result);
}

PIXELS_CASE(big_spirv, "a shader module of more than a megabyte, and its pipeline") {
  Context ctx;
  // Strings in the debug section make a module big without making it slow: each is an id, so the bound grows
  // too.
  std::vector<uint32_t> words(std::begin(k_reduce_comp), std::end(k_reduce_comp));
  std::size_t at = 5;
  auto opcode = [&](std::size_t i) { return words[i] & 0xffff; };
  constexpr uint32_t kExecutionMode = 16, kString = 7;
  while (opcode(at) != kExecutionMode) at += words[at] >> 16;
  while (opcode(at) == kExecutionMode) at += words[at] >> 16;
  std::vector<uint32_t> strings;
  for (uint32_t i = 0; i < 40; ++i) {
    constexpr uint32_t kWords = 8000;
    strings.push_back(kWords << 16 | kString);
    strings.push_back(words[3]++);
    for (uint32_t w = 0; w + 3 < kWords; ++w) strings.push_back(0x41414141u + w % 16);
    strings.push_back(0);
  }
  words.insert(words.begin() + static_cast<std::ptrdiff_t>(at), strings.begin(), strings.end());
  expect(words.size() * 4 > (1u << 20), "the module is bigger than a megabyte");
  std::vector<Binding> bindings = {{0, kStorage}, {1, kStorage}, {2, kUniform}};
  VkDescriptorSetLayout set_layout = ctx.set_layout(bindings);
  VkDescriptorSet set = ctx.descriptor_set(set_layout, bindings);
  VkPipelineLayout layout = ctx.pipeline_layout({set_layout});
  VkPipeline pipeline = ctx.compute(words, layout);
  Bytes input = noise(64 * 4 * 4, 9);
  uint32_t params[] = {1, 0};
  Buffer source = ctx.buffer(input.size(), VK_BUFFER_USAGE_STORAGE_BUFFER_BIT);
  Buffer target = ctx.buffer(20, VK_BUFFER_USAGE_STORAGE_BUFFER_BIT, Residency::kHost);
  Buffer uniform = ctx.buffer(sizeof params, VK_BUFFER_USAGE_UNIFORM_BUFFER_BIT, Residency::kHost);
  ctx.upload(source, input.data(), input.size());
  ctx.upload(uniform, params, sizeof params);
  uint32_t zero[5] = {};
  ctx.upload(target, zero, sizeof zero);
  ctx.write_buffer(set, 0, kStorage, source);
  ctx.write_buffer(set, 1, kStorage, target);
  ctx.write_buffer(set, 2, kUniform, uniform);
  ctx.submit([&](VkCommandBuffer cb) {
    vkCmdBindPipeline(cb, VK_PIPELINE_BIND_POINT_COMPUTE, pipeline);
    vkCmdBindDescriptorSets(cb, VK_PIPELINE_BIND_POINT_COMPUTE, layout, 0, 1, &set, 0, nullptr);
    vkCmdDispatch(cb, 4, 1, 1);
    barrier(cb);
  });
  out.add(ctx.read(target));
}
