#include "host-renderer/objects/payloads.hpp"

#include "generated/host/overrides.hpp"
#include "host-renderer/worker/command_context.hpp"
#include "host-renderer/worker/session.hpp"

namespace viaduct::host {

HeldMemory::~HeldMemory() { session_.give_device_memory(bytes_); }

bool may_export(CommandContext& ctx, std::uint64_t number) {
  const Payloads& all = ctx.session.payloads();
  if (all.contains(number)) {
    ctx.decoder.fail("a payload's number is in use");
    return false;
  }
  return !all.full();
}

void on_viaductExportSemaphore(CommandContext& ctx, protocol::viaductExportSemaphore_args& a) {
  a.result = VK_ERROR_TOO_MANY_OBJECTS;
  if (!may_export(ctx, a.payload) || ctx.device->table.vkGetSemaphoreFdKHR == nullptr) return;
  VkSemaphoreGetFdInfoKHR info{};
  info.sType = VK_STRUCTURE_TYPE_SEMAPHORE_GET_FD_INFO_KHR;
  info.semaphore = a.semaphore;
  info.handleType = VK_EXTERNAL_SEMAPHORE_HANDLE_TYPE_OPAQUE_FD_BIT;
  int fd = -1;
  a.result = ctx.device->table.vkGetSemaphoreFdKHR(a.device, &info, &fd);
  if (a.result != VK_SUCCESS) return;
  Payload payload;
  payload.kind = Payload::Kind::kSemaphore;
  payload.fd.reset(fd);
  payload.physical = position_of(*ctx.device->physical);
  ctx.session.payloads().insert(a.payload, std::move(payload));
}

void on_viaductImportSemaphore(CommandContext& ctx, protocol::viaductImportSemaphore_args& a) {
  const Payload* payload = ctx.session.payloads().find(a.payload, Payload::Kind::kSemaphore);
  a.result = VK_ERROR_INVALID_EXTERNAL_HANDLE;
  if (payload == nullptr || payload->physical != position_of(*ctx.device->physical) ||
      ctx.device->table.vkImportSemaphoreFdKHR == nullptr) {
    return;
  }
  auto fd = payload->fd.dup();
  if (!fd) {
    a.result = VK_ERROR_OUT_OF_HOST_MEMORY;
    return;
  }
  VkImportSemaphoreFdInfoKHR info{};
  info.sType = VK_STRUCTURE_TYPE_IMPORT_SEMAPHORE_FD_INFO_KHR;
  info.semaphore = a.semaphore;
  info.flags = a.flags & VK_SEMAPHORE_IMPORT_TEMPORARY_BIT;
  info.handleType = VK_EXTERNAL_SEMAPHORE_HANDLE_TYPE_OPAQUE_FD_BIT;
  info.fd = fd->get();
  a.result = ctx.device->table.vkImportSemaphoreFdKHR(a.device, &info);
  if (a.result == VK_SUCCESS) (void)fd->release();  // the driver's from now on
}

void on_viaductReleasePayload(CommandContext& ctx, protocol::viaductReleasePayload_args& a) {
  ctx.session.payloads().erase(a.payload);
}

}  // namespace viaduct::host
