// One connection of this process to the host: region, ring, channel, and what the guest knows about its
// objects.
//
// A process has at most one session; instances share it by reference count, and it ends with the last of
// them. A child of fork has none: what it inherited is marked lost before any of its code runs (the region is
// its parent's), and an instance it creates gets a session of its own. A session is never destroyed at exit:
// the host sees the process go.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>

#include "guest-icd/memory/arena_spans.hpp"
#include "guest-icd/objects/external_handles.hpp"
#include "guest-icd/objects/object_tables.hpp"
#include "guest-icd/session/channel.hpp"
#include "guest-icd/session/connection.hpp"
#include "transport/ring/completion.hpp"
#include "transport/wait/doorbell.hpp"

namespace viaduct::guest {

class Session {
 public:
  /// This process's session, connected now if there is none; nullptr when there is no host (one line is
  /// logged).
  static std::shared_ptr<Session> acquire() noexcept;

  explicit Session(Connection connection);
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  ~Session();

  Channel& channel() noexcept { return channel_; }
  ObjectTables& objects() noexcept { return *objects_; }
  ArenaSpans& arena() noexcept { return arena_; }
  ExternalHandles& external_handles() noexcept { return external_handles_; }
  transport::RegionView region() const noexcept { return view_; }
  const KnownCommands& known_commands() const noexcept { return connection_.known; }
  bool lost() const noexcept { return channel_.lost(); }
  std::uint32_t id() const noexcept { return connection_.session_id; }

  /// Whether a call that the host answers only when others have acted may be sent. Each holds a reply slot,
  /// and who lets it go on may need one as well. true: end_blocking_call() follows.
  bool begin_blocking_call() noexcept {
    if (blocking_calls_.fetch_add(1, std::memory_order_relaxed) < kBlockingCalls) return true;
    end_blocking_call();
    return false;
  }
  void end_blocking_call() noexcept { blocking_calls_.fetch_sub(1, std::memory_order_relaxed); }

  /// A completion slot for a new queue and the value its counting starts at; nullopt when all are taken.
  struct QueueSlot {
    std::uint32_t index;
    std::uint64_t initial_value;
  };
  std::optional<QueueSlot> take_queue_slot() noexcept;
  /// `value`: the queue's last. A slot whose loss was latched is not used again.
  void return_queue_slot(std::uint32_t index, std::uint64_t value) noexcept;

 private:
  Connection connection_;
  transport::RegionView view_;
  transport::Parker parker_;
  transport::RingProducer ring_;
  transport::ChunkPool chunks_;
  transport::ReplySlots replies_;
  ArenaSpans arena_;
  std::unique_ptr<ObjectTables> objects_;
  Channel channel_;
  ExternalHandles external_handles_;

  static constexpr std::uint32_t kBlockingCalls = transport::kReplySlots * 3 / 4;
  std::atomic<std::uint32_t> blocking_calls_{0};

  std::mutex slots_mutex_;
  std::array<bool, transport::kCompletionSlots> slot_taken_{};
  std::array<std::uint64_t, transport::kCompletionSlots> slot_value_{};
};

}  // namespace viaduct::guest
