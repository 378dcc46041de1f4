// The guest's side of the recording fake driver: makes calls through the guest driver's own entry points (no
// loader) and compares what it passed and got with what the fake driver at the other end says it was given
// and gave.
//
// One thread. Handles are kept with the driver's number for them, which the driver's log tells, so that
// digests of both sides speak of the same thing.
#pragma once

#include <vulkan/vulkan.h>

#include <compare>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "generated/fake_driver/entries.hpp"
#include "protocol/testing/codec_table.hpp"
#include "tests/fake-driver/recorder.hpp"

namespace viaduct::fake {

struct LoggedCall {
  Entry entry;
  std::vector<uint64_t> handles;
};

// A struct in a chain: which way it went, what is at the head of the chain, and what it is.
struct Link {
  bool output;
  VkStructureType parent;
  VkStructureType type;
  auto operator<=>(const Link&) const = default;
};

// The chains that are known to have arrived, and how often each was tried: what was tried least comes next.
class Coverage {
 public:
  using Tried = std::pair<VkStructureType, VkStructureType>;  // parent, struct

  void add(const Link& link) { links_.insert(link); }
  void tried(const Tried& one, uint32_t times) { tries_[one] += times; }
  uint32_t tries(const Tried& one) const {
    const auto found = tries_.find(one);
    return found == tries_.end() ? 0 : found->second;
  }
  // A line a link: chain in|out PARENT STRUCT.
  void print() const;

 private:
  std::set<Link> links_;
  std::map<Tried, uint32_t> tries_;
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
  // The same for a handle that no later call shall find by chance.
  void know(uint64_t guest, uint64_t driver) { numbers_[guest] = driver; }
  const std::vector<uint64_t>& pool(protocol::ObjectType type) const;
  // The driver's number of a handle of the guest; 0 for null.
  uint64_t driver_number(uint64_t guest) const;

  VkInstance instance = VK_NULL_HANDLE;
  VkPhysicalDevice physical = VK_NULL_HANDLE;
  VkDevice device = VK_NULL_HANDLE;
  VkQueue queue = VK_NULL_HANDLE;
  VkPipeline pipeline = VK_NULL_HANDLE;
  VkCommandBuffer commands = VK_NULL_HANDLE;
  // Objects whose contents are known, kept out of the pools.
  VkPipelineLayout layout = VK_NULL_HANDLE;           // without sets
  VkDescriptorSetLayout set_layout = VK_NULL_HANDLE;  // one storage buffer
  VkDescriptorPool set_pool = VK_NULL_HANDLE;         // room for many sets
  VkRenderPass render_pass = VK_NULL_HANDLE;          // one subpass with colour and depth

  VkPhysicalDeviceMemoryProperties memory{};  // as the guest's driver tells
  uint32_t arena_types() const;               // bits of those types that can be mapped
  uint32_t shadowed_types() const;            // of those, what the driver is not given as imported pages
  std::vector<std::string> instance_extensions;
  std::vector<std::string> device_extensions;
  Coverage coverage;

 private:
  void make_instance();
  void make_device();
  void make_memory();
  void make_synchronisation();
  void make_descriptors();
  void make_commands();
  void make_pipeline();
  void make_render_pass();
  void make_spares();
  // Keeps what the driver's last call of the command made; with kNone it is only known.
  void keep_made(const char* command, protocol::ObjectType type, uint64_t guest);

  PFN_vkGetInstanceProcAddr get_proc_ = nullptr;
  std::map<protocol::ObjectType, std::vector<uint64_t>> pools_;
  std::map<uint64_t, uint64_t> numbers_;
};

// How one call went.
struct Outcome {
  enum class Kind { same, not_seen, inputs_differ, outputs_differ, absent, no_object, lost };
  Kind kind = Kind::same;
  int driver_result = 0;  // what the driver gave, where it was seen
};
const char* to_string(Outcome::Kind kind);

// Records a fill of the buffer's first 64 bytes with ones, submits it and waits; the first result that is not
// a success.
VkResult submit_fill(const Guest& guest, VkBuffer buffer);

// Calls everything that chance can call, for objects of as many types as can be made.
void collect_objects(Guest& guest);

// The modes of the program.
int walk(Guest& guest, uint64_t first_seed, uint64_t seeds);
int directed(Guest& guest);
int offered(Guest& guest);
int inject(const char* library);
int deferred(Guest& guest);
int lose_device(Guest& guest, const std::string& command);

[[noreturn]] void give_up(const std::string& what);
void require(VkResult result, const char* call);

// Whether a command has a directed test (guest_directed.hpp), or none that could be called.
bool is_directed(std::string_view command);

bool is_window_system_extension(std::string_view name);
// An answer's memoryTypeBits in the driver's terms again, if they are what they should be.
void undo_requirements(const Guest& guest, VkMemoryRequirements& requirements, bool in_arena);

}  // namespace viaduct::fake
