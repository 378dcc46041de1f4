#include "transport/mirror/host_mirror.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <exception>
#include <new>
#include <system_error>
#include <utility>

#include "base/log.hpp"
#include "transport/ring/completion.hpp"

namespace viaduct::transport {

Result<std::unique_ptr<HostMirror>> HostMirror::create(const Region& region, int socket, const Lz4* lz4) {
  auto to_host = EventDoorbell::create_eventfd();
  if (!to_host) return tl::unexpected(to_host.error());
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return fail(Errc::io, "mirror: pipe", errno);
  std::unique_ptr<HostMirror> mirror(
      new HostMirror(region, std::move(*to_host), UniqueFd(ends[0]), UniqueFd(ends[1]), socket, lz4));
  if (!mirror->ranges_.usable()) return fail(Errc::limit, "mirror: no address space for the snapshot", errno);
  return mirror;
}

HostMirror::HostMirror(const Region& region, UniqueFd to_host, UniqueFd gone, UniqueFd alive, int socket,
                       const Lz4* lz4)
    : view_(region.view()),
      socket_(socket),
      lz4_(lz4),
      to_host_(*this, std::move(to_host)),
      gone_(std::move(gone)),
      alive_(std::move(alive)),
      waker_(view_.host().parked, to_host_),
      ranges_(region),
      outbox_(socket) {
  store_relaxed(view_.guest().parked, rings_);
  store_relaxed(view_.guest().consumed_wanted, kTellConsumed);
}

Result<> HostMirror::start() {
  try {
    if (lz4_ != nullptr) {
      const std::lock_guard lock(send_mutex_);
      outbox_.add(MirrorKind::unpacks, kPackedAsLz4);
      outbox_.send();
    }
    thread_ = std::thread([this] { receive(); });
  } catch (const std::system_error& error) {
    return fail(Errc::limit, "mirror: no thread", error.code().value());
  } catch (const std::bad_alloc&) {
    return fail(Errc::limit, "mirror: no memory to send with");
  }
  return {};
}

HostMirror::~HostMirror() {
  ::shutdown(socket_, SHUT_RDWR);
  if (thread_.joinable()) thread_.join();
}

std::uint64_t HostMirror::sent_bytes() noexcept {
  const std::lock_guard lock(send_mutex_);
  return outbox_.sent_bytes();
}

// ---- guest to host ----

void HostMirror::receive() noexcept {
  const char* wrong = nullptr;
  try {
    MirrorInbox inbox(socket_, lz4_);
    wrong = inbox.run(
        [this](MirrorKind kind, std::span<const std::byte> payload) { return handle(kind, payload); },
        [this] { waker_.wake_if_parked(); });
  } catch (const std::exception&) {
    wrong = "no memory to receive with";
  }
  error_.store(wrong, std::memory_order_release);
  // Ends the waits of those who send.
  ::shutdown(socket_, SHUT_RD);
  alive_.reset();
}

const char* HostMirror::handle(MirrorKind kind, std::span<const std::byte> payload) noexcept {
  switch (kind) {
    case MirrorKind::track: {
      MirrorTrack range;
      if (!take(payload, range) || !payload.empty()) return "a range's message has the wrong size";
      try {
        return ranges_.track(range, true) ? nullptr : "a range that cannot be mirrored";
      } catch (const std::bad_alloc&) {
        return "no memory for a range";
      }
    }
    case MirrorKind::untrack: {
      std::uint64_t token;
      if (!take(payload, token) || !payload.empty()) return "a range's message has the wrong size";
      return ranges_.untrack(token) ? nullptr : "a range that does not exist";
    }
    case MirrorKind::patch:
      return ranges_.apply(payload) == MirroredRanges::Applied::yes ? nullptr : "a malformed patch";
    case MirrorKind::bytes:
      return take_bytes(payload);
    case MirrorKind::publish:
      return take_descriptor(payload);
    case MirrorKind::unpacks: {
      std::uint32_t how;
      if (!take(payload, how) || !payload.empty()) return "a word about packing of the wrong size";
      if (lz4_ == nullptr || how != kPackedAsLz4) return "packing that was not offered";
      guest_unpacks_.store(true, std::memory_order_relaxed);
      return nullptr;
    }
    default:
      return "a message that no guest sends";
  }
}

const char* HostMirror::take_bytes(std::span<const std::byte> payload) noexcept {
  std::uint64_t offset;
  if (!take(payload, offset)) return "a span's bytes are cut off";
  if (offset < RegionLayout::kChunkOffset || !view_.contains(offset, payload.size())) {
    return "a span's bytes lie outside of chunks and arena";
  }
  if (!payload.empty()) std::memcpy(view_.bytes(offset), payload.data(), payload.size());
  return nullptr;
}

const char* HostMirror::take_descriptor(std::span<const std::byte> payload) noexcept {
  RingDescriptor descriptor;
  if (!take(payload, descriptor) || !payload.empty()) return "a descriptor of the wrong size";
  const std::uint64_t sequence = published_ + 1;
  if (descriptor.sequence != sequence) return "a descriptor out of its order";
  if (sequence - load_acquire(view_.host().consumed) > kRingCapacity)
    return "more descriptors than the ring has";
  RingDescriptor& shared = view_.descriptor(sequence);
  store_relaxed(shared.offset, descriptor.offset);
  store_relaxed(shared.size, descriptor.size);
  store_relaxed(shared.kind, descriptor.kind);
  store_relaxed(shared.command_buffer_id, descriptor.command_buffer_id);
  store_relaxed(shared.sequence, sequence);
  published_ = sequence;
  asleep_.store(false, std::memory_order_relaxed);
  store_release(view_.guest().published, sequence);
  return nullptr;
}

// ---- host to guest ----

void HostMirror::fail_sending() noexcept {
  VIADUCT_LOG_ERROR("mirror", "no memory to send with; the session ends");
  ::shutdown(socket_, SHUT_RDWR);
}

void HostMirror::ring() noexcept {
  const std::lock_guard lock(send_mutex_);
  // First the number, then the look: who stores something after the look rings again.
  store_relaxed(view_.guest().parked, ++rings_);
  full_fence();
  if (outbox_.broken()) return;
  try {
    start_packing();
    send_completions();
    send_replies();
    send_words();
    outbox_.send();
  } catch (const std::bad_alloc&) {
    fail_sending();
  }
}

void HostMirror::tell_consumed() noexcept {
  asleep_.store(true, std::memory_order_relaxed);
  ring();
}

void HostMirror::start_packing() {
  if (guest_unpacks_.load(std::memory_order_relaxed) && !outbox_.packs()) outbox_.start_packing(*lz4_);
}

void HostMirror::send_completions() {
  for (std::uint32_t i = 0; i < kCompletionSlots; ++i) {
    const Completion now = load_completion(view_.completion(i));
    MirrorCompletion& known = completions_[i];
    if (now.value == known.value && now.result == known.result) continue;
    known = {i, now.result, now.value};
    outbox_.add(MirrorKind::completion, known);
  }
}

void HostMirror::send_replies() {
  for (std::uint32_t i = 0; i < kReplySlots; ++i) {
    const ReplySlot& slot = view_.reply(i);
    const std::uint64_t sequence = load_acquire(slot.sequence);
    if (sequence == replies_[i]) continue;
    replies_[i] = sequence;
    MirrorReply reply{sequence, i, load_relaxed(slot.size), load_relaxed(slot.total_size),
                      load_relaxed(slot.flags)};
    outbox_.add(MirrorKind::reply, reply, {slot.payload, reply.size});
  }
}

void HostMirror::send_words() {
  for (;;) {
    const HostWords& host = view_.host();
    const MirrorWords now{load_acquire(host.consumed), load_acquire(host.session_status),
                          load_acquire(host.messages)};
    if (now != words_) outbox_.add(MirrorKind::words, now);
    words_ = now;
    const std::uint64_t patience = asleep_.load(std::memory_order_relaxed) ? 1 : kTellConsumed;
    store_relaxed(view_.guest().consumed_wanted, now.consumed + patience);
    full_fence();  // pairs with RingConsumer::release's
    if (load_acquire(host.consumed) - now.consumed < patience) return;
  }
}

void HostMirror::publish_memory() noexcept {
  const std::lock_guard lock(send_mutex_);
  try {
    start_packing();
    MirroredRanges::Pass pass;
    while (!outbox_.broken() && ranges_.collect(pass, patch_))
      outbox_.add(MirrorKind::patch, std::span<const std::byte>(patch_));
  } catch (const std::bad_alloc&) {
    fail_sending();
  }
}

}  // namespace viaduct::transport
