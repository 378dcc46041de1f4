#include "protocol/wire/debug_message.hpp"

#include <algorithm>
#include <cctype>
#include <cinttypes>
#include <cstdio>
#include <cstring>

namespace viaduct::protocol {
namespace {

std::string bounded(const char* text, std::size_t limit) {
  return text == nullptr ? std::string() : std::string(text, ::strnlen(text, limit));
}

std::vector<DebugMessage::Label> copy_labels(std::uint32_t count, const VkDebugUtilsLabelEXT* labels) {
  std::vector<DebugMessage::Label> list(std::min<std::size_t>(count, DebugMessage::kMaxLabels));
  for (std::size_t i = 0; i < list.size(); ++i) {
    list[i].name = bounded(labels[i].pLabelName, DebugMessage::kMaxName);
    std::copy_n(labels[i].color, list[i].color.size(), list[i].color.begin());
  }
  return list;
}

std::string read_string(Reader& reader, std::size_t limit) {
  const std::uint32_t size = reader.u32();
  if (size == kNullString) return {};
  if (size > limit) {
    reader.fail("a message's string is too long");
    return {};
  }
  const std::byte* bytes = reader.bytes(size);
  return bytes == nullptr ? std::string() : std::string(reinterpret_cast<const char*>(bytes), size);
}

std::vector<DebugMessage::Label> read_labels(Reader& reader) {
  const std::uint32_t count = reader.count(20);
  reader.check(count <= DebugMessage::kMaxLabels, "too many labels");
  std::vector<DebugMessage::Label> list(reader.ok() ? count : 0);
  for (DebugMessage::Label& label : list) {
    label.name = read_string(reader, DebugMessage::kMaxName);
    reader.raw(label.color.data(), sizeof(label.color));
  }
  return list;
}

}  // namespace

DebugMessage DebugMessage::copy(VkFlags severity, VkFlags types,
                                const VkDebugUtilsMessengerCallbackDataEXT& data) {
  DebugMessage message;
  message.severity = severity;
  message.types = types;
  message.flags = data.flags;
  message.number = data.messageIdNumber;
  message.id_name = bounded(data.pMessageIdName, kMaxName);
  message.text = bounded(data.pMessage, kMaxText);
  message.objects.resize(std::min<std::size_t>(data.objectCount, kMaxObjects));
  for (std::size_t i = 0; i < message.objects.size(); ++i) {
    const VkDebugUtilsObjectNameInfoEXT& from = data.pObjects[i];
    message.objects[i] = {from.objectType, from.objectHandle, bounded(from.pObjectName, kMaxName)};
  }
  message.queue_labels = copy_labels(data.queueLabelCount, data.pQueueLabels);
  message.command_labels = copy_labels(data.cmdBufLabelCount, data.pCmdBufLabels);
  return message;
}

bool read_debug_message(Reader& reader, DebugMessage& message) {
  if (!reader.ok() || reader.remaining() < 4) return false;
  message.severity = reader.u32();
  message.types = reader.u32();
  message.flags = reader.u32();
  message.number = static_cast<std::int32_t>(reader.u32());
  message.id_name = read_string(reader, DebugMessage::kMaxName);
  message.text = read_string(reader, DebugMessage::kMaxText);
  const std::uint32_t count = reader.count(16);
  reader.check(count <= DebugMessage::kMaxObjects, "too many objects");
  message.objects.assign(reader.ok() ? count : 0, {});
  for (DebugMessage::Object& object : message.objects) {
    object.type = static_cast<VkObjectType>(reader.u32());
    object.id = reader.u64();
    object.name = read_string(reader, DebugMessage::kMaxName);
  }
  message.queue_labels = read_labels(reader);
  message.command_labels = read_labels(reader);
  return reader.ok();
}

void replace_handle(std::string& text, std::uint64_t from, std::uint64_t to) {
  char digits[24];
  std::snprintf(digits, sizeof(digits), "0x%" PRIx64, from);
  char others[24];
  std::snprintf(others, sizeof(others), "0x%" PRIx64, to);
  const std::string was(digits);
  const std::string is(others);
  for (std::size_t at = text.find(was); at != std::string::npos; at = text.find(was, at)) {
    const std::size_t end = at + was.size();
    if (end < text.size() && std::isxdigit(static_cast<unsigned char>(text[end])) != 0) {
      at = end;  // the beginning of another number
      continue;
    }
    text.replace(at, was.size(), is);
    at += is.size();
  }
}

}  // namespace viaduct::protocol
