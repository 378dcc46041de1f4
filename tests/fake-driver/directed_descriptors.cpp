// Descriptor pools and their sets, and update templates, which the guest expands.
#include <cstddef>

#include "generated/protocol/args.hpp"
#include "protocol/wire/object_id.hpp"
#include "tests/fake-driver/guest_directed.hpp"

namespace viaduct::fake {
namespace {

using protocol::handle_bits;

VkDescriptorPool make_pool(Guest& guest, Check& check, uint32_t sets) {
  const VkDescriptorPoolSize size{VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, sets};
  VkDescriptorPoolCreateInfo info{VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_CREATE_INFO};
  info.flags = VK_DESCRIPTOR_POOL_CREATE_FREE_DESCRIPTOR_SET_BIT;
  info.maxSets = sets;
  info.poolSizeCount = 1;
  info.pPoolSizes = &size;
  Args args(guest, subject_of("vkCreateDescriptorPool"), 1);
  args.both<protocol::vkCreateDescriptorPool_args>([&](auto& a) { a.pCreateInfo = &info; });
  check.same(args);
  const VkDescriptorPool pool = *args.passed<protocol::vkCreateDescriptorPool_args>().pDescriptorPool;
  guest.forget(protocol::ObjectType::kDescriptorPool, handle_bits(pool));
  return pool;
}

std::vector<VkDescriptorSet> allocate_sets(Guest& guest, Check& check, VkDescriptorPool pool) {
  const std::vector<VkDescriptorSetLayout> layouts(3, guest.set_layout);
  const VkDescriptorSetAllocateInfo info{VK_STRUCTURE_TYPE_DESCRIPTOR_SET_ALLOCATE_INFO, nullptr, pool, 3,
                                         layouts.data()};
  std::vector<VkDescriptorSet> sets(3);
  const auto allocate = guest.get<PFN_vkAllocateDescriptorSets>("vkAllocateDescriptorSets");
  check.log();
  check.that(allocate(guest.device, &info, sets.data()) == VK_SUCCESS, "three sets");
  const std::vector<LoggedCall> calls = check.log();
  const LoggedCall* logged = find_last(calls, "vkAllocateDescriptorSets");
  check.that(logged != nullptr && logged->handles.size() == 3, "three sets of the driver");
  for (std::size_t i = 0; logged != nullptr && i < logged->handles.size(); ++i) {
    guest.know(handle_bits(sets[i]), logged->handles[i]);
  }
  // The guest knows that the pool is empty now.
  VkDescriptorSet none[3] = {};
  check.that(allocate(guest.device, &info, none) == VK_ERROR_OUT_OF_POOL_MEMORY && none[0] == VK_NULL_HANDLE,
             "a fourth set of a pool for three");
  check.nothing_logged("a set that there is no room for");
  return sets;
}

// The host frees one at a time: sets of one pool may lie in several of its driver's.
void pools(Guest& guest, Check& check) {
  const VkDescriptorPool pool = make_pool(guest, check, 3);
  std::vector<VkDescriptorSet> sets = allocate_sets(guest, check, pool);
  std::vector<VkDescriptorSet> asked = {sets[0], VK_NULL_HANDLE, sets[2]};
  const auto free_sets = guest.get<PFN_vkFreeDescriptorSets>("vkFreeDescriptorSets");
  check.that(free_sets(guest.device, pool, 3, asked.data()) == VK_SUCCESS, "vkFreeDescriptorSets");
  const std::vector<LoggedCall> calls = check.log();
  check.that(count_calls(calls, "vkFreeDescriptorSets") == 2, "each set is freed once");
  for (std::size_t i = 0; i < calls.size() && i < 2; ++i) {
    Args args(guest, subject_of("vkFreeDescriptorSets"), 1);
    args.both<protocol::vkFreeDescriptorSets_args>([&](auto& a) {
      a.descriptorPool = pool;
      a.descriptorSetCount = 1;
      a.pDescriptorSets = &sets[i * 2];
    });
    check.same(args, &calls[i]);
  }
  Args reset(guest, subject_of("vkResetDescriptorPool"), 4);
  reset.both<protocol::vkResetDescriptorPool_args>([&](auto& a) { a.descriptorPool = pool; });
  check.same(reset);
  allocate_sets(guest, check, pool);
  Args end(guest, subject_of("vkDestroyDescriptorPool"), 5);
  end.both<protocol::vkDestroyDescriptorPool_args>([&](auto& a) { a.descriptorPool = pool; });
  check.same(end);
}

// Two strided buffers behind each other, as an application's struct holds them.
struct Data {
  VkDescriptorBufferInfo first;
  uint64_t gap;
  VkDescriptorBufferInfo second;
};
constexpr VkDescriptorUpdateTemplateEntry kEntry{
    3, 1, 2, VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, 0, offsetof(Data, second)};

VkDescriptorUpdateTemplate make_template(const Guest& guest, VkDescriptorUpdateTemplateType type) {
  VkDescriptorUpdateTemplateCreateInfo info{VK_STRUCTURE_TYPE_DESCRIPTOR_UPDATE_TEMPLATE_CREATE_INFO};
  info.descriptorUpdateEntryCount = 1;
  info.pDescriptorUpdateEntries = &kEntry;
  info.templateType = type;
  info.descriptorSetLayout = guest.set_layout;
  info.pipelineBindPoint = VK_PIPELINE_BIND_POINT_COMPUTE;
  info.pipelineLayout = guest.layout;
  info.set = 1;
  VkDescriptorUpdateTemplate made = VK_NULL_HANDLE;
  require(guest.get<PFN_vkCreateDescriptorUpdateTemplate>("vkCreateDescriptorUpdateTemplate")(
              guest.device, &info, nullptr, &made),
          "vkCreateDescriptorUpdateTemplate");
  return made;
}

void templates(Guest& guest, Check& check) {
  const auto end = guest.get<PFN_vkDestroyDescriptorUpdateTemplate>("vkDestroyDescriptorUpdateTemplate");
  const auto buffer = protocol::handle_from_bits<VkBuffer>(guest.pool(protocol::ObjectType::kBuffer).front());
  const auto set =
      protocol::handle_from_bits<VkDescriptorSet>(guest.pool(protocol::ObjectType::kDescriptorSet).front());
  const Data data{{buffer, 64, 128}, 0, {buffer, 256, VK_WHOLE_SIZE}};
  const VkDescriptorBufferInfo buffers[] = {data.first, data.second};
  VkWriteDescriptorSet write{VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET};
  write.dstSet = set;
  write.dstBinding = kEntry.dstBinding;
  write.dstArrayElement = kEntry.dstArrayElement;
  write.descriptorCount = kEntry.descriptorCount;
  write.descriptorType = kEntry.descriptorType;
  write.pBufferInfo = buffers;

  VkDescriptorUpdateTemplate update = make_template(guest, VK_DESCRIPTOR_UPDATE_TEMPLATE_TYPE_DESCRIPTOR_SET);
  check.nothing_logged("a template");
  guest.get<PFN_vkUpdateDescriptorSetWithTemplate>("vkUpdateDescriptorSetWithTemplate")(guest.device, set,
                                                                                        update, &data);
  Args args(guest, subject_of("vkUpdateDescriptorSets"), 1);
  args.both<protocol::vkUpdateDescriptorSets_args>([&](auto& a) {
    a.descriptorWriteCount = 1;
    a.pDescriptorWrites = &write;
    a.descriptorCopyCount = 0;
    a.pDescriptorCopies = nullptr;
  });
  std::vector<LoggedCall> calls = check.log();
  check.same(args, find_last(calls, "vkUpdateDescriptorSets"));
  end(guest.device, update, nullptr);
  check.nothing_logged("a template's end");

  update = make_template(guest, VK_DESCRIPTOR_UPDATE_TEMPLATE_TYPE_PUSH_DESCRIPTORS_KHR);
  const VkCommandBufferBeginInfo begin{VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO};
  guest.get<PFN_vkBeginCommandBuffer>("vkBeginCommandBuffer")(guest.commands, &begin);
  guest.get<PFN_vkCmdPushDescriptorSetWithTemplateKHR>("vkCmdPushDescriptorSetWithTemplateKHR")(
      guest.commands, update, guest.layout, 1, &data);
  guest.get<PFN_vkEndCommandBuffer>("vkEndCommandBuffer")(guest.commands);
  Args push(guest, subject_of("vkCmdPushDescriptorSetKHR"), 1);
  push.both<protocol::vkCmdPushDescriptorSetKHR_args>([&](auto& a) {
    a.pipelineBindPoint = VK_PIPELINE_BIND_POINT_COMPUTE;
    a.layout = guest.layout;
    a.set = 1;
    a.descriptorWriteCount = 1;
    a.pDescriptorWrites = &write;
  });
  calls = check.log();
  check.same(push, find_last(calls, "vkCmdPushDescriptorSetKHR"));
#ifdef VK_VERSION_1_4
  const VkPushDescriptorSetWithTemplateInfo info{
      VK_STRUCTURE_TYPE_PUSH_DESCRIPTOR_SET_WITH_TEMPLATE_INFO, nullptr, update, guest.layout, 1, &data};
  guest.get<PFN_vkBeginCommandBuffer>("vkBeginCommandBuffer")(guest.commands, &begin);
  guest.get<PFN_vkCmdPushDescriptorSetWithTemplate2>("vkCmdPushDescriptorSetWithTemplate2")(guest.commands,
                                                                                            &info);
  guest.get<PFN_vkEndCommandBuffer>("vkEndCommandBuffer")(guest.commands);
  calls = check.log();
  check.same(push, find_last(calls, "vkCmdPushDescriptorSetKHR"));
#endif
  end(guest.device, update, nullptr);
}

}  // namespace

std::vector<Case> descriptor_cases() {
  return {
      {{"vkFreeDescriptorSets", "vkResetDescriptorPool", "vkDestroyDescriptorPool"}, pools},
      {{"vkCreateDescriptorUpdateTemplate", "vkDestroyDescriptorUpdateTemplate",
#ifdef VK_VERSION_1_4
        "vkCmdPushDescriptorSetWithTemplate2",
#endif
        "vkUpdateDescriptorSetWithTemplate", "vkCmdPushDescriptorSetWithTemplateKHR"},
       templates},
  };
}

}  // namespace viaduct::fake
