// A message of the host's driver or layers on its way to the guest's VK_EXT_debug_utils messengers: what a
// VkDebugUtilsMessengerCallbackDataEXT holds, with bounded copies of its strings, and with ids of the guest
// in place of the host's handles.
//
// viaductTakeMessages carries any number of them without gaps, each a multiple of 4 bytes:
//
//   u32 severity, types, flags; i32 number; string id_name, text
//   u32 n, n times: u32 VkObjectType, u64 id, string name
//   u32 n, n times: string label, 4 x f32 colour      (the queue's labels)
//   u32 n, n times: string label, 4 x f32 colour      (the command buffer's)
//
// Strings are as everywhere on the wire. A reader refuses more than the greatest numbers below.
#pragma once

#include <vulkan/vulkan.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "protocol/wire/object_id.hpp"
#include "protocol/wire/reader.hpp"
#include "protocol/wire/writer.hpp"

namespace viaduct::protocol {

struct DebugMessage {
  static constexpr std::size_t kMaxText = 4096;
  static constexpr std::size_t kMaxName = 255;
  static constexpr std::size_t kMaxObjects = 16;
  static constexpr std::size_t kMaxLabels = 8;  // of each kind
  // No message is larger on the wire.
  static constexpr std::size_t kMaxBytes =
      kMaxText + kMaxName + kMaxObjects * (kMaxName + 21) + 2 * kMaxLabels * (kMaxName + 25) + 64;

  struct Object {
    VkObjectType type = VK_OBJECT_TYPE_UNKNOWN;
    std::uint64_t id = 0;
    std::string name;  // empty: it has none
  };
  struct Label {
    std::string name;
    std::array<float, 4> color{};
  };

  VkFlags severity = 0;
  VkFlags types = 0;
  VkFlags flags = 0;
  std::int32_t number = 0;
  std::string id_name;
  std::string text;
  std::vector<Object> objects;
  std::vector<Label> queue_labels;
  std::vector<Label> command_labels;

  // Bounded copies; handles stay the host's. Throws std::bad_alloc.
  static DebugMessage copy(VkFlags severity, VkFlags types, const VkDebugUtilsMessengerCallbackDataEXT& data);
};

template <class Sink>
void write_debug_message(Sink& sink, const DebugMessage& message) {
  const auto labels = [&sink](const std::vector<DebugMessage::Label>& list) {
    sink.u32(static_cast<std::uint32_t>(list.size()));
    for (const DebugMessage::Label& label : list) {
      sink.string(label.name.c_str());
      sink.raw(label.color.data(), sizeof(label.color));
    }
  };
  sink.u32(message.severity);
  sink.u32(message.types);
  sink.u32(message.flags);
  sink.u32(static_cast<std::uint32_t>(message.number));
  sink.string(message.id_name.c_str());
  sink.string(message.text.c_str());
  sink.u32(static_cast<std::uint32_t>(message.objects.size()));
  for (const DebugMessage::Object& object : message.objects) {
    sink.u32(static_cast<std::uint32_t>(object.type));
    sink.u64(object.id);
    sink.string(object.name.c_str());
  }
  labels(message.queue_labels);
  labels(message.command_labels);
}

// False at the end and when the bytes make no sense. Throws std::bad_alloc.
bool read_debug_message(Reader& reader, DebugMessage& message);

// Where the text speaks of one handle ("0x" and its digits), it speaks of the other afterwards. Throws
// std::bad_alloc.
void replace_handle(std::string& text, std::uint64_t from, std::uint64_t to);

}  // namespace viaduct::protocol
