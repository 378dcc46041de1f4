#include <dlfcn.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "base/hash.hpp"
#include "generated/fake_driver/facts.hpp"
#include "tests/fake-driver/guest.hpp"
#include "tests/fake-driver/objects.hpp"

namespace viaduct::fake {

void give_up(const std::string& what) {
  std::printf("unexpected %s\n", what.c_str());
  std::fflush(stdout);
  std::_Exit(3);
}

void require(VkResult result, const char* call) {
  if (result != VK_SUCCESS) give_up(std::string(call) + ": " + std::to_string(result));
}

PFN_vkVoidFunction Guest::find(const char* name) const {
  const PFN_vkVoidFunction found = get_proc_(instance, name);
  if (found != nullptr || device == VK_NULL_HANDLE) return found;
  const auto get_device =
      reinterpret_cast<PFN_vkGetDeviceProcAddr>(get_proc_(instance, "vkGetDeviceProcAddr"));
  return get_device(device, name);
}

void Guest::instruct(const std::string& text) {
  std::vector<uint32_t> words(2 + text.size() / 4);
  words[0] = kInstructionMagic;
  std::memcpy(words.data() + 1, text.data(), text.size());
  VkShaderModuleCreateInfo info{VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO};
  info.codeSize = words.size() * 4;
  info.pCode = words.data();
  VkShaderModule module = VK_NULL_HANDLE;
  require(get<PFN_vkCreateShaderModule>("vkCreateShaderModule")(device, &info, nullptr, &module),
          "an instruction");
  // A question, so that the driver has read the instruction when this returns.
  std::size_t size = 0;
  get<PFN_vkGetShaderInfoAMD>("vkGetShaderInfoAMD")(device, pipeline, VK_SHADER_STAGE_COMPUTE_BIT,
                                                    VK_SHADER_INFO_TYPE_DISASSEMBLY_AMD, &size, nullptr);
}

bool Guest::read_log(std::vector<LoggedCall>& calls) {
  calls.clear();
  static std::vector<std::byte> bytes(8u << 20);
  std::size_t size = 65536;
  const auto read = get<PFN_vkGetShaderInfoAMD>("vkGetShaderInfoAMD");
  if (read == nullptr) give_up("vkGetShaderInfoAMD is missing");
  const VkResult result = read(device, pipeline, VK_SHADER_STAGE_COMPUTE_BIT,
                               VK_SHADER_INFO_TYPE_DISASSEMBLY_AMD, &size, bytes.data());
  if (result == VK_ERROR_DEVICE_LOST) return false;
  require(result, "vkGetShaderInfoAMD");
  for (std::size_t at = 0; at + sizeof(Entry) <= size;) {
    LoggedCall call;
    std::memcpy(&call.entry, bytes.data() + at, sizeof(Entry));
    at += sizeof(Entry);
    if (call.entry.handle_count > (size - at) / 8) give_up("a log that makes no sense");
    call.handles.resize(call.entry.handle_count);
    std::memcpy(call.handles.data(), bytes.data() + at, call.handles.size() * 8);
    at += call.handles.size() * 8;
    calls.push_back(std::move(call));
  }
  return true;
}

bool Guest::last_call(const char* command, LoggedCall& call) {
  std::vector<LoggedCall> calls;
  if (!read_log(calls)) return false;
  const uint32_t hash = fnv1a32(command);
  const auto found = std::find_if(calls.rbegin(), calls.rend(), [hash](const LoggedCall& logged) {
    return logged.entry.name_hash == hash;
  });
  if (found == calls.rend()) return false;
  call = *found;
  return true;
}

void Guest::keep(protocol::ObjectType type, uint64_t guest, uint64_t driver) {
  pools_[type].push_back(guest);
  numbers_[guest] = driver;
}

void Guest::forget(protocol::ObjectType type, uint64_t guest) { std::erase(pools_[type], guest); }

const std::vector<uint64_t>& Guest::pool(protocol::ObjectType type) const {
  static const std::vector<uint64_t> kNone;
  const auto found = pools_.find(type);
  return found == pools_.end() ? kNone : found->second;
}

uint64_t Guest::driver_number(uint64_t guest) const {
  const auto found = numbers_.find(guest);
  return found == numbers_.end() ? (guest == 0 ? 0 : ~guest) : found->second;
}

void Guest::keep_made(const char* command, protocol::ObjectType type, uint64_t guest) {
  LoggedCall call;
  if (!last_call(command, call) || call.handles.empty()) give_up(std::string("no record of ") + command);
  if (type == protocol::ObjectType::kNone) {
    know(guest, call.handles.back());
  } else {
    keep(type, guest, call.handles.back());
  }
}

uint32_t Guest::arena_types() const {
  uint32_t bits = 0;
  for (uint32_t i = 0; i < memory.memoryTypeCount; ++i) {
    const VkMemoryPropertyFlags flags = memory.memoryTypes[i].propertyFlags;
    bits |= (flags & VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT) != 0 ? 1u << i : 0;
  }
  return bits;
}

// The driver's one type is mappable in two ways: imported, then shadowed (host-renderer/memory/memory_types.hpp).
uint32_t Guest::shadowed_types() const { return arena_types() & (arena_types() - 1); }

void Coverage::print() const {
  const auto name = [](VkStructureType type) {
    const auto found = std::find_if(kChainStructs.begin(), kChainStructs.end(),
                                    [type](const ChainStruct& one) { return one.type == type; });
    return found == kChainStructs.end() ? "?" : found->name;
  };
  for (const Link& link : links_) {
    std::printf("chain %s %s %s\n", link.output ? "out" : "in", name(link.parent), name(link.type));
  }
}

}  // namespace viaduct::fake
