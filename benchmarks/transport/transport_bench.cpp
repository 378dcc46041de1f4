// Costs of the transport's parts, by Google Benchmark. Round trips are between two processes, as in a
// session.
#include <benchmark/benchmark.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <memory>

#include "base/slot_map.hpp"
#include "base/switches.hpp"
#include "transport/region/arena_allocator.hpp"
#include "transport/ring/chunk_pool.hpp"
#include "transport/ring/completion.hpp"
#include "transport/ring/reply.hpp"
#include "transport/ring/ring.hpp"
#include "transport/stream/unix_stream.hpp"
#include "transport/wait/host_parker.hpp"
#include "transport/wait/parker.hpp"

namespace viaduct::transport {
namespace {

constexpr RegionLayout kLayout{kDefaultControlSize + (64u << 20), kDefaultControlSize};

constexpr std::uint64_t kSubmission = 2;  // the command buffer of spans that ask for a completion

// Both ends of a session; serve() forks a host that copies each span out, and answers in slot 0 or completes one.
class Session {
 public:
  Session()
      : region_(std::move(*Region::initialise(std::move(*Region::create_memfd("bench", kLayout)), kLayout))),
        control_(std::move(*make_socket_pair(SOCK_STREAM))),
        to_host_(std::move(*EventDoorbell::create_eventfd())),
        to_guest_(std::move(*EventDoorbell::create_eventfd())) {}
  ~Session() {
    if (host_ <= 0) return;
    control_.first.reset();
    ::waitpid(host_, nullptr, 0);
  }

  void serve() {
    host_ = ::fork();
    if (host_ != 0) {
      control_.second.reset();
      return;
    }
    control_.first.reset();
    PeerWaker waker(view().guest().parked, to_guest_);
    RingConsumer consumer(view(), waker);
    ReplyWriter replies(view(), waker);
    HostParker parker(view(), to_host_, control_.second.get());
    static std::byte copy[1 << 20];
    std::uint64_t completed = 0;
    const std::byte reply[8] = {};
    while (parker.wait([&] { return consumer.has_work(); }) == HostWake::ready) {
      Span span;
      while (consumer.next(span) == RingConsumer::Next::span) {
        consumer.copy_span(span, copy);
        consumer.release();
        if (span.kind == SpanKind::stream) {
          (void)replies.write(0, reply, sizeof(reply));
        } else if (span.command_buffer_id == kSubmission) {
          store_completion(view().completion(0), ++completed);
          waker.wake_if_parked();
        }
      }
    }
    ::_exit(0);
  }

  RegionView view() const { return region_.view(); }
  EventDoorbell& to_host() { return to_host_; }
  EventDoorbell& to_guest() { return to_guest_; }
  int control() const { return control_.first.get(); }

