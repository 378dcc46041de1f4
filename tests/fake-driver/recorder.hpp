// What the fake driver remembers of each call, and what it was told to let fail.
//
// Every generated entry point of the fake driver makes one Entry: which command, a digest of everything that
// came in, a digest of everything that went out, the result, and the handles that it made. The log is read,
// and the failures are set, through VK_EXT_validation_cache: the bytes of vkCreateValidationCacheEXT are an
// instruction
// ("fail vkCreateBuffer 1 -2": the next call but none of vkCreateBuffer gives VK_ERROR_OUT_OF_DEVICE_MEMORY;
// "clear"), those of vkGetValidationCacheDataEXT are the log so far, which is emptied by reading it. These
// two are not logged. Any thread; a recorder is one a process.
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
