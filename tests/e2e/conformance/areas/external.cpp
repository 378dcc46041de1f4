// api.external.*: semaphores, fences and memory as opaque file descriptors: within a device, between two
// devices of one instance, and between two instances, of one process.
#include <fcntl.h>
#include <unistd.h>

#include "area.hpp"

using namespace conformance;

namespace {

constexpr uint64_t kSecond = 1'000'000'000;
constexpr const char* kMemory = "VK_KHR_external_memory_fd";
constexpr const char* kSemaphore = "VK_KHR_external_semaphore_fd";
constexpr const char* kFence = "VK_KHR_external_fence_fd";
constexpr auto kMemoryType = VK_EXTERNAL_MEMORY_HANDLE_TYPE_OPAQUE_FD_BIT;
constexpr auto kSemaphoreType = VK_EXTERNAL_SEMAPHORE_HANDLE_TYPE_OPAQUE_FD_BIT;
constexpr auto kFenceType = VK_EXTERNAL_FENCE_HANDLE_TYPE_OPAQUE_FD_BIT;

template <class Function>
Function of(const Context& ctx, const char* function) {
  return reinterpret_cast<Function>(vkGetDeviceProcAddr(ctx.device, function));
}

// Vulkan lets a driver take what it likes and do with it what it likes; Viaduct refuses what is not its own,
// and closes what is.
bool forwarded(const Context& ctx) { return std::strncmp(ctx.properties.deviceName, "Viaduct (", 9) == 0; }

template <class Import>
void must_refuse(const Context& ctx, const char* what, const Import& import) {
  if (!forwarded(ctx)) return;
  int pipes[2];
  pixels::expect(pipe(pipes) == 0, "a pipe");
  must(import(pipes[0]) == VK_ERROR_INVALID_EXTERNAL_HANDLE, "a descriptor that is no %s was taken", what);
  must(fcntl(pipes[0], F_GETFD) != -1, "and closed");
  must(import(1 << 20) == VK_ERROR_INVALID_EXTERNAL_HANDLE, "a descriptor that is not open is a %s", what);
  close(pipes[0]);
  close(pipes[1]);
}

VkSemaphore exportable_semaphore(Context& ctx) {
  const VkExportSemaphoreCreateInfo exported{VK_STRUCTURE_TYPE_EXPORT_SEMAPHORE_CREATE_INFO, nullptr,
                                             kSemaphoreType};
  const VkSemaphoreCreateInfo info{VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO, &exported};
  VkSemaphore semaphore = VK_NULL_HANDLE;
  PIXELS_VK(vkCreateSemaphore(ctx.device, &info, nullptr, &semaphore));
  ctx.defer([&ctx, semaphore] { vkDestroySemaphore(ctx.device, semaphore, nullptr); });
  return semaphore;
}

VkResult export_semaphore(const Context& ctx, VkSemaphore semaphore, int* fd) {
  const VkSemaphoreGetFdInfoKHR info{VK_STRUCTURE_TYPE_SEMAPHORE_GET_FD_INFO_KHR, nullptr, semaphore,
                                     kSemaphoreType};
  return of<PFN_vkGetSemaphoreFdKHR>(ctx, "vkGetSemaphoreFdKHR")(ctx.device, &info, fd);
}

VkResult import_semaphore(const Context& ctx, VkSemaphore semaphore, int fd, VkSemaphoreImportFlags flags) {
  const VkImportSemaphoreFdInfoKHR info{
      VK_STRUCTURE_TYPE_IMPORT_SEMAPHORE_FD_INFO_KHR, nullptr, semaphore, flags, kSemaphoreType, fd};
  return of<PFN_vkImportSemaphoreFdKHR>(ctx, "vkImportSemaphoreFdKHR")(ctx.device, &info);
}

void signal(const Context& ctx, VkSemaphore semaphore) {
  VkSubmitInfo info{VK_STRUCTURE_TYPE_SUBMIT_INFO};
  info.signalSemaphoreCount = 1;
  info.pSignalSemaphores = &semaphore;
  PIXELS_VK(vkQueueSubmit(ctx.queue, 1, &info, VK_NULL_HANDLE));
}

VkResult wait(Context& ctx, VkSemaphore semaphore) {
  const VkPipelineStageFlags stage = VK_PIPELINE_STAGE_ALL_COMMANDS_BIT;
  VkSubmitInfo info{VK_STRUCTURE_TYPE_SUBMIT_INFO};
  info.waitSemaphoreCount = 1;
  info.pWaitSemaphores = &semaphore;
  info.pWaitDstStageMask = &stage;
  const VkFence fence = ctx.fence();
  PIXELS_VK(vkQueueSubmit(ctx.queue, 1, &info, fence));
  return vkWaitForFences(ctx.device, 1, &fence, VK_TRUE, 10 * kSecond);
}

void semaphores(Context& from, Context& to, const char* where) {
  const VkSemaphore source = exportable_semaphore(from), sink = to.semaphore();
  int fd = -1;
  say("semaphore %s, export: %s", where, name(export_semaphore(from, source, &fd)));
  const int second = dup(fd);
  say("semaphore %s, permanent import: %s", where, name(import_semaphore(to, sink, fd, 0)));
  must(!forwarded(to) || fcntl(fd, F_GETFD) == -1, "an imported descriptor is still open");
  for (int round = 0; round < 3; ++round) {
    signal(from, source);
    say("semaphore %s, its wait: %s", where, name(wait(to, sink)));
    signal(to, sink);
    say("semaphore %s, the way back: %s", where, name(wait(from, source)));
  }
  // For one wait; then the semaphore has its own payload again.
  const VkSemaphore other = to.semaphore();
  say("semaphore %s, temporary import: %s", where,
      name(import_semaphore(to, other, second, VK_SEMAPHORE_IMPORT_TEMPORARY_BIT)));
  signal(from, source);
  say("semaphore %s, its one wait: %s", where, name(wait(to, other)));
  signal(to, other);
  say("semaphore %s, its own again: %s", where, name(wait(to, other)));
  must_refuse(to, "semaphore", [&](int alien) { return import_semaphore(to, other, alien, 0); });
}

// Opened and closed as often as a program with a canvas does it: what nobody holds must go.
void many_semaphores(Context& from, Context& to) {
  const VkSemaphore source = exportable_semaphore(from), sink = to.semaphore();
  int failed = 0;
  for (int i = 0; i < 3000; ++i) {
    int fd = -1;
    failed += export_semaphore(from, source, &fd) != VK_SUCCESS;
    if (i % 2 == 0) {
      failed += import_semaphore(to, sink, fd, VK_SEMAPHORE_IMPORT_TEMPORARY_BIT) != VK_SUCCESS;
    } else {
      close(fd);
    }
  }
  say("many semaphores: %d failed", failed);
}

void fences(Context& from, Context& to) {
  const auto get = of<PFN_vkGetFenceFdKHR>(from, "vkGetFenceFdKHR");
  const auto import = of<PFN_vkImportFenceFdKHR>(to, "vkImportFenceFdKHR");
  const VkPhysicalDeviceExternalFenceInfo asked{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_EXTERNAL_FENCE_INFO,
                                                nullptr, kFenceType};
  VkExternalFenceProperties can{VK_STRUCTURE_TYPE_EXTERNAL_FENCE_PROPERTIES};
  vkGetPhysicalDeviceExternalFenceProperties(from.physical, &asked, &can);
  constexpr VkExternalFenceFeatureFlags kBoth =
      VK_EXTERNAL_FENCE_FEATURE_EXPORTABLE_BIT | VK_EXTERNAL_FENCE_FEATURE_IMPORTABLE_BIT;
  must(can.externalFenceFeatures == kBoth, "external fences: %u", can.externalFenceFeatures);
  const VkExportFenceCreateInfo exported{VK_STRUCTURE_TYPE_EXPORT_FENCE_CREATE_INFO, nullptr, kFenceType};
  const VkFenceCreateInfo info{VK_STRUCTURE_TYPE_FENCE_CREATE_INFO, &exported};
  VkFence source = VK_NULL_HANDLE;
  PIXELS_VK(vkCreateFence(from.device, &info, nullptr, &source));
  from.defer([&from, source] { vkDestroyFence(from.device, source, nullptr); });
  const VkFence sinks[2] = {to.fence(), to.fence(true)};
  const VkFenceImportFlags flags[2] = {0, VK_FENCE_IMPORT_TEMPORARY_BIT};
  for (int i = 0; i < 2; ++i) {
    const VkFenceGetFdInfoKHR get_info{VK_STRUCTURE_TYPE_FENCE_GET_FD_INFO_KHR, nullptr, source, kFenceType};
    int fd = -1;
    must(get(from.device, &get_info, &fd) == VK_SUCCESS, "export of a fence");
    const VkImportFenceFdInfoKHR import_info{
        VK_STRUCTURE_TYPE_IMPORT_FENCE_FD_INFO_KHR, nullptr, sinks[i], flags[i], kFenceType, fd};
    must(import(to.device, &import_info) == VK_SUCCESS, "import of a fence");
    must(vkGetFenceStatus(to.device, sinks[i]) == VK_NOT_READY, "an imported fence is signalled");
  }
  PIXELS_VK(vkQueueSubmit(from.queue, 0, nullptr, source));
  must(vkWaitForFences(to.device, 2, sinks, VK_TRUE, 10 * kSecond) == VK_SUCCESS,
       "a wait for imported fences");
  PIXELS_VK(vkResetFences(to.device, 2, sinks));
  must(vkGetFenceStatus(from.device, source) == VK_NOT_READY, "a reset of a shared payload");
  must_refuse(to, "fence", [&](int alien) {
    const VkImportFenceFdInfoKHR alien_info{
        VK_STRUCTURE_TYPE_IMPORT_FENCE_FD_INFO_KHR, nullptr, sinks[0], 0, kFenceType, alien};
    return import(to.device, &alien_info);
  });
}

struct Shared {
  VkBuffer buffer = VK_NULL_HANDLE;
  VkDeviceMemory memory = VK_NULL_HANDLE;
  VkMemoryRequirements needs{};
  uint32_t type = 0;
};

constexpr VkDeviceSize kSize = 64 << 10;

// fd: -1 to export, otherwise what is imported.
VkResult make(Context& ctx, VkMemoryPropertyFlags wanted, int fd, Shared& out) {
  const VkExternalMemoryBufferCreateInfo external{VK_STRUCTURE_TYPE_EXTERNAL_MEMORY_BUFFER_CREATE_INFO,
                                                  nullptr, kMemoryType};
  const VkBufferCreateInfo info{VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO, &external, 0, kSize,
                                VK_BUFFER_USAGE_TRANSFER_SRC_BIT | VK_BUFFER_USAGE_TRANSFER_DST_BIT};
  PIXELS_VK(vkCreateBuffer(ctx.device, &info, nullptr, &out.buffer));
  ctx.defer([&ctx, buffer = out.buffer] { vkDestroyBuffer(ctx.device, buffer, nullptr); });
  vkGetBufferMemoryRequirements(ctx.device, out.buffer, &out.needs);
  out.type = ctx.memory_type(out.needs.memoryTypeBits, wanted);
  pixels::expect(out.type != UINT32_MAX, "a type for the shared buffer");
  const VkExportMemoryAllocateInfo exported{VK_STRUCTURE_TYPE_EXPORT_MEMORY_ALLOCATE_INFO, nullptr,
                                            kMemoryType};
  const VkImportMemoryFdInfoKHR import{VK_STRUCTURE_TYPE_IMPORT_MEMORY_FD_INFO_KHR, nullptr, kMemoryType, fd};
  const VkMemoryAllocateInfo allocation{
      VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
      fd < 0 ? static_cast<const void*>(&exported) : static_cast<const void*>(&import), out.needs.size,
      out.type};
  const VkResult result = vkAllocateMemory(ctx.device, &allocation, nullptr, &out.memory);
  if (result != VK_SUCCESS) return result;
  ctx.defer([&ctx, memory = out.memory] { vkFreeMemory(ctx.device, memory, nullptr); });
  PIXELS_VK(vkBindBufferMemory(ctx.device, out.buffer, out.memory, 0));
  return VK_SUCCESS;
}

int export_memory(const Context& ctx, VkDeviceMemory memory) {
  const VkMemoryGetFdInfoKHR info{VK_STRUCTURE_TYPE_MEMORY_GET_FD_INFO_KHR, nullptr, memory, kMemoryType};
  int fd = -1;
  PIXELS_VK(of<PFN_vkGetMemoryFdKHR>(ctx, "vkGetMemoryFdKHR")(ctx.device, &info, &fd));
  return fd;
}

bool holds(Context& ctx, const Shared& shared, uint32_t word) {
  const Buffer readback = ctx.buffer(kSize, VK_BUFFER_USAGE_TRANSFER_DST_BIT, Residency::kHost);
  ctx.submit([&](VkCommandBuffer commands) {
    const VkBufferCopy copy{0, 0, kSize};
    vkCmdCopyBuffer(commands, shared.buffer, readback.handle, 1, &copy);
  });
  const pixels::Bytes bytes = ctx.read(readback);
  uint32_t ends[2];
  std::memcpy(&ends[0], bytes.data(), 4);
  std::memcpy(&ends[1], bytes.data() + kSize - 4, 4);
  return ends[0] == word && ends[1] == word;
}

void fill(Context& ctx, const Shared& shared, uint32_t word) {
  ctx.submit([&](VkCommandBuffer commands) { vkCmdFillBuffer(commands, shared.buffer, 0, kSize, word); });
}

void memory(Context& from, Context& to, const char* where) {
  Shared source, sink, again;
  say("memory %s, exportable: %s", where, name(make(from, VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT, -1, source)));
  int fd = export_memory(from, source.memory);
  const int second = dup(fd);
  say("memory %s, import: %s", where, name(make(to, VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT, fd, sink)));
  must(!forwarded(to) || fcntl(fd, F_GETFD) == -1, "an imported descriptor is still open");
  fill(from, source, 0x01020304);
  say("memory %s, seen: %d", where, holds(to, sink, 0x01020304));
  fill(to, sink, 0x55667788);
  say("memory %s, seen back: %d", where, holds(from, source, 0x55667788));
  say("memory %s, import of a duplicate: %s", where,
      name(make(to, VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT, second, again)));
  say("memory %s, the same bytes: %d", where, holds(to, again, 0x55667788));
}

// Exported memory that the application maps, on one side and on the other.
void mapped_memory(Context& from, Context& to) {
  constexpr VkMemoryPropertyFlags kMappable =
      VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT;
  Shared source, sink;
  say("mapped memory, exportable: %s", name(make(from, kMappable, -1, source)));
  say("mapped memory, import: %s", name(make(to, kMappable, export_memory(from, source.memory), sink)));
  uint32_t* words = nullptr;
  PIXELS_VK(vkMapMemory(from.device, source.memory, 0, VK_WHOLE_SIZE, 0, reinterpret_cast<void**>(&words)));
  std::fill_n(words, kSize / 4, 0xabcd1234);
  say("mapped memory, seen by the other device: %d", holds(to, sink, 0xabcd1234));
  std::fill_n(words, kSize / 4, 0x99887766);
  uint32_t* others = nullptr;
  PIXELS_VK(vkMapMemory(to.device, sink.memory, 0, VK_WHOLE_SIZE, 0, reinterpret_cast<void**>(&others)));
  say("mapped memory, seen by the other mapping: %d",
      others[0] == 0x99887766 && others[kSize / 4 - 1] == 0x99887766);
  vkUnmapMemory(to.device, sink.memory);
  fill(to, sink, 0x31313131);
  vkUnmapMemory(from.device, source.memory);
  PIXELS_VK(vkMapMemory(from.device, source.memory, 0, VK_WHOLE_SIZE, 0, reinterpret_cast<void**>(&words)));
  say("mapped memory, written by the other device: %d",
      words[0] == 0x31313131 && words[kSize / 4 - 1] == 0x31313131);
}

void refused_memory(Context& ctx) {
  const auto attempt = [&](int fd) {
    const VkImportMemoryFdInfoKHR import{VK_STRUCTURE_TYPE_IMPORT_MEMORY_FD_INFO_KHR, nullptr, kMemoryType,
                                         fd};
    const VkMemoryAllocateInfo info{VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO, &import, kSize, 0};
    VkDeviceMemory none = VK_NULL_HANDLE;
    return vkAllocateMemory(ctx.device, &info, nullptr, &none);
  };
  must_refuse(ctx, "memory", attempt);
}

CONFORMANCE_AREA(external_properties) {
  Context ctx;
  for (const uint32_t type : {1u, 2u, 8u, 0x200u}) {
    VkPhysicalDeviceExternalBufferInfo buffer{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_EXTERNAL_BUFFER_INFO};
    buffer.usage = VK_BUFFER_USAGE_TRANSFER_SRC_BIT;
    buffer.handleType = static_cast<VkExternalMemoryHandleTypeFlagBits>(type);
    VkExternalBufferProperties buffers{VK_STRUCTURE_TYPE_EXTERNAL_BUFFER_PROPERTIES};
    vkGetPhysicalDeviceExternalBufferProperties(ctx.physical, &buffer, &buffers);
    const VkPhysicalDeviceExternalSemaphoreInfo semaphore{
        VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_EXTERNAL_SEMAPHORE_INFO, nullptr,
        static_cast<VkExternalSemaphoreHandleTypeFlagBits>(type)};
    VkExternalSemaphoreProperties can{VK_STRUCTURE_TYPE_EXTERNAL_SEMAPHORE_PROPERTIES};
    vkGetPhysicalDeviceExternalSemaphoreProperties(ctx.physical, &semaphore, &can);
    const VkExternalMemoryProperties& memory = buffers.externalMemoryProperties;
    if (type == 1) {
      say("buffers: %u %u %u", memory.externalMemoryFeatures, memory.exportFromImportedHandleTypes & 1,
          memory.compatibleHandleTypes & 1);
      say("semaphores: %u %u %u", can.externalSemaphoreFeatures, can.exportFromImportedHandleTypes & 1,
          can.compatibleHandleTypes & 1);
    }
  }
}

CONFORMANCE_AREA(external) {
  const std::vector<const char*> wished = {kMemory, kSemaphore, kFence};
  Context first(wished), second(wished);
  // A device of the first one's instance: its objects go before those of `first`.
  say("memory %d, semaphores %d", first.has(kMemory), first.has(kSemaphore));
  for (Context* other : {&first, &second}) {
    const char* where = other == &first ? "in one device" : "between instances";
    if (first.has(kSemaphore)) semaphores(first, *other, where);
    if (first.has(kFence)) fences(first, *other);
    if (first.has(kMemory)) memory(first, *other, where);
  }
  if (first.has(kSemaphore)) many_semaphores(first, second);
  if (first.has(kMemory)) {
    mapped_memory(first, first);
    mapped_memory(first, second);
  }
  if (first.has(kMemory)) refused_memory(first);
}

}  // namespace
