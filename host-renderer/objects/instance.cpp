#include "base/log.hpp"
#include "generated/host/overrides.hpp"
#include "host-renderer/objects/extensions.hpp"
#include "host-renderer/worker/command_context.hpp"
#include "host-renderer/worker/session.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>

namespace viaduct::host {
namespace {

using protocol::ObjectType;

// --gpu NAME-OR-INDEX: a number is an index, anything else part of the name.
bool is_selected(const std::string& wanted, std::size_t index, const char* name) {
  if (wanted.empty()) {
    return true;
  }
  std::size_t number = 0;
  const char* end = wanted.data() + wanted.size();
  const auto [stop, error] = std::from_chars(wanted.data(), end, number);
  if (error == std::errc{} && stop == end) {
    return number == index;
  }
  return std::string_view(name).find(wanted) != std::string_view::npos;
}

// The view of a device's memory that the session's region allows.
void describe_memory(Session& session, PhysicalDevice& physical, const ProbeResult& probe) {
  VkPhysicalDeviceMemoryProperties host{};
  physical.instance->table.vkGetPhysicalDeviceMemoryProperties(physical.handle, &host);
  physical.mode = probe.mode;
  physical.import_alignment = probe.alignment;
  physical.import_report_is_wrong = probe.report_is_wrong;
  physical.memory =
      MemoryView::build(host, {probe.mode, probe.importable_types, session.memory().arena_size()});
}

void list_physical_devices(Session& session, Instance& instance) {
  const InstanceTable& table = instance.table;
  std::uint32_t count = 0;
  table.vkEnumeratePhysicalDevices(instance.handle, &count, nullptr);
  std::vector<VkPhysicalDevice> handles(count);
  if (count == 0 || table.vkEnumeratePhysicalDevices(instance.handle, &count, handles.data()) < 0) {
    return;
  }
  for (std::size_t i = 0; i < count; ++i) {
    VkPhysicalDeviceProperties properties{};
    table.vkGetPhysicalDeviceProperties(handles[i], &properties);
    if (!is_selected(session.options().gpu, i, properties.deviceName)) {
      continue;
    }
    auto physical = std::make_unique<PhysicalDevice>();
    physical->instance = &instance;
    physical->handle = handles[i];
    physical->api_version = properties.apiVersion;
    const std::vector<ProbeResult>& probes = session.options().probes;
    describe_memory(session, *physical, i < probes.size() ? probes[i] : ProbeResult{});
    instance.physical_devices.push_back(std::move(physical));
  }
}

// At least 1.1 where the driver has it: importing the region's pages needs that, whatever the application
// asked for. A driver of Vulkan 1.0 refuses every other version.
std::uint32_t host_version(const Driver& driver, std::uint32_t asked) noexcept {
  const std::uint32_t there = driver.instance_version();
  return there < VK_API_VERSION_1_1 ? VK_API_VERSION_1_0 : std::max(asked, VK_API_VERSION_1_1);
}

}  // namespace

// The application's name and version reach the driver, which may key its own workarounds on them. The guest
// keeps the version that it asked for.
void on_vkCreateInstance(CommandContext& ctx, protocol::vkCreateInstance_args& a) {
  Session& session = ctx.session;
  const protocol::ObjectId id = *a.pInstance_ids;
  VkApplicationInfo application{};
  application.sType = VK_STRUCTURE_TYPE_APPLICATION_INFO;
  if (a.pCreateInfo->pApplicationInfo != nullptr) {
    application = *a.pCreateInfo->pApplicationInfo;
  }
  application.apiVersion = host_version(session.driver(), application.apiVersion);
  const std::vector<const char*> extensions = host_instance_extensions(
      session.driver(), {a.pCreateInfo->ppEnabledExtensionNames, a.pCreateInfo->enabledExtensionCount});
  VkInstanceCreateInfo info = *a.pCreateInfo;
  info.pApplicationInfo = &application;
  info.enabledLayerCount = 0;
  info.ppEnabledLayerNames = nullptr;
  info.enabledExtensionCount = static_cast<std::uint32_t>(extensions.size());
  info.ppEnabledExtensionNames = extensions.data();
  Validation* validation = session.driver().validation();
  Validation::Request request;
  if (validation != nullptr) {
    validation->add_to(info, request);
  }

  auto instance = std::make_unique<Instance>();
  instance->debug_utils = std::any_of(extensions.begin(), extensions.end(), [](const char* name) {
    return std::strcmp(name, VK_EXT_DEBUG_UTILS_EXTENSION_NAME) == 0;
  });
  instance->mailbox = session.messages().find(id);
  VkDebugUtilsMessengerCreateInfoEXT creation{};
  if (instance->debug_utils && instance->mailbox != nullptr) {
    creation = DebugMessages::messenger_info(*instance->mailbox, instance->mailbox->severities.load());
    creation.pNext = info.pNext;
    info.pNext = &creation;
  }
  a.result = session.instances().size() < kMaxInstances
                 ? session.driver().table().vkCreateInstance(&info, nullptr, &instance->handle)
                 : VK_ERROR_OUT_OF_HOST_MEMORY;
  if (a.result != VK_SUCCESS) {
    VIADUCT_LOG_WARN("object", "vkCreateInstance on the host: VkResult %d", a.result);
    ctx.objects().insert_failed(ObjectType::kInstance, id);
    return;
  }
  instance->id = id;
  instance->api_version = application.apiVersion;
  instance->table.load(session.driver().get_proc(), instance->handle);
  if (validation != nullptr) {
    instance->messenger = validation->listen(instance->table, instance->handle);
  }
  DebugMessages::hear(*instance);
  list_physical_devices(session, *instance);
  if (!ctx.objects().insert(ObjectType::kInstance, id, driver_bits(instance->handle), instance.get())) {
    Validation::close(instance->table, instance->handle, instance->messenger);
    DebugMessages::stop_hearing(*instance);
    instance->table.vkDestroyInstance(instance->handle, nullptr);
    a.result = VK_ERROR_OUT_OF_HOST_MEMORY;
    return;
  }
  session.instances().push_back(std::move(instance));
}

void on_vkDestroyInstance(CommandContext& ctx, protocol::vkDestroyInstance_args& a) {
  if (Instance* instance = ctx.instance_of(a.instance_id)) {
    ctx.session.drop(*instance);
  } else {
    ctx.objects().erase(ObjectType::kInstance, a.instance_id);
  }
}

void on_vkEnumeratePhysicalDevices(CommandContext& ctx, protocol::vkEnumeratePhysicalDevices_args& a) {
  Instance& instance = *ctx.instance_of(a.instance_id);
  const auto count = static_cast<std::uint32_t>(instance.physical_devices.size());
  a.result = VK_SUCCESS;
  if (a.pPhysicalDevices_ids == nullptr) {
    *a.pPhysicalDeviceCount = count;
    return;
  }
  if (*a.pPhysicalDeviceCount < count) {
    a.result = VK_INCOMPLETE;
  }
  *a.pPhysicalDeviceCount = std::min(*a.pPhysicalDeviceCount, count);
  for (std::uint32_t i = 0; i < *a.pPhysicalDeviceCount; ++i) {
    PhysicalDevice& physical = *instance.physical_devices[i];
    ctx.objects().erase(ObjectType::kPhysicalDevice, physical.id);
    physical.id = a.pPhysicalDevices_ids[i];
    ctx.objects().insert(ObjectType::kPhysicalDevice, physical.id, driver_bits(physical.handle), &physical);
  }
}

void on_vkEnumerateInstanceExtensionProperties(CommandContext& ctx,
                                               protocol::vkEnumerateInstanceExtensionProperties_args& a) {
  const std::vector<VkExtensionProperties> offered = offered_instance_extensions(ctx.session.driver());
  const auto count = static_cast<std::uint32_t>(offered.size());
  const bool list = a.pProperties != nullptr;
  a.result = list && *a.pPropertyCount < count ? VK_INCOMPLETE : VK_SUCCESS;
  *a.pPropertyCount = list ? std::min(*a.pPropertyCount, count) : count;
  if (list) {
    std::copy_n(offered.begin(), *a.pPropertyCount, a.pProperties);
  }
}

void on_vkEnumerateInstanceVersion(CommandContext& ctx, protocol::vkEnumerateInstanceVersion_args& a) {
  *a.pApiVersion = ctx.session.driver().instance_version();
  a.result = VK_SUCCESS;
}

}  // namespace viaduct::host
