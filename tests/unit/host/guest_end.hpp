// The guest's end of a session on plain memory, for the worker's tests: writes records by hand, publishes
// spans, reads replies and completions. The worker runs on a thread of its own in the same process.
#pragma once

#include "generated/protocol/args.hpp"
#include "generated/protocol/commands.hpp"
#include "generated/protocol/requests.hpp"
#include "host-renderer/worker/session_loop.hpp"
#include "protocol/wire/writer.hpp"
#include "tests/unit/host/fake_vulkan.hpp"
#include "transport/ring/completion.hpp"
#include "transport/ring/reply.hpp"
#include "transport/ring/ring.hpp"

#include <sys/socket.h>

#include <array>
#include <cstring>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

namespace viaduct::host::testing {

using protocol::Command;
using protocol::make_id;
using protocol::ObjectId;
using protocol::ObjectType;

// Bytes of one or more records. `encode` is a generic lambda over the sink that calls a write_request_vkX.
class Records {
 public:
  template <class Encode>
  Records& add(Command command, const Encode& encode, int slot = -1) {
    const std::size_t start = slot >= 0 ? protocol::kCallHeaderSize : protocol::kPostHeaderSize;
    protocol::SizeCounter counter(start);
    encode(counter);
    std::vector<std::byte> record(counter.finish());
    protocol::Writer writer(record.data(), start);
    encode(writer);
    writer.finish();
    std::uint32_t header[4] = {static_cast<std::uint32_t>(command), static_cast<std::uint32_t>(record.size()),
                               0, 0};
    if (slot >= 0) {
      header[0] |= protocol::kReplyWanted;
      header[2] = static_cast<std::uint32_t>(slot);
    }
    std::memcpy(record.data(), header, start);
    bytes.insert(bytes.end(), record.begin(), record.end());
    return *this;
  }
  std::vector<std::byte> bytes;
};

// VIADUCT_TEST_CALL(vkX, params...): the two first arguments of Records::add.
#define VIADUCT_TEST_CALL(name, ...)  \
  ::viaduct::protocol::Command::name, \
      [&](auto& sink) { ::viaduct::protocol::write_request_##name(sink, __VA_ARGS__); }

struct GuestEndOptions {
  std::uint32_t api_version = VK_API_VERSION_1_3;  // the driver's
  std::vector<ProbeResult> probes{};               // none: the shadow
  Command other_form = Command::kCount;            // a command that this guest encodes in a way of its own
  unsigned recorder_threads = 0;                   // if any, every command buffer's span is handed to them
};

class GuestEnd {
 public:
  static constexpr transport::RegionLayout kLayout{transport::kDefaultControlSize + (1u << 20),
                                                   transport::kDefaultControlSize};

  explicit GuestEnd(const GuestEndOptions& options = {});
  ~GuestEnd();

  // Publishes a span and wakes the worker.
  void send(const Records& records, ObjectId command_buffer = 0);
  void send_raw(const std::vector<std::byte>& bytes, ObjectId command_buffer = 0);
  // The reply of the next call on this slot; empty when the session ends first.
  std::vector<std::byte> reply(std::uint32_t slot);
  // Waits until the slot has reached the value or failed; gives the result.
  std::int32_t completion(std::uint32_t slot, std::uint64_t value);
  // Waits until everything sent was executed, or the session has ended.
  void settle();
  // Closes the guest's end and gives how the session ended.
  const SessionOutcome& finish();
  bool ended() const { return ended_.load(); }

  // Names, indices by hand.
  static ObjectId id(ObjectType type, std::uint32_t index = 0, std::uint32_t generation = 1) {
    return make_id(type, std::uint64_t{generation} << 32 | index);
  }
  // An instance, its GPU, a device, a queue on kSlot, a pool and a command buffer, all posted.
  void make_device() { send(device_records()); }
  Records device_records();
  static constexpr std::uint32_t kSlot = 3;
  // The instance that device_records() makes enables VK_EXT_debug_utils.
  void enable_debug_utils() { debug_utils_ = true; }
  void enable_device_extension(const char* name) { device_extensions_.push_back(name); }
  VkInstance instance() { return reinterpret_cast<VkInstance>(&instance_); }
  VkPhysicalDevice gpu() { return reinterpret_cast<VkPhysicalDevice>(&gpu_); }
  VkDevice device() { return reinterpret_cast<VkDevice>(&device_); }
  VkQueue queue() { return reinterpret_cast<VkQueue>(&queue_); }
  VkCommandBuffer command_buffer() { return reinterpret_cast<VkCommandBuffer>(&command_buffer_); }
  ObjectId command_buffer_id() const { return command_buffer_.id; }
  template <class Handle>
  static Handle handle(ObjectType type, std::uint32_t index = 0, std::uint32_t generation = 1) {
    return protocol::handle_from_bits<Handle>(id(type, index, generation));
  }
  // A submission of the command buffer (or of nothing) that reaches `value`.
  void submit(std::uint64_t value, bool with_commands = false);

  // The region's arena.
  std::byte* arena() { return view_.bytes(kLayout.arena_offset()); }
  Session& session() { return *session_; }
  StatsPage& stats() { return stats_; }

 private:
  std::unique_ptr<std::byte, void (*)(std::byte*)> memory_;
  transport::RegionView view_;
  std::unique_ptr<transport::EventDoorbell> to_host_, to_guest_;
  int sockets_[2] = {-1, -1};
  StatsPage stats_{};
  Driver driver_;
  std::unique_ptr<transport::PeerWaker> waker_;
  std::unique_ptr<GuestMemory> guest_memory_;
  std::unique_ptr<Session> session_;
  std::unique_ptr<Executor> executor_;
  std::unique_ptr<transport::RingConsumer> ring_;
  std::unique_ptr<transport::RingProducer> producer_;
  std::unique_ptr<transport::ReplySlots> replies_;
  std::array<std::uint64_t, transport::kReplySlots> read_{};
  protocol::DispatchableHeader instance_{nullptr, id(ObjectType::kInstance)};
  protocol::DispatchableHeader gpu_{nullptr, id(ObjectType::kPhysicalDevice)};
  protocol::DispatchableHeader device_{nullptr, id(ObjectType::kDevice)};
  protocol::DispatchableHeader queue_{nullptr, id(ObjectType::kQueue)};
  protocol::DispatchableHeader command_buffer_{nullptr, id(ObjectType::kCommandBuffer)};
  bool debug_utils_ = false;
  std::vector<const char*> device_extensions_;
  std::uint64_t at_ = 0;  // next free byte of the chunk area, used round and round
  std::thread worker_;
  std::atomic<bool> ended_{false};
  SessionOutcome outcome_;
};

}  // namespace viaduct::host::testing
