#include "transport/ring/ring.hpp"

#include <cstring>

namespace viaduct::transport {

RingProducer::RingProducer(RegionView region, Doorbell& to_host) noexcept
    : region_(region),
      waker_(region.host().parked, to_host),
      published_(load_relaxed(region.guest().published)) {}

std::uint64_t RingProducer::publish(const Span& span) noexcept {
  if (published_ - consumed_seen_ >= kRingCapacity) {
    consumed_seen_ = consumed();
    if (published_ - consumed_seen_ >= kRingCapacity) return 0;
  }
  const std::uint64_t sequence = published_ + 1;
  RingDescriptor& descriptor = region_.descriptor(sequence);
  store_relaxed(descriptor.offset, span.offset);
  store_relaxed(descriptor.size, span.size);
  store_relaxed(descriptor.kind, static_cast<std::uint32_t>(span.kind));
  store_relaxed(descriptor.command_buffer_id, span.command_buffer_id);
  store_relaxed(descriptor.sequence, sequence);
  published_ = sequence;
  region_.order_stores();
  store_release(region_.guest().published,
                sequence);  // pairs with next()'s load: the span's bytes and descriptor
  return sequence;
}

RingConsumer::RingConsumer(RegionView region, PeerWaker& to_guest, std::uint32_t max_span) noexcept
    : region_(region), to_guest_(to_guest), max_span_(max_span) {}

RingConsumer::Next RingConsumer::set_error(const char* reason, std::uint64_t offset,
                                           std::uint64_t size) noexcept {
  error_ = {reason, consumed_ + 1, offset, size};
  return Next::error;
}

RingConsumer::Next RingConsumer::next(Span& span) noexcept {
  if (error_.reason != nullptr) return Next::error;
  if (published_ == consumed_) {
    const std::uint64_t published = load_acquire(region_.guest().published);
    if (published == consumed_) return Next::empty;
    // Also catches a counter that went back: the difference wraps.
    if (published - consumed_ > kRingCapacity) return set_error("published counter jumped", published);
    published_ = published;
  }
  const std::uint64_t sequence = consumed_ + 1;
  const RingDescriptor& shared = region_.descriptor(sequence);
  RingDescriptor own;  // read once; the shared one may change from here on
  own.offset = load_relaxed(shared.offset);
  own.size = load_relaxed(shared.size);
  own.kind = load_relaxed(shared.kind);
  own.command_buffer_id = load_relaxed(shared.command_buffer_id);
  own.sequence = load_relaxed(shared.sequence);

  if (own.sequence != sequence) return set_error("descriptor sequence mismatch", own.offset, own.size);
  const bool is_stream = own.kind == static_cast<std::uint32_t>(SpanKind::stream);
  if (!is_stream && own.kind != static_cast<std::uint32_t>(SpanKind::command_buffer)) {
    return set_error("unknown span kind", own.offset, own.size);
  }
  if (is_stream != (own.command_buffer_id == 0)) {
    return set_error("command buffer id does not fit the span kind", own.offset, own.size);
  }
  if (own.size == 0 || own.size % 8 != 0 || own.offset % 8 != 0) {
    return set_error("span is empty or not aligned", own.offset, own.size);
  }
  if (own.size > max_span_) return set_error("span exceeds the limit", own.offset, own.size);
  if (own.offset < RegionLayout::kChunkOffset || !region_.contains(own.offset, own.size)) {
    return set_error("span outside the region", own.offset, own.size);
  }
  span = {own.offset, own.size, static_cast<SpanKind>(own.kind), own.command_buffer_id, sequence};
  return Next::span;
}

void RingConsumer::copy_span(const Span& span, std::byte* to) const noexcept {
  std::memcpy(to, region_.bytes(span.offset), span.size);
}

void RingConsumer::release(std::uint64_t sequence) noexcept {
  const std::lock_guard lock(release_mutex_);
  if (sequence != released_ + 1) {
    released_early_.set(sequence % kRingCapacity);
    return;
  }
  for (;;) {
    ++released_;
    const std::size_t next = (released_ + 1) % kRingCapacity;
    if (!released_early_.test(next)) break;
    released_early_.reset(next);
  }
  store_release(region_.host().consumed,
                released_);  // the copies are done before the guest may write there again
  full_fence();              // pairs with the parker's, after consumed_wanted and parked
  const std::uint64_t wanted = load_relaxed(region_.guest().consumed_wanted);
  if (wanted != 0 && released_ >= wanted) to_guest_.wake_after_fence();
}

}  // namespace viaduct::transport
