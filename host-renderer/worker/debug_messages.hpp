// What the host's driver and its layers say (VK_EXT_debug_utils), on its way to the guest's messengers: kept
// until the guest takes it, for each instance apart, within bounds for the whole session.
//
// Messages come on every thread that calls the driver. Everything else is the decode thread's. Handles become
// the guest's ids on the decode thread, because the object tables are its own: at once for a message that
// comes there (its objects still exist), otherwise when the guest takes it. What is unknown there, and what
// the host's loader says of itself and of the host's files, does not travel.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "host-renderer/objects/object_tables.hpp"
#include "host-renderer/worker/guest_memory.hpp"
#include "protocol/wire/debug_message.hpp"

namespace viaduct::host {

struct Instance;
class DebugMessages;

// Of one instance. Its messengers in the driver have the mailbox's address: who has an instance keeps the
// mailbox.
struct Mailbox {
  struct Kept {
    protocol::DebugMessage message;
    bool translated = false;
    std::size_t bytes = 0;
  };
  explicit Mailbox(DebugMessages& its_owner) noexcept : owner(&its_owner) {}

  DebugMessages* owner;
  std::atomic<VkFlags> severities{0};
  std::atomic<VkFlags> types{0};
  std::deque<Kept> kept;      // under the owner's lock, like the next
  std::uint32_t dropped = 0;  // since the guest last took some
};

class DebugMessages {
 public:
  // Of a session. A guest that takes none has no more of the worker's memory than this.
  static constexpr std::size_t kMaxMessages = 512;
  static constexpr std::size_t kMaxBytes = std::size_t{512} << 10;
  static constexpr std::size_t kMaxMailboxes = 64;

  // Both outlive this.
  DebugMessages(GuestMemory& memory, const ObjectTables& objects) noexcept
      : memory_(memory), objects_(objects) {}

  // Null where the guest never listened to an instance of this id.
  std::shared_ptr<Mailbox> find(protocol::ObjectId instance);
  // instance: the live one of this id, or null.
  void listen(protocol::ObjectId id, Instance* instance, VkFlags severities, VkFlags types);
  // What a vkCreateInstance links into its chain to hear of the instance's creation and end.
  static VkDebugUtilsMessengerCreateInfoEXT messenger_info(Mailbox& mailbox, VkFlags severities) noexcept;
  // Messengers in the driver for the severities that the mailbox wants and the instance does not hear yet.
  static void hear(Instance& instance);
  // Before the instance goes, when nothing of it is in use any more: no messenger may be destroyed beside
  // another call below its instance, so none is before.
  static void stop_hearing(Instance& instance) noexcept;

  // Any thread.
  void add(Mailbox& mailbox, VkFlags severity, VkFlags types,
           const VkDebugUtilsMessengerCallbackDataEXT& data) noexcept;

  struct Taken {
    std::size_t size = 0;
    std::uint32_t remaining = 0;
    std::uint32_t dropped = 0;
  };
  // At most `capacity` bytes to `to` (8-aligned).
  Taken take(protocol::ObjectId instance, std::byte* to, std::size_t capacity);

 private:
  void translate(Mailbox::Kept& kept) const;
  void forget_all(Mailbox& mailbox) noexcept;

  GuestMemory& memory_;
  const ObjectTables& objects_;
  std::thread::id decode_thread_;
  std::mutex mutex_;  // guards what follows, and the mailboxes' lists
  std::map<protocol::ObjectId, std::shared_ptr<Mailbox>> mailboxes_;
  std::size_t kept_messages_ = 0;
  std::size_t kept_bytes_ = 0;
  std::uint32_t told_ = 0;  // HostWords.messages
};

}  // namespace viaduct::host
