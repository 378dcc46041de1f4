// What the fake driver remembers of each call, and what it was told to let fail.
//
// Every generated entry point of the fake driver makes one Entry: which command, a digest of everything that
// came in, a digest of everything that went out, the result, and the handles that it made. Whoever is at the
// other end of the ring reads the log and sets failures through two ordinary commands: the words of a
// vkCreateShaderModule that begin with kInstructionMagic are an instruction ("fail vkCreateBuffer 1 -2": the
// next call of vkCreateBuffer but one gives VK_ERROR_OUT_OF_DEVICE_MEMORY; "clear"; semantics.hpp
// has "hold" and "release"), and vkGetShaderInfoAMD
// for VK_SHADER_INFO_TYPE_DISASSEMBLY_AMD gives the log so far, which is emptied by reading it. These two
// uses are not logged. Any thread; one a process.
#pragma once

#include <vulkan/vulkan.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace viaduct::fake {

inline constexpr uint32_t kInstructionMagic = 0x454b4146;  // "FAKE"

// As the log carries it: this, then `handle_count` words of 8 bytes.
struct Entry {
  uint32_t name_hash = 0;  // fnv1a32 of the command's name
  int32_t result = 0;
  uint64_t inputs = 0;
  uint64_t outputs = 0;
  uint64_t handle_count = 0;
};
static_assert(sizeof(Entry) == 32);

class Recorder {
 public:
  static Recorder& get();

  void add(Entry entry, std::span<const uint64_t> handles);
  // What the next call of this command shall give instead of succeeding, or VK_SUCCESS; counts the call.
  VkResult next_result(std::string_view command);
  // A call without outputs or handles of its own: adds it with its next result, and gives that.
  VkResult record(std::string_view command, uint64_t inputs);
  void instruct(std::string_view instruction);
  // Copies the log into `out` and empties it, if it fits; gives its size.
  std::size_t read(std::span<std::byte> out, bool consume);

 private:
  struct Failure {
    uint32_t skip = 0;  // calls that still succeed
    VkResult result = VK_SUCCESS;
  };
  std::mutex mutex_;
  std::vector<std::byte> log_;
  std::map<std::string, Failure, std::less<>> failures_;
};

}  // namespace viaduct::fake
