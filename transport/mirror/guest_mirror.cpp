#include "transport/mirror/guest_mirror.hpp"

#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>
#include <new>
#include <system_error>
#include <utility>

#include "base/log.hpp"

namespace viaduct::transport {

namespace {

// A thread in an application's process must not run the application's signal handlers.
class SignalsBlocked {
 public:
  SignalsBlocked() noexcept {
    sigset_t all;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~SignalsBlocked() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;

 private:
  sigset_t before_;
};

}  // namespace

Result<std::unique_ptr<GuestMirror>> GuestMirror::start(const RegionLayout& layout, int socket,
                                                        const Lz4* lz4) {
  auto region = Region::create_private(layout);
  std::unique_ptr<PageTracker> written;
  if (region) written = PageTracker::start(region->view().base(), layout.region_size);
  if (!written) {
    auto file = Region::create_memfd("viaduct-mirror", layout);
    if (!file) return tl::unexpected(file.error());
    region = Region::initialise(std::move(*file), layout);
    if (!region) return tl::unexpected(region.error());
  }
  auto to_guest = EventDoorbell::create_eventfd();
  if (!to_guest) return tl::unexpected(to_guest.error());
  std::unique_ptr<GuestMirror> mirror(
      new GuestMirror(std::move(*region), std::move(written), std::move(*to_guest), socket, lz4));
  if (!mirror->ranges_.usable()) return fail(Errc::limit, "mirror: no address space for the snapshot", errno);
  try {
    const SignalsBlocked blocked;
    mirror->thread_ = std::thread([self = mirror.get()] { self->receive(); });
  } catch (const std::system_error& error) {
    return fail(Errc::limit, "mirror: no thread", error.code().value());
  }
  return mirror;
}

GuestMirror::GuestMirror(Region region, std::unique_ptr<PageTracker> written, UniqueFd to_guest, int socket,
                         const Lz4* lz4)
    : region_(std::move(region)),
      written_(std::move(written)),
      view_(region_.view()),
      socket_(socket),
      lz4_(lz4),
      to_guest_(std::move(to_guest)),
      waker_(view_.guest().parked, to_guest_),
      ranges_(region_, written_.get()),
      outbox_(socket) {
  store_relaxed(view_.host().parked, rings_);
}

GuestMirror::~GuestMirror() {
  ::shutdown(socket_, SHUT_RDWR);
  if (thread_.joinable()) thread_.join();
}

std::uint64_t GuestMirror::sent_bytes() noexcept {
  const std::lock_guard lock(send_mutex_);
  return outbox_.sent_bytes();
}

// ---- guest to host ----

bool GuestMirror::track(std::uint64_t token, std::uint64_t offset, std::uint64_t size) noexcept {
  try {
    const MirrorTrack range{token, offset, size};
    const std::lock_guard lock(news_mutex_);
    news_.push_back({MirrorKind::track, range});
    if (ranges_.track(range, false)) return true;
    news_.pop_back();
  } catch (const std::bad_alloc&) {
  }
  return false;
}

void GuestMirror::untrack(std::uint64_t token) noexcept {
  const std::lock_guard lock(news_mutex_);
  if (!ranges_.untrack(token)) return;
  try {
    news_.push_back({MirrorKind::untrack, {token, 0, 0}});
  } catch (const std::bad_alloc&) {  // the range is lost to this session; nothing else breaks
  }
}

void GuestMirror::ring() noexcept {
  const std::lock_guard lock(send_mutex_);
  // First the number, then the look: who publishes after the look rings again.
  store_relaxed(view_.host().parked, ++rings_);
  full_fence();
  const std::uint64_t published = load_acquire(view_.guest().published);
  if (outbox_.broken()) return;
  try {
    agree_on_packing();
    send_news();
    if (memory_due_.exchange(false, std::memory_order_acq_rel)) send_memory();
    send_spans(published);
    outbox_.send();
  } catch (const std::bad_alloc&) {
    VIADUCT_LOG_ERROR("mirror", "no memory to send with; the session is lost");
    ::shutdown(socket_, SHUT_RDWR);
  }
}

// The host's word comes first, and only from one that this guest's hello has told of it.
void GuestMirror::agree_on_packing() {
  if (outbox_.packs() || !host_unpacks_.load(std::memory_order_relaxed)) return;
  outbox_.add(MirrorKind::unpacks, kPackedAsLz4);
  // As it is: what follows may be packed already.
  outbox_.send();
  outbox_.start_packing(*lz4_);
}

void GuestMirror::send_news() {
  {
    const std::lock_guard lock(news_mutex_);
    sending_.swap(news_);
  }
  for (const News& news : sending_) {
    if (news.kind == MirrorKind::track) {
      outbox_.add(news.kind, news.range);
      ranges_.announced(news.range.token);
    } else {
      outbox_.add(news.kind, news.range.token);
    }
  }
  sending_.clear();
}

void GuestMirror::send_memory() {
  MirroredRanges::Pass pass;
  pass.mapped_only = true;
  while (!outbox_.broken() && ranges_.collect(pass, patch_))
    outbox_.add(MirrorKind::patch, std::span<const std::byte>(patch_));
}

void GuestMirror::send_spans(std::uint64_t published) {
  for (; sent_ < published; ++sent_) {
    const RingDescriptor descriptor = view_.descriptor(sent_ + 1);
    outbox_.add_bytes(descriptor.offset, {view_.bytes(descriptor.offset), descriptor.size});
    outbox_.add(MirrorKind::publish, descriptor);
  }
}

// ---- host to guest ----

void GuestMirror::receive() noexcept {
  const char* wrong = nullptr;
  try {
    MirrorInbox inbox(socket_, lz4_);
    wrong = inbox.run(
        [this](MirrorKind kind, std::span<const std::byte> payload) { return handle(kind, payload); },
        [this] { waker_.wake_if_parked(); });
  } catch (const std::exception&) {
    wrong = "no memory to receive with";
  }
  if (wrong != nullptr) VIADUCT_LOG_ERROR("mirror", "the host's stream makes no sense: %s", wrong);
  ::shutdown(socket_, SHUT_RDWR);
  if (load_relaxed(view_.host().session_status) == static_cast<std::uint32_t>(SessionStatus::running)) {
    store_release(view_.host().session_status, static_cast<std::uint32_t>(SessionStatus::ended));
  }
  waker_.wake_if_parked();
}

const char* GuestMirror::handle(MirrorKind kind, std::span<const std::byte> payload) noexcept {
  switch (kind) {
    case MirrorKind::words: {
      MirrorWords words;
      if (!take(payload, words) || !payload.empty()) return "words of the wrong size";
      if (words.consumed > load_acquire(view_.guest().published)) return "consumed what was not published";
      store_release(view_.host().consumed, words.consumed);
      store_release(view_.host().messages, words.messages);
      store_release(view_.host().session_status, words.session_status);
      return nullptr;
    }
    case MirrorKind::completion: {
      MirrorCompletion completion;
      if (!take(payload, completion) || !payload.empty()) return "a completion of the wrong size";
      if (completion.slot >= kCompletionSlots) return "a completion slot that does not exist";
      CompletionSlot& slot = view_.completion(completion.slot);
      store_release(slot.result, completion.result);
      store_release(slot.value, completion.value);
      return nullptr;
    }
    case MirrorKind::reply:
      return take_reply(payload);
    case MirrorKind::patch:
      return ranges_.apply(payload) == MirroredRanges::Applied::malformed ? "a malformed patch" : nullptr;
    case MirrorKind::unpacks: {
      std::uint32_t how;
      if (!take(payload, how) || !payload.empty()) return "a word about packing of the wrong size";
      if (lz4_ != nullptr && how == kPackedAsLz4) host_unpacks_.store(true, std::memory_order_relaxed);
      return nullptr;
    }
    default:
      return "a message that no host sends";
  }
}

const char* GuestMirror::take_reply(std::span<const std::byte> payload) noexcept {
  MirrorReply reply;
  if (!take(payload, reply)) return "a reply's header is cut off";
  if (reply.slot >= kReplySlots || reply.size > kReplyPayload || payload.size() != reply.size) {
    return "a reply of the wrong size";
  }
  ReplySlot& slot = view_.reply(reply.slot);
  if (!payload.empty()) std::memcpy(slot.payload, payload.data(), payload.size());
  store_relaxed(slot.size, reply.size);
  store_relaxed(slot.total_size, reply.total_size);
  store_relaxed(slot.flags, reply.flags);
  store_release(slot.sequence, reply.sequence);
  return nullptr;
}

}  // namespace viaduct::transport