 private:
  Region region_;
  SocketPair control_;
  EventDoorbell to_host_;
  EventDoorbell to_guest_;
  pid_t host_ = -1;
};

// A call: publish 64 bytes, wait for 8. `idle` lets the host fall asleep first, so that it must be woken.
void round_trip(benchmark::State& state, bool idle) {
  Session session;
  session.serve();
  Parker parker(session.view(), session.to_guest(), session.control());
  RingProducer ring(session.view(), session.to_host());
  ReplySlots slots(session.view());
  for (auto _ : state) {
    if (idle) {
      state.PauseTiming();
      while (load_relaxed(session.view().host().parked) == 0) ::usleep(20);
      state.ResumeTiming();
    }
    const std::uint64_t expected = slots.expect(0);
    ring.publish({RegionLayout::kChunkOffset, 64, SpanKind::stream, 0, 0});
    ring.wake_host();
    if (parker.wait([&] { return slots.ready(0, expected); }) != WaitResult::ready)
      state.SkipWithError("lost");
  }
}
void BM_RoundTrip(benchmark::State& state) { round_trip(state, false); }
BENCHMARK(BM_RoundTrip)->UseRealTime();
void BM_RoundTripToASleepingHost(benchmark::State& state) { round_trip(state, true); }
BENCHMARK(BM_RoundTripToASleepingHost)->UseRealTime()->Iterations(2000);
void BM_RoundTripWithoutSpinning(benchmark::State& state) {
  set_switches_for_test("", "no_spin");
  round_trip(state, false);
  set_switches_for_test("", "");
}
BENCHMARK(BM_RoundTripWithoutSpinning)->UseRealTime();

// Bytes per second through full chunks: acquire, fill, publish, retire; the host copies.
void BM_ChunksThroughput(benchmark::State& state) {
  Session session;
  session.serve();
  Parker parker(session.view(), session.to_guest(), session.control());
  RingProducer ring(session.view(), session.to_host());
  ChunkPool pool(session.view());
  for (auto _ : state) {
    auto chunk = pool.acquire();
    while (!chunk) {
      if (parker.wait_consumed(pool.oldest_retired()) != WaitResult::ready)
        return state.SkipWithError("lost");
      chunk = pool.acquire();
    }
    auto* words = reinterpret_cast<std::uint64_t*>(chunk->data);
    for (std::size_t i = 0; i < Chunk::size / 8; ++i) words[i] = i;
    benchmark::ClobberMemory();
    std::uint64_t sequence;
    while ((sequence = ring.publish({chunk->offset, Chunk::size, SpanKind::command_buffer, 1, 0})) == 0) {
      if (parker.wait_consumed(ring.oldest_pending()) != WaitResult::ready)
        return state.SkipWithError("lost");
    }
    ring.wake_host();
    pool.retire(*chunk, sequence);
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations()) *
                          static_cast<std::int64_t>(Chunk::size));
}
BENCHMARK(BM_ChunksThroughput)->UseRealTime();

// Both ends on one thread, so without cache misses: the instructions of publishing and consuming one span.
void BM_PublishAndConsumeOnOneThread(benchmark::State& state) {
  Session session;
  PeerWaker waker(session.view().guest().parked, session.to_guest());
  RingConsumer consumer(session.view(), waker);
  RingProducer ring(session.view(), session.to_host());
  for (auto _ : state) {
    ring.publish({RegionLayout::kChunkOffset, 64, SpanKind::stream, 0, 0});
    ring.wake_host();
    Span span;
    if (consumer.next(span) != RingConsumer::Next::span) state.SkipWithError("no span");
    consumer.release();
  }
}
BENCHMARK(BM_PublishAndConsumeOnOneThread);

// From the publication of a submission to the return of the wait for its completion.
void BM_CompletionWait(benchmark::State& state) {
  Session session;
  session.serve();
  Parker parker(session.view(), session.to_guest(), session.control());
  RingProducer ring(session.view(), session.to_host());
  std::uint64_t value = 0;
  for (auto _ : state) {
    ++value;
    ring.publish({RegionLayout::kChunkOffset, 64, SpanKind::command_buffer, kSubmission, 0});
    ring.wake_host();
    const auto done = [&] { return load_completion(session.view().completion(0)).value >= value; };
    if (parker.wait(done) != WaitResult::ready) return state.SkipWithError("lost");
  }
}
BENCHMARK(BM_CompletionWait)->UseRealTime();

void BM_WaitForWhatIsReady(benchmark::State& state) {
  Session session;
  Parker parker(session.view(), session.to_guest(), session.control());
  store_completion(session.view().completion(0), 1);
  for (auto _ : state) {
    auto result = parker.wait([&] { return load_completion(session.view().completion(0)).value >= 1; });
    benchmark::DoNotOptimize(result);
  }
}
BENCHMARK(BM_WaitForWhatIsReady);

void BM_ArenaAllocateAndFree64KiB(benchmark::State& state) {
  ArenaAllocator arena(kLayout.arena_offset(), kLayout.arena_size());
  // Some hundred live spans with holes between them, as in a running program.
  std::vector<std::uint64_t> live;
  for (int i = 0; i < 400; ++i) live.push_back(*arena.allocate(64 << 10));
  for (std::size_t i = 0; i < live.size(); i += 3) arena.free(live[i]);
  for (auto _ : state) {
    auto span = arena.allocate(64 << 10);
    benchmark::DoNotOptimize(span);
    arena.free(*span);
  }
}
BENCHMARK(BM_ArenaAllocateAndFree64KiB);

void BM_IdAllocateAndRelease(benchmark::State& state) {
  IdAllocator ids;
  for (auto _ : state) {
    std::uint64_t id = ids.allocate();
    benchmark::DoNotOptimize(id);
    ids.release(id);
  }
}
BENCHMARK(BM_IdAllocateAndRelease);

}  // namespace
}  // namespace viaduct::transport
