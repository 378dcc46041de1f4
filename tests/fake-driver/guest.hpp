// The guest's side of the recording fake driver: makes calls through the guest driver's own entry points (no
// loader) and compares what it passed and got with what the fake driver at the other end says it was given
// and gave.
//
// One thread. Handles are kept with the driver's number for them, which the driver's log tells, so that
// digests of both sides speak of the same thing.
#pragma once

#include <vulkan/vulkan.h>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "generated/fake_driver/entries.hpp"
#include "protocol/testing/codec_table.hpp"
#include "tests/fake-driver/recorder.hpp"

namespace viaduct::fake {

struct LoggedCall {
  Entry entry;
  std::vector<uint64_t> handles;
};

class Guest {
 public:
  // Loads the guest driver; makes an instance, a device with every extension, and an object of each type that
  // has no generic way to be made. Ends the program with status 3 and a line if that fails.
  explicit Guest(const char* library);

  PFN_vkVoidFunction find(const char* name) const;
  template <class F>
  F get(const char* name) const {
    return reinterpret_cast<F>(find(name));
  }

  // Tells the fake driver something (recorder.hpp).
  void instruct(const std::string& text);
  // What the driver was called with since the last time; false if the session is lost.
  bool read_log(std::vector<LoggedCall>& calls);
  // The driver's last call of this command since the last reading of the log.
  bool last_call(const char* command, LoggedCall& call);

  // Keeps a handle for later calls.
  void keep(protocol::ObjectType type, uint64_t guest, uint64_t driver);
  void forget(protocol::ObjectType type, uint64_t guest);
  const std::vector<uint64_t>& pool(protocol::ObjectType type) const;
  // The driver's number of a handle of the guest; 0 for null.
  uint64_t driver_number(uint64_t guest) const;

  VkInstance instance = VK_NULL_HANDLE;
  VkPhysicalDevice physical = VK_NULL_HANDLE;
  VkDevice device = VK_NULL_HANDLE;
  VkQueue queue = VK_NULL_HANDLE;
  VkPipeline pipeline = VK_NULL_HANDLE;
  VkCommandBuffer commands = VK_NULL_HANDLE;

 private:
  void make_instance();
  void make_device();
  void make_memory();
  void make_synchronisation();
  void make_descriptors();
  void make_commands();
  void make_pipeline();
  // Keeps what the driver's last call of the command made.
  void keep_made(const char* command, protocol::ObjectType type, uint64_t guest);

  PFN_vkGetInstanceProcAddr get_proc_ = nullptr;
  std::map<protocol::ObjectType, std::vector<uint64_t>> pools_;
  std::map<uint64_t, uint64_t> numbers_;
  VkPipelineLayout layout_ = VK_NULL_HANDLE;
};

// How one call went.
struct Outcome {
  enum class Kind { same, not_seen, inputs_differ, outputs_differ, absent, no_object, lost };
  Kind kind = Kind::same;
  int driver_result = 0;  // what the driver gave, where it was seen
};
const char* to_string(Outcome::Kind kind);

// Calls a command with random arguments and compares. `fail_with` < 0: the driver is told to fail the call
// so.
Outcome attempt(Guest& guest, const protocol::testing::CommandCodec& codec, const Invoker& invoker,
                uint64_t seed, int fail_with = 0);

// The modes of the program.
int walk(Guest& guest, uint64_t first_seed, uint64_t seeds);
int inject(Guest& guest);
int deferred(Guest& guest);
int lose_device(Guest& guest, const std::string& command);

[[noreturn]] void give_up(const std::string& what);
void require(VkResult result, const char* call);

// Why a command is not called with random arguments; null if it is.
const char* exempt(const char* command);

}  // namespace viaduct::fake
