// Everything the guest knows about non-dispatchable objects, per session. See object_table.hpp for the rules.
#pragma once

#include "guest-icd/memory/device_memory.hpp"
#include "guest-icd/objects/command_buffer.hpp"
#include "guest-icd/objects/descriptor.hpp"
#include "guest-icd/objects/named_objects.hpp"
#include "guest-icd/objects/object_table.hpp"
#include "guest-icd/objects/pipeline_sanitize.hpp"
#include "guest-icd/objects/resource.hpp"
#include "guest-icd/objects/semaphore.hpp"

namespace viaduct::guest {

struct ObjectTables {
  ObjectTable<Semaphore> semaphores;
  ObjectTable<DeviceMemory> memories;
  ObjectTable<Resource> buffers;
  ObjectTable<Resource> images;
  ObjectTable<CommandPool> command_pools;
  ObjectTable<DescriptorSetLayout> set_layouts;
  ObjectTable<PipelineLayout> pipeline_layouts;
  ObjectTable<DescriptorPool> descriptor_pools;
  ObjectTable<DescriptorSet> descriptor_sets;
  ObjectTable<RenderPass> render_passes;
  NamedObjects named;
};

}  // namespace viaduct::guest
