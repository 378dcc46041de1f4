// A guest's and a worker's ends of a mirror in one process, over a socket pair, with the parts that each of
// them has. Without an Lz4 nothing is packed.
#pragma once

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <cstring>
#include <memory>

#include "transport/mirror/guest_mirror.hpp"
#include "transport/mirror/host_mirror.hpp"
#include "transport/ring/chunk_pool.hpp"
#include "transport/ring/completion.hpp"
#include "transport/ring/reply.hpp"
#include "transport/stream/unix_stream.hpp"
#include "transport/wait/host_parker.hpp"
#include "transport/wait/parker.hpp"

namespace viaduct::transport {

inline constexpr RegionLayout kLayout{(2 << 20) + (96 << 20), 2 << 20};
inline constexpr std::uint64_t kArena = kLayout.control_size;
inline constexpr std::size_t kRange = std::size_t{64} << 20;

class MirrorTest : public testing::Test {
 protected:
  explicit MirrorTest(const Lz4* guest_lz4 = nullptr, const Lz4* host_lz4 = nullptr)
      : host_(*HostMirror::create(host_region_, pair_.second.get(), host_lz4)),
        guest_(*GuestMirror::start(kLayout, pair_.first.get(), guest_lz4)) {}
  void SetUp() override { ASSERT_TRUE(host_->start()); }

  bool host_gets_span() {
    const auto ready = [this] { return consumer_.has_work(); };
    return host_parker_.wait(ready, Deadline::after_ms(20'000)) == HostWake::ready &&
           consumer_.next(span_) == RingConsumer::Next::span;
  }
  // The guest publishes a span, as for a submission; the host has consumed it when this returns.
  bool submit() {
    guest_->memory_due();
    if (ring_.publish({RegionLayout::kChunkOffset, 64, SpanKind::stream, 0, 0}) == 0) return false;
    ring_.wake_host();
    if (!host_gets_span()) return false;
    consumer_.release();
    return true;
  }
  bool complete() {
    host_->publish_memory();
    store_completion(host_view_.completion(3), ++completed_);
    host_waker_.wake_if_parked();
    const auto done = [this] { return load_completion(guest_view_.completion(3)).value >= completed_; };
    return parker_.wait(done, {.deadline = Deadline::after_ms(20'000)}) == WaitResult::ready;
  }
  bool equal(std::size_t size) const {
    return std::memcmp(guest_view_.bytes(kArena), host_view_.bytes(kArena), size) == 0;
  }
  // Each side in turn writes to the arena, and the other has the same afterwards.
  template <class Scribble>
  void scribble_and_compare(int rounds, std::size_t size, const Scribble& scribble) {
    for (int round = 0; round < rounds; ++round) {
      scribble(guest_view_.bytes(kArena));
      ASSERT_TRUE(submit());
      ASSERT_TRUE(equal(size)) << "round " << round;
      scribble(host_view_.bytes(kArena));
      ASSERT_TRUE(complete());
      ASSERT_TRUE(equal(size)) << "round " << round;
    }
  }

  SocketPair pair_ = *make_socket_pair(SOCK_STREAM);
  Region host_region_ = *Region::initialise(*Region::create_memfd("test-host", kLayout), kLayout);
  std::unique_ptr<HostMirror> host_;
  std::unique_ptr<GuestMirror> guest_;
  RegionView host_view_ = host_region_.view();
  RegionView guest_view_ = guest_->view();

  RingProducer ring_{guest_view_, *guest_};
  Parker parker_{guest_view_, guest_->to_guest(), -1};
  PeerWaker host_waker_{host_view_.guest().parked, *host_};
  RingConsumer consumer_{host_view_, host_waker_};
  HostParker host_parker_{host_view_, host_->to_host(), host_->gone_fd()};
  Span span_;
  std::uint64_t completed_ = 0;
};

}  // namespace viaduct::transport
