// What one decoded command runs with. The generated dispatch (generated/host/dispatch.cpp) decodes, calls
// on_vkX with this, and writes the reply unless on_vkX took the reply away (`reply` is null after the call)
// to answer later from a waiter thread.
//
// Lives on the stack of the thread that executes (the decode thread, or one of the recorders') for one
// record; everything that the arguments point to lives in the decoder's arena and is gone when the record is
// done. An override that outlives the record copies what it needs.
#pragma once

#include "host-renderer/objects/object_tables.hpp"
#include "host-renderer/objects/objects.hpp"
#include "host-renderer/worker/reply_builder.hpp"
#include "protocol/wire/decoder.hpp"

namespace viaduct::host {

class Recorders;
class Session;

struct CommandContext {
  protocol::Decoder& decoder;
  Session& session;
  CommandBuffer* command_buffer = nullptr;  // the span's; null in a stream span
  Device* device = nullptr;                 // the command buffer's; in a stream span what the generated code
                                            // resolved from the first dispatchable handle
  ReplyBuilder* reply = nullptr;            // null where no reply is wanted
  Recorders* recorders = nullptr;           // null where there are none

  ObjectTables& objects() const noexcept;

  // The host's struct behind a dispatchable handle's id. The decoder has checked the id, so null means only
  // that the parameter was optional.
  Instance* instance_of(protocol::ObjectId instance) const noexcept;
  PhysicalDevice* physical_device_of(protocol::ObjectId physical_device) const noexcept;
  Device* device_of(protocol::ObjectId device_queue_or_command_buffer) const noexcept;
  Queue* queue_of(protocol::ObjectId queue) const noexcept;
  CommandBuffer* command_buffer_of(protocol::ObjectId command_buffer) const noexcept;

  // Before the decode thread touches this pool: what was handed on of it is recorded.
  void finish_recording(const CommandPool& pool) const noexcept;

  // A command failed whose result nobody waits for, and nothing depends on it.
  void log_failure(const char* command, VkResult result) const noexcept;
  // A command failed whose result nobody waits for and that made no object to carry the failure: the device
  // is lost, so that what follows tells.
  void posted_failed(const char* command, VkResult result) const noexcept;
  // The same for a recorded one: the command buffer cannot be submitted.
  void spoil_command_buffer() const;
};

}  // namespace viaduct::host
