// MirrorOutbox and MirrorInbox: the two directions of a mirror's stream.
//
// The outbox gathers messages and sends them in one go; its owner holds a lock around every call. Sending
// waits for the peer to read, which it always does: an inbox's thread never sends. When the stream breaks,
// the outbox drops what it is given and says so.
//
// Once told that the peer unpacks, the outbox packs what is quicker sent packed
// (transport/mirror/packing.hpp).
//
// The inbox reads on its own thread until the stream ends or a message makes no sense; it believes no length.
// With an Lz4 it unpacks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <type_traits>
#include <vector>

#include "transport/mirror/link_rate.hpp"
#include "transport/mirror/lz4.hpp"
#include "transport/mirror/message.hpp"
#include "transport/mirror/packing.hpp"

namespace viaduct::transport {

class MirrorOutbox {
 public:
  explicit MirrorOutbox(int socket) : socket_(socket), rate_(socket) {}

  // The peer unpacks. May throw std::bad_alloc.
  void start_packing(const Lz4& lz4) { packer_.emplace(lz4); }
  bool packs() const noexcept { return packer_.has_value(); }

  void add(MirrorKind kind, std::span<const std::byte> head, std::span<const std::byte> tail = {});
  template <class Head>
  requires(std::is_trivially_copyable_v<Head> &&
           !std::is_convertible_v<Head, std::span<const std::byte>>) void add(MirrorKind kind,
                                                                              const Head& head,
                                                                              std::span<const std::byte>
                                                                                  tail = {}) {
    add(kind, std::as_bytes(std::span(&head, 1)), tail);
  }
  // The region's bytes [offset, offset + size), which nobody changes meanwhile.
  void add_bytes(std::uint64_t offset, std::span<const std::byte> bytes);
  // Returns when the kernel has taken everything, or the stream is broken.
  void send() noexcept;

  bool broken() const noexcept { return broken_; }
  std::uint64_t sent_bytes() const noexcept { return sent_bytes_; }

 private:
  static constexpr std::size_t kSendAt = std::size_t{256} << 10;

  void push(std::span<const std::byte> bytes) noexcept;

  const int socket_;
  LinkRate rate_;
  std::optional<Packer> packer_;
  std::vector<std::byte> waiting_;
  bool broken_ = false;
  std::uint64_t sent_bytes_ = 0;
};

class MirrorInbox {
 public:
  // Null: go on; otherwise why the message makes no sense.
  using Handle = std::function<const char*(MirrorKind, std::span<const std::byte>)>;
  // Called when everything that had arrived is handled, before it waits for more.
  using Pause = std::function<void()>;

  // `lz4` outlives this; null: packed messages are not known. May throw std::bad_alloc.
  explicit MirrorInbox(int socket, const Lz4* lz4);
  // Null: the stream ended; otherwise what was malformed.
  const char* run(const Handle& handle, const Pause& pause);

 private:
  const char* take_message(MirrorKind kind, std::span<const std::byte> payload, const Handle& handle);

  const int socket_;
  std::optional<Unpacker> unpacker_;
};

// Takes a struct off the front of a payload; false if it is too short.
template <class T>
[[nodiscard]] bool take(std::span<const std::byte>& payload, T& value) noexcept {
  static_assert(std::is_trivially_copyable_v<T>);
  if (payload.size() < sizeof(T)) return false;
  __builtin_memcpy(&value, payload.data(), sizeof(T));
  payload = payload.subspan(sizeof(T));
  return true;
}

}  // namespace viaduct::transport
