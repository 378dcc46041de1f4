// Everything that one guest process has on the host: its objects, its place in the region, its statistics,
// and the way back to it (replies, completions, the session's status).
//
// Objects belong to the decode thread, and those that a command buffer names to the recorders too while they
// record it. Replies may be committed from any thread (one at a time a slot),
// completions come from the queues' threads. Nothing here knows processes or sockets: tests make a session on
// plain memory with a driver of their own.
#pragma once

#include "base/unique_fd.hpp"
#include "host-renderer/daemon/stats_page.hpp"
#include "host-renderer/memory/probe.hpp"
#include "host-renderer/objects/invalid_command_buffers.hpp"
#include "host-renderer/objects/object_tables.hpp"
#include "host-renderer/objects/objects.hpp"
#include "host-renderer/objects/payloads.hpp"
#include "host-renderer/queue/completion.hpp"
#include "host-renderer/queue/completion_watch.hpp"
#include "host-renderer/queue/waiters.hpp"
#include "host-renderer/worker/compile_threads.hpp"
#include "host-renderer/worker/debug_messages.hpp"
#include "host-renderer/worker/driver.hpp"
#include "host-renderer/worker/guest_memory.hpp"
#include "host-renderer/worker/reply_builder.hpp"

#include <bitset>
#include <memory>
#include <string>
#include <vector>

namespace viaduct::transport {
class MemoryPublisher;
}

namespace viaduct::host {

struct SessionOptions {
  std::uint32_t max_objects = 1u << 20;   // of one type
  std::uint64_t device_memory_bytes = 0;  // 0: the driver's limit
  std::string gpu;                        // name or index; empty: all
  std::uint32_t guest_api_version =
      VK_HEADER_VERSION_COMPLETE;   // the registry that the guest's driver was built from
  RegionFile region;                // for imports
  std::vector<ProbeResult> probes;  // by the driver's order; missing ones are shadowed
  GpuGate* gate = nullptr;          // before submissions; null: none, and nobody measures their time
  transport::MemoryPublisher* publisher =
      nullptr;  // of the device's writes, where the guest's region is another
};

// More than any program has; each of them costs the driver memory that no table bounds.
inline constexpr std::size_t kMaxInstances = 64;
inline constexpr std::size_t kMaxDevices = 64;

class Session final : public CompletionSink {
 public:
  // `driver`, `memory` and `stats` outlive the session.
  Session(const Driver& driver, GuestMemory& memory, StatsPage& stats, SessionOptions options);
  ~Session() override;

  const Driver& driver() const noexcept { return driver_; }
  GuestMemory& memory() noexcept { return memory_; }
  StatsPage& stats() noexcept { return stats_; }
  ObjectTables& objects() noexcept { return objects_; }
  DebugMessages& messages() noexcept { return messages_; }
  Waiters& waiters() noexcept { return *waiters_; }
  CompileThreads& compile_threads() noexcept { return compile_threads_; }
  const SessionOptions& options() const noexcept { return options_; }

  // What the guest has exported.
  Payloads& payloads() noexcept { return payloads_; }
  // From now on memory of one device may be mapped as another's too.
  void share_mappings() noexcept { shares_mappings_ = true; }
  // What the guest wrote into shadowed memory becomes the driver's: the device's, and with shared mappings
  // all.
  void guest_to_driver(Device& device) noexcept;

  // Instances own the devices, devices the queues: dropping one drops what is below it and its names.
  std::vector<std::unique_ptr<Instance>>& instances() noexcept { return instances_; }
  void drop(Instance& instance) noexcept;
  void drop(Device& device) noexcept;

  // Whether any command buffer may be executed by another. Decode thread.
  void note_secondaries() noexcept { has_secondaries_ = true; }
  bool has_secondaries() const noexcept { return has_secondaries_; }

  CompletionWatch& completion_watch() noexcept { return watch_; }
  GpuGate* gate() noexcept override { return options_.gate; }
  InvalidCommandBuffers& invalid_command_buffers() noexcept { return invalid_; }

  // A completion slot has one queue at a time, which bounds the threads that a guest can cause.
  bool take_completion_slot(std::uint32_t slot) noexcept;

  // Device memory against the session's limit; false: refuse the allocation.
  bool take_device_memory(std::uint64_t bytes) noexcept;
  void give_device_memory(std::uint64_t bytes) noexcept;
  std::uint64_t device_memory_used() const noexcept { return device_memory_used_; }
  void count_arena(std::int64_t bytes) noexcept;
  // Decode thread.
  void count_present() noexcept;

  // Latches the loss of the queue's device; later submissions are not given to the driver.
  void lose(Queue& queue, const char* why) noexcept;
  void lose(Device& device, const char* why) noexcept;

  void before_completion(Device& device) noexcept override;
  void complete(std::uint32_t slot, std::uint64_t value) noexcept override;
  void fail(std::uint32_t slot, VkResult result) noexcept override;

 private:
  const Driver& driver_;
  GuestMemory& memory_;
  StatsPage& stats_;
  SessionOptions options_;
  ObjectTables objects_;
  CompileThreads compile_threads_;
  DebugMessages messages_;
  std::vector<std::unique_ptr<Instance>> instances_;
  InvalidCommandBuffers invalid_;
  CompletionWatch watch_;
  std::bitset<transport::kCompletionSlots> completion_slots_;
  std::uint64_t device_memory_used_ = 0;
  std::uint64_t arena_used_ = 0;
  std::uint64_t last_present_ns_ = 0;  // 0: none yet
  Payloads payloads_;                  // after what it counts
  bool shares_mappings_ = false;
  bool has_secondaries_ = false;
  std::unique_ptr<Waiters> waiters_;  // first to go: its jobs use devices
};

}  // namespace viaduct::host
