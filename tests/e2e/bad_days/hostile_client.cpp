// A guest that breaks the rules: `hostile_client MODE [SEED]`, against the host that $VIADUCT_URL names. Each
// mode breaks one rule and prints how the host ended it: "closed", "refused CODE MESSAGE", "status N",
// "hang-up". "nothing happened" means that the host let it pass. The exit status is 0 unless the set-up
// failed.
#include <poll.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <map>
#include <random>
#include <thread>

#include "protocol/control/handshake.hpp"
#include "protocol/wire/object_id.hpp"
#include "tests/e2e/bad_days/hostile_session.hpp"
#include "transport/stream/frame.hpp"
#include "transport/wait/atomics.hpp"

namespace viaduct::bad_days {
namespace {

constexpr int kPatienceMs = 10'000;

using Bytes = std::vector<std::byte>;

Bytes noise(std::mt19937& random, std::size_t size) {
  Bytes bytes(size);
  for (std::byte& byte : bytes) byte = static_cast<std::byte>(random());
  return bytes;
}

void send_all(transport::Stream& stream, std::span<const std::byte> bytes) {
  // The host may hang up in the middle: that is an answer, not an error.
  (void)stream.send(bytes, {}, Deadline::after_ms(2000));
}

Bytes header(transport::FrameKind kind, uint32_t size) {
  const transport::FrameHeader made = transport::make_frame_header(kind, size);
  Bytes bytes(sizeof(made));
  std::memcpy(bytes.data(), &made, sizeof(made));
  return bytes;
}

// Reads what the host answers to a broken handshake.
void say_answer(transport::Stream& stream) {
  auto frame = read_frame(stream, Deadline::after_ms(kPatienceMs));
  if (!frame) {
    std::printf("%s\n", frame.error().code == Errc::timeout ? "nothing happened" : "closed");
    return;
  }
  if (frame->kind != transport::FrameKind::refused) {
    std::printf("frame %u\n", static_cast<unsigned>(frame->kind));
    return;
  }
  const auto refusal = protocol::decode_refusal(frame->payload);
  if (!refusal) {
    std::printf("a refusal that cannot be read\n");
    return;
  }
  std::printf("refused %u %s\n", static_cast<unsigned>(refusal->code), refusal->message.c_str());
}

void silent() {
  const auto stream = connect_to_host();
  say_answer(*stream);
}

void garbage_hello(std::mt19937& random) {
  const auto stream = connect_to_host();
  send_all(*stream, noise(random, 4096));
  say_answer(*stream);
}

void half_frame() {
  const auto stream = connect_to_host();
  send_all(*stream, header(transport::FrameKind::session_hello, 60'000));
  send_all(*stream, Bytes(100));
  say_answer(*stream);
}

void huge_frame() {
  const auto stream = connect_to_host();
  Bytes bytes = header(transport::FrameKind::session_hello, 16);
  const uint32_t size = UINT32_MAX;
  std::memcpy(bytes.data() + offsetof(transport::FrameHeader, payload_size), &size, sizeof(size));
  send_all(*stream, bytes);
  say_answer(*stream);
}

// A frame whose payload is the honest hello with one word replaced.
void hello_with_word(std::size_t offset, uint32_t value) {
  const auto stream = connect_to_host();
  Bytes hello = honest_hello();
  std::memcpy(hello.data() + offset, &value, sizeof(value));
  send_all(*stream, header(transport::FrameKind::session_hello, static_cast<uint32_t>(hello.size())));
  send_all(*stream, hello);
  say_answer(*stream);
}

void empty_hello() {
  const auto stream = connect_to_host();
  send_all(*stream, header(transport::FrameKind::session_hello, 0));
  say_answer(*stream);
}

void admin_garbage(std::mt19937& random) {
  const auto stream = connect_to_host();
  send_all(*stream, header(transport::FrameKind::admin_request, 512));
  send_all(*stream, noise(random, 512));
  auto frame = read_frame(*stream, Deadline::after_ms(kPatienceMs));
  std::printf("%s\n", frame                                 ? "answered"
                      : frame.error().code == Errc::timeout ? "nothing happened"
                                                            : "closed");
}

// A host that is asked by many clients who then say nothing still serves the others.
void many_silent() {
  std::vector<std::unique_ptr<transport::Stream>> streams;
  for (int i = 0; i < 200; ++i) streams.push_back(connect_to_host());
  std::printf("connected %zu\n", streams.size());
  std::fflush(stdout);
  std::this_thread::sleep_for(std::chrono::seconds(3));
}

void finish(HostileSession& session) { std::printf("%s\n", session.wait_for_end(kPatienceMs).c_str()); }

void random_stream(std::mt19937& random) {
  HostileSession session;
  for (int i = 0; i < 64 && !session.over(); ++i) session.publish(noise(random, 8 * (1 + random() % 1024)));
  finish(session);
}

// Well-formed headers, random bodies: as deep into the decoders as noise gets.
void random_records(std::mt19937& random) {
  HostileSession session;
  for (int i = 0; i < 256 && !session.over(); ++i) {
    Bytes bytes = noise(random, 8 * (2 + random() % 64));
    const uint32_t command = random() % 700;
    const auto size = static_cast<uint32_t>(bytes.size());
    std::memcpy(bytes.data(), &command, sizeof(command));
    std::memcpy(bytes.data() + 4, &size, sizeof(size));
    session.publish(bytes);
  }
  finish(session);
}

// One vkCreateInstance, right in everything but the counts.
void absurd_count(uint32_t layers, uint32_t layer_names, uint32_t extension_names) {
  HostileSession session;
  Record record("vkCreateInstance", true);
  record.u32(1).u32(0).u32(0).u32(0);   // pCreateInfo, its chain's end, flags, no pApplicationInfo
  record.u32(layers).u32(layer_names);  // enabledLayerCount, elements of ppEnabledLayerNames
  record.u32(extension_names).u32(extension_names);
  record.u64(protocol::make_id(protocol::ObjectType::kInstance, uint64_t{1} << 32));
  session.publish(record.finish());
  finish(session);
}

void long_chain() {
  HostileSession session;
  Record record("vkCreateInstance", true);
  record.u32(1);
  for (int i = 0; i < 200'000; ++i) record.u32(1000061000).u32(0).u32(0);  // VkValidationFlagsEXT, empty
  record.u32(0);
  session.publish(record.finish());
  finish(session);
}

void unknown_command() {
  HostileSession session;
  Bytes bytes = Record("vkCreateInstance", false).finish();
  const uint32_t command = 0x7fffffff;
  std::memcpy(bytes.data(), &command, sizeof(command));
  session.publish(bytes);
  finish(session);
}

void record_with_size(uint32_t size) {
  HostileSession session;
  session.publish(Record("vkDeviceWaitIdle", false).u64(0).finish(size));
  finish(session);
}

void descriptor(const std::function<void(transport::RingDescriptor&, const transport::RegionView&)>& spoil) {
  HostileSession session;
  transport::RingDescriptor made{};
  made.offset = session.region().layout().chunk_offset(0);
  made.size = 64;
  made.kind = static_cast<uint32_t>(transport::SpanKind::stream);
  spoil(made, session.region());
  session.publish_raw(made);
  finish(session);
}

void published_is(uint64_t value) {
  HostileSession session;
  session.publish(Record("vkEnumerateInstanceVersion", true).u32(1).finish());
  const Deadline deadline = Deadline::after_ms(kPatienceMs);
  while (transport::load_acquire(session.region().host().consumed) == 0 && !deadline.expired()) {
    std::this_thread::yield();
  }
  transport::store_release(session.region().guest().published, value);
  session.wake();
  finish(session);
}

// The guest rewrites a span while the host may be reading it.
void rewrite_while_read(std::mt19937& random) {
  HostileSession session;
  std::atomic<bool> stop{false};
  std::thread scribbler([&session, &stop, seed = random()] {
    std::mt19937 own(seed);
    std::byte* target = session.region().chunk(0);
    while (!stop) {
      for (std::size_t i = 0; i < 4096; i += 4) {
        const uint32_t word = own() % 4096;
        std::memcpy(target + i, &word, sizeof(word));
      }
    }
  });
  for (int i = 0; i < 2000 && !session.over(); ++i) {
    session.publish_raw({session.region().layout().chunk_offset(0), 4096, 1, 0, 0});
  }
  finish(session);
  stop = true;
  scribbler.join();
}

// Everything that a guest can write in the control area, as noise.
void scribble_control_area(std::mt19937& random) {
  HostileSession session;
  const std::size_t size = session.region().layout().control_size;
  const Bytes bytes = noise(random, 65536);
  for (std::size_t at = 0; at + bytes.size() <= size; at += bytes.size()) {
    std::memcpy(session.region().base() + at, bytes.data(), bytes.size());
  }
  session.wake();
  finish(session);
}

// Names objects far above what a session may have: tables must not grow to that size.
void far_ids() {
  HostileSession session;
  for (uint32_t i = 0; i < 1000 && !session.over(); ++i) {
    Record record("vkCreateInstance", false);
    record.u32(1).u32(0).u32(0).u32(0).u32(0).u32(0).u32(0).u32(0);
    record.u64(protocol::make_id(protocol::ObjectType::kInstance, uint64_t{1} << 32 | (0xffffffU - i)));
    session.publish(record.finish());
  }
  finish(session);
}

void fetch_nothing() {
  HostileSession session;
  session.publish(Record("viaductFetchReply", true).u64(UINT64_MAX - 7).finish());
  finish(session);
}

void wrong_reply_slot() {
  HostileSession session;
  Bytes bytes = Record("vkEnumerateInstanceVersion", true).u32(1).finish();
  const uint32_t slot = 0xffffff;
  std::memcpy(bytes.data() + 8, &slot, sizeof(slot));
  session.publish(bytes);
  finish(session);
}

void unknown_command_buffer() {
  HostileSession session;
  session.publish(Record("vkEndCommandBuffer", false).finish(), transport::SpanKind::command_buffer,
                  0x123456789);
  finish(session);
}

// Says hello and nothing more.
void stay() {
  HostileSession session;
  std::printf("here\n");
  std::fflush(stdout);
  session.wait_for_end(60'000);
}

using Mode = std::function<void(std::mt19937&)>;

const std::map<std::string, Mode>& modes() {
  using transport::RegionView;
  using transport::RingDescriptor;
  static const std::map<std::string, Mode> kModes = {
      {"silent", [](auto&) { silent(); }},
      {"garbage-hello", garbage_hello},
      {"half-frame", [](auto&) { half_frame(); }},
      {"huge-frame", [](auto&) { huge_frame(); }},
      {"wrong-version", [](auto&) { hello_with_word(0, 999); }},
      {"old-guest", [](auto&) { hello_with_word(0, 2); }},
      {"hello-command-count", [](auto&) { hello_with_word(12, UINT32_MAX); }},
      {"empty-hello", [](auto&) { empty_hello(); }},
      {"admin-garbage", admin_garbage},
      {"many-silent", [](auto&) { many_silent(); }},
      {"random-stream", random_stream},
      {"random-records", random_records},
      {"count-huge", [](auto&) { absurd_count(UINT32_MAX, UINT32_MAX, 0); }},
      {"count-beyond-record", [](auto&) { absurd_count(1000, 1000, 0); }},
      {"count-without-elements", [](auto&) { absurd_count(0x40000000, 1, 0); }},
      {"count-of-strings", [](auto&) { absurd_count(0, 0, 0x10000000); }},
      {"long-chain", [](auto&) { long_chain(); }},
      {"unknown-command", [](auto&) { unknown_command(); }},
      {"record-beyond-span", [](auto&) { record_with_size(1 << 20); }},
      {"record-of-no-size", [](auto&) { record_with_size(4); }},
      {"record-unaligned", [](auto&) { record_with_size(13); }},
      {"offset-outside",
       [](auto&) { descriptor([](RingDescriptor& d, const RegionView&) { d.offset = ~0ULL - 63; }); }},
      {"offset-over-host-words",
       [](auto&) { descriptor([](RingDescriptor& d, const RegionView&) { d.offset = 512; }); }},
      {"size-beyond-region",
       [](auto&) {
         descriptor([](RingDescriptor& d, const RegionView& r) { d.offset = r.layout().region_size - 32; });
       }},
      {"size-huge",
       [](auto&) { descriptor([](RingDescriptor& d, const RegionView&) { d.size = UINT32_MAX & ~7U; }); }},
      {"size-zero", [](auto&) { descriptor([](RingDescriptor& d, const RegionView&) { d.size = 0; }); }},
      {"size-unaligned",
       [](auto&) { descriptor([](RingDescriptor& d, const RegionView&) { d.size = 13; }); }},
      {"kind-unknown", [](auto&) { descriptor([](RingDescriptor& d, const RegionView&) { d.kind = 77; }); }},
      {"sequence-wrong",
       [](auto&) { descriptor([](RingDescriptor& d, const RegionView&) { d.sequence = 9; }); }},
      {"published-far", [](auto&) { published_is(1ULL << 60); }},
      {"published-back", [](auto&) { published_is(0); }},
      {"rewrite-while-read", rewrite_while_read},
      {"scribble", scribble_control_area},
      {"far-ids", [](auto&) { far_ids(); }},
      {"fetch-nothing", [](auto&) { fetch_nothing(); }},
      {"wrong-reply-slot", [](auto&) { wrong_reply_slot(); }},
      {"stay", [](auto&) { stay(); }},
      {"unknown-command-buffer", [](auto&) { unknown_command_buffer(); }},
  };
  return kModes;
}

}  // namespace
}  // namespace viaduct::bad_days

int main(int argc, char** argv) {
  const auto& modes = viaduct::bad_days::modes();
  const auto mode = modes.find(argc > 1 ? argv[1] : "");
  if (mode == modes.end()) {
    for (const auto& entry : modes) std::printf("%s\n", entry.first.c_str());
    return argc > 1 ? 2 : 0;
  }
  std::mt19937 random(argc > 2 ? static_cast<uint32_t>(std::atoi(argv[2])) : 1);
  mode->second(random);
  return 0;
}
