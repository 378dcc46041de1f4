#include <dlfcn.h>

#include <cstring>

#include "protocol/wire/object_id.hpp"
#include "tests/fake-driver/guest.hpp"

namespace viaduct::fake {

using protocol::handle_bits;
using protocol::ObjectType;

Guest::Guest(const char* library) {
  void* opened = dlopen(library, RTLD_NOW | RTLD_LOCAL);
  if (opened == nullptr) give_up(dlerror());
  const auto negotiate =
      reinterpret_cast<VkResult (*)(uint32_t*)>(dlsym(opened, "vk_icdNegotiateLoaderICDInterfaceVersion"));
  get_proc_ = reinterpret_cast<PFN_vkGetInstanceProcAddr>(dlsym(opened, "vk_icdGetInstanceProcAddr"));
  uint32_t version = 5;
  if (negotiate == nullptr || get_proc_ == nullptr || negotiate(&version) != VK_SUCCESS)
    give_up("no driver interface");
  make_instance();
  make_device();
  make_pipeline();  // first: the log is read through it
  make_memory();
  make_synchronisation();
  make_descriptors();
  make_commands();
  make_render_pass();
  make_spares();
}

void Guest::make_instance() {
  std::vector<VkExtensionProperties> extensions;
  const auto enumerate =
      get<PFN_vkEnumerateInstanceExtensionProperties>("vkEnumerateInstanceExtensionProperties");
  uint32_t count = 0;
  require(enumerate(nullptr, &count, nullptr), "vkEnumerateInstanceExtensionProperties");
  extensions.resize(count);
  require(enumerate(nullptr, &count, extensions.data()), "vkEnumerateInstanceExtensionProperties");
  std::vector<const char*> names;
  for (const VkExtensionProperties& extension : extensions) {
    names.push_back(extension.extensionName);
    instance_extensions.emplace_back(extension.extensionName);
  }
  VkApplicationInfo application{VK_STRUCTURE_TYPE_APPLICATION_INFO};
  application.pApplicationName = "fake driver's guest";
  application.apiVersion = VK_API_VERSION_1_3;
  VkInstanceCreateInfo info{VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO};
  info.pApplicationInfo = &application;
  info.enabledExtensionCount = static_cast<uint32_t>(names.size());
  info.ppEnabledExtensionNames = names.data();
  require(get<PFN_vkCreateInstance>("vkCreateInstance")(&info, nullptr, &instance), "vkCreateInstance");
  count = 1;
  require(get<PFN_vkEnumeratePhysicalDevices>("vkEnumeratePhysicalDevices")(instance, &count, &physical),
          "vkEnumeratePhysicalDevices");
  keep(ObjectType::kInstance, handle_bits(instance), 0);
  keep(ObjectType::kPhysicalDevice, handle_bits(physical), 0);
}

void Guest::make_device() {
  const auto enumerate =
      get<PFN_vkEnumerateDeviceExtensionProperties>("vkEnumerateDeviceExtensionProperties");
  uint32_t count = 0;
  require(enumerate(physical, nullptr, &count, nullptr), "vkEnumerateDeviceExtensionProperties");
  std::vector<VkExtensionProperties> extensions(count);
  require(enumerate(physical, nullptr, &count, extensions.data()), "vkEnumerateDeviceExtensionProperties");
  std::vector<const char*> names;
  for (const VkExtensionProperties& extension : extensions) {
    names.push_back(extension.extensionName);
    device_extensions.emplace_back(extension.extensionName);
  }

  VkPhysicalDeviceVulkan13Features features13{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_3_FEATURES};
  VkPhysicalDeviceVulkan12Features features12{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES};
  features12.pNext = &features13;
  VkPhysicalDeviceVulkan11Features features11{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_1_FEATURES};
  features11.pNext = &features12;
  VkPhysicalDeviceFeatures2 features{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2};
  features.pNext = &features11;
  get<PFN_vkGetPhysicalDeviceFeatures2>("vkGetPhysicalDeviceFeatures2")(physical, &features);
  const float priority = 1.0F;
  VkDeviceQueueCreateInfo queues{VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO};
  queues.queueCount = 1;
  queues.pQueuePriorities = &priority;
  VkDeviceCreateInfo info{VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO};
  info.pNext = &features;
  info.queueCreateInfoCount = 1;
  info.pQueueCreateInfos = &queues;
  info.enabledExtensionCount = count;
  info.ppEnabledExtensionNames = names.data();
  require(get<PFN_vkCreateDevice>("vkCreateDevice")(physical, &info, nullptr, &device), "vkCreateDevice");
  get<PFN_vkGetDeviceQueue>("vkGetDeviceQueue")(device, 0, 0, &queue);
  keep(ObjectType::kDevice, handle_bits(device), 0);
  keep(ObjectType::kQueue, handle_bits(queue), 0);
}

void Guest::make_pipeline() {
  const uint32_t code[] = {0x07230203, 0, 0, 0, 0, 0x000000fd};
  VkShaderModuleCreateInfo module_info{VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO};
  module_info.codeSize = sizeof(code);
  module_info.pCode = code;
  VkShaderModule module = VK_NULL_HANDLE;
  require(get<PFN_vkCreateShaderModule>("vkCreateShaderModule")(device, &module_info, nullptr, &module),
          "vkCreateShaderModule");
  const VkPipelineLayoutCreateInfo layout_info{VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO};
  require(get<PFN_vkCreatePipelineLayout>("vkCreatePipelineLayout")(device, &layout_info, nullptr, &layout),
          "vkCreatePipelineLayout");
  VkComputePipelineCreateInfo info{VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO};
  info.stage.sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO;
  info.stage.stage = VK_SHADER_STAGE_COMPUTE_BIT;
  info.stage.module = module;
  info.stage.pName = "main";
  info.layout = layout;
  require(get<PFN_vkCreateComputePipelines>("vkCreateComputePipelines")(device, VK_NULL_HANDLE, 1, &info,
                                                                        nullptr, &pipeline),
          "vkCreateComputePipelines");
  std::vector<LoggedCall> calls;
  if (!read_log(calls)) give_up("the session was lost while a pipeline was made");
  const std::map<std::string, uint64_t> wanted = {{"vkCreateShaderModule", handle_bits(module)},
                                                  {"vkCreatePipelineLayout", handle_bits(layout)},
                                                  {"vkCreateComputePipelines", handle_bits(pipeline)}};
  for (const LoggedCall& call : calls) {
    for (const auto& [name, object] : wanted) {
      const auto* info_of = protocol::kCommandInfo;
      for (uint32_t i = 0; i < protocol::kCommandCount; ++i) {
        if (name == info_of[i].name && call.entry.name_hash == info_of[i].name_hash &&
            !call.handles.empty()) {
          know(object, call.handles.back());
        }
      }
    }
  }
}

void Guest::make_memory() {
  get<PFN_vkGetPhysicalDeviceMemoryProperties>("vkGetPhysicalDeviceMemoryProperties")(physical, &memory);
  for (uint32_t type = 0; type < memory.memoryTypeCount; ++type) {
    VkMemoryAllocateInfo info{VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO};
    info.allocationSize = 1 << 20;
    info.memoryTypeIndex = type;
    VkDeviceMemory made = VK_NULL_HANDLE;
    require(get<PFN_vkAllocateMemory>("vkAllocateMemory")(device, &info, nullptr, &made), "vkAllocateMemory");
    keep_made("vkAllocateMemory", ObjectType::kDeviceMemory, handle_bits(made));
  }
  for (int i = 0; i < 3; ++i) {
    VkBufferCreateInfo info{VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO};
    info.size = 65536;
    info.usage = VK_BUFFER_USAGE_TRANSFER_DST_BIT;
    VkBuffer buffer = VK_NULL_HANDLE;
    require(get<PFN_vkCreateBuffer>("vkCreateBuffer")(device, &info, nullptr, &buffer), "vkCreateBuffer");
    keep_made("vkCreateBuffer", ObjectType::kBuffer, handle_bits(buffer));
    VkImageCreateInfo image_info{VK_STRUCTURE_TYPE_IMAGE_CREATE_INFO};
    image_info.imageType = VK_IMAGE_TYPE_2D;
    image_info.format = VK_FORMAT_R8G8B8A8_UNORM;
    image_info.extent = {64, 64, 1};
    image_info.mipLevels = image_info.arrayLayers = 1;
    image_info.samples = VK_SAMPLE_COUNT_1_BIT;
    image_info.usage = VK_IMAGE_USAGE_TRANSFER_DST_BIT;
    VkImage image = VK_NULL_HANDLE;
    require(get<PFN_vkCreateImage>("vkCreateImage")(device, &image_info, nullptr, &image), "vkCreateImage");
    keep_made("vkCreateImage", ObjectType::kImage, handle_bits(image));
  }
}

void Guest::make_synchronisation() {
  for (int i = 0; i < 3; ++i) {
    VkSemaphoreTypeCreateInfo type{VK_STRUCTURE_TYPE_SEMAPHORE_TYPE_CREATE_INFO};
    type.semaphoreType = VK_SEMAPHORE_TYPE_TIMELINE;
    VkSemaphoreCreateInfo info{VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO};
    info.pNext = i == 0 ? &type : nullptr;
    VkSemaphore semaphore = VK_NULL_HANDLE;
    require(get<PFN_vkCreateSemaphore>("vkCreateSemaphore")(device, &info, nullptr, &semaphore),
            "vkCreateSemaphore");
    keep_made("vkCreateSemaphore", ObjectType::kSemaphore, handle_bits(semaphore));
  }
}

void Guest::make_descriptors() {
  VkDescriptorSetLayoutBinding binding{};
  binding.descriptorType = VK_DESCRIPTOR_TYPE_STORAGE_BUFFER;
  binding.descriptorCount = 1;
  binding.stageFlags = VK_SHADER_STAGE_COMPUTE_BIT;
  VkDescriptorSetLayoutCreateInfo layout_info{VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO};
  layout_info.bindingCount = 1;
  layout_info.pBindings = &binding;
  require(get<PFN_vkCreateDescriptorSetLayout>("vkCreateDescriptorSetLayout")(device, &layout_info, nullptr,
                                                                              &set_layout),
          "vkCreateDescriptorSetLayout");
  keep_made("vkCreateDescriptorSetLayout", ObjectType::kNone, handle_bits(set_layout));
  const VkDescriptorPoolSize size{VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, 1u << 16};
  VkDescriptorPoolCreateInfo pool_info{VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_CREATE_INFO};
  pool_info.flags = VK_DESCRIPTOR_POOL_CREATE_FREE_DESCRIPTOR_SET_BIT;
  pool_info.maxSets = 1u << 16;
  pool_info.poolSizeCount = 1;
  pool_info.pPoolSizes = &size;
  require(get<PFN_vkCreateDescriptorPool>("vkCreateDescriptorPool")(device, &pool_info, nullptr, &set_pool),
          "vkCreateDescriptorPool");
  keep_made("vkCreateDescriptorPool", ObjectType::kNone, handle_bits(set_pool));
  VkDescriptorSetAllocateInfo info{VK_STRUCTURE_TYPE_DESCRIPTOR_SET_ALLOCATE_INFO};
  info.descriptorPool = set_pool;
  info.descriptorSetCount = 1;
  info.pSetLayouts = &set_layout;
  VkDescriptorSet set = VK_NULL_HANDLE;
  require(get<PFN_vkAllocateDescriptorSets>("vkAllocateDescriptorSets")(device, &info, &set),
          "vkAllocateDescriptorSets");
  keep_made("vkAllocateDescriptorSets", ObjectType::kDescriptorSet, handle_bits(set));
}

void Guest::make_commands() {
  VkCommandPoolCreateInfo pool_info{VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO};
  pool_info.flags = VK_COMMAND_POOL_CREATE_RESET_COMMAND_BUFFER_BIT;
  VkCommandPool pool = VK_NULL_HANDLE;
  require(get<PFN_vkCreateCommandPool>("vkCreateCommandPool")(device, &pool_info, nullptr, &pool),
          "vkCreateCommandPool");
  keep_made("vkCreateCommandPool", ObjectType::kNone, handle_bits(pool));
  for (int i = 0; i < 3; ++i) {
    VkCommandBufferAllocateInfo info{VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO};
    info.commandPool = pool;
    info.level = i == 0 ? VK_COMMAND_BUFFER_LEVEL_PRIMARY : VK_COMMAND_BUFFER_LEVEL_SECONDARY;
    info.commandBufferCount = 1;
    VkCommandBuffer made = VK_NULL_HANDLE;
    require(get<PFN_vkAllocateCommandBuffers>("vkAllocateCommandBuffers")(device, &info, &made),
            "vkAllocateCommandBuffers");
    LoggedCall call;
    if (!last_call("vkAllocateCommandBuffers", call) || call.handles.empty())
      give_up("no command buffer was made");
    if (i == 0) {
      commands = made;
    } else {
      keep(ObjectType::kCommandBuffer, handle_bits(made), call.handles.back());
    }
  }
}

void Guest::make_render_pass() {
  VkAttachmentDescription attachments[2] = {};
  attachments[0].format = VK_FORMAT_R8G8B8A8_UNORM;
  attachments[1].format = VK_FORMAT_D32_SFLOAT;
  const VkAttachmentReference color{0, VK_IMAGE_LAYOUT_COLOR_ATTACHMENT_OPTIMAL};
  const VkAttachmentReference depth{1, VK_IMAGE_LAYOUT_DEPTH_STENCIL_ATTACHMENT_OPTIMAL};
  VkSubpassDescription subpass{};
  subpass.colorAttachmentCount = 1;
  subpass.pColorAttachments = &color;
  subpass.pDepthStencilAttachment = &depth;
  VkRenderPassCreateInfo info{VK_STRUCTURE_TYPE_RENDER_PASS_CREATE_INFO};
  info.attachmentCount = 2;
  info.pAttachments = attachments;
  info.subpassCount = 1;
  info.pSubpasses = &subpass;
  require(get<PFN_vkCreateRenderPass>("vkCreateRenderPass")(device, &info, nullptr, &render_pass),
          "vkCreateRenderPass");
  keep_made("vkCreateRenderPass", ObjectType::kNone, handle_bits(render_pass));
}

// What the walk may use and end: the guest's own objects are needed to the last.
void Guest::make_spares() {
  VkCommandPoolCreateInfo commands_info{VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO};
  VkCommandPool command_pool = VK_NULL_HANDLE;
  require(get<PFN_vkCreateCommandPool>("vkCreateCommandPool")(device, &commands_info, nullptr, &command_pool),
          "vkCreateCommandPool");
  keep_made("vkCreateCommandPool", ObjectType::kCommandPool, handle_bits(command_pool));
  VkFenceCreateInfo fence_info{VK_STRUCTURE_TYPE_FENCE_CREATE_INFO};
  VkFence fence = VK_NULL_HANDLE;
  require(get<PFN_vkCreateFence>("vkCreateFence")(device, &fence_info, nullptr, &fence), "vkCreateFence");
  keep(ObjectType::kFence, handle_bits(fence), 0);
}

}  // namespace viaduct::fake
