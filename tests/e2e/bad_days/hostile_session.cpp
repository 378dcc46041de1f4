#include "tests/e2e/bad_days/hostile_session.hpp"

#include <poll.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <thread>

#include "generated/protocol/commands.hpp"
#include "protocol/control/handshake.hpp"
#include "protocol/wire/record.hpp"
#include "transport/stream/connect.hpp"
#include "transport/stream/frame.hpp"
#include "transport/url.hpp"
#include "transport/wait/atomics.hpp"

namespace viaduct::bad_days {
namespace {

constexpr int kHandshakeMs = 10'000;

[[noreturn]] void give_up(const char* what, const std::string& why) {
  std::printf("unexpected %s: %s\n", what, why.c_str());
  std::fflush(stdout);
  std::_Exit(3);
}

template <class T>
T take(Result<T> result, const char* what) {
  if (!result) give_up(what, to_string(result.error()));
  return std::move(*result);
}

}  // namespace

std::unique_ptr<transport::Stream> connect_to_host() {
  const char* text = std::getenv("VIADUCT_URL");
  const transport::Url url = take(transport::parse_url(text == nullptr ? "" : text), "VIADUCT_URL");
  return take(transport::connect(url, Deadline::after_ms(kHandshakeMs)), "connect");
}

std::vector<std::byte> honest_hello() {
  protocol::Hello hello;
  hello.pid = static_cast<uint32_t>(getpid());
  hello.program = "hostile";
  for (const protocol::CommandInfo& info : protocol::kCommandInfo)
    hello.commands.push_back({info.name_hash, info.form_hash});
  return protocol::encode_hello(hello);
}

HostileSession::HostileSession() : stream_(connect_to_host()) {
  const Deadline deadline = Deadline::after_ms(kHandshakeMs);
  if (auto sent = write_frame(*stream_, transport::FrameKind::session_hello, honest_hello(), {}, deadline);
      !sent) {
    give_up("hello", to_string(sent.error()));
  }
  transport::ReadFrameOptions options;
  options.accept_fds = true;
  transport::Frame frame = take(read_frame(*stream_, deadline, options), "welcome");
  if (frame.kind != transport::FrameKind::welcome || frame.fds.size() < 3)
    give_up("welcome", "another frame");
  const protocol::Welcome welcome = take(protocol::decode_welcome(frame.payload), "welcome");
  const transport::RegionLayout layout{welcome.region_size, welcome.control_size};
  region_ = take(transport::Region::attach(std::move(frame.fds[0]), layout), "region");
  to_host_ = std::make_unique<transport::EventDoorbell>(std::move(frame.fds[1]));
}

void HostileSession::wake() { to_host_->ring(); }

bool HostileSession::over() const {
  return transport::load_acquire(region().host().session_status) != 0 || stream_->hung_up();
}

void HostileSession::publish_raw(transport::RingDescriptor descriptor) {
  while (published_ - transport::load_acquire(region().host().consumed) >= transport::kRingCapacity &&
         !over()) {
    wake();
    std::this_thread::yield();
  }
  ++published_;
  if (descriptor.sequence == 0) descriptor.sequence = published_;
  std::memcpy(&region().descriptor(published_), &descriptor, sizeof(descriptor));
  transport::store_release(region().guest().published, published_);
  wake();
}

void HostileSession::publish(std::span<const std::byte> bytes, transport::SpanKind kind,
                             uint64_t command_buffer) {
  // Large spans borrow the arena; small ones take the chunks in turn, overwriting what may not be consumed
  // yet.
  transport::RingDescriptor descriptor{};
  if (bytes.size() <= transport::kChunkSize) {
    descriptor.offset = region().layout().chunk_offset(next_chunk_);
    next_chunk_ = (next_chunk_ + 1) % region().layout().chunk_count();
  } else {
    descriptor.offset = region().layout().arena_offset();
  }
  if (!region().contains(descriptor.offset, bytes.size())) give_up("publish", "the region is too small");
  std::memcpy(region().bytes(descriptor.offset), bytes.data(), bytes.size());
  descriptor.size = static_cast<uint32_t>(bytes.size());
  descriptor.kind = static_cast<uint32_t>(kind);
  descriptor.command_buffer_id = command_buffer;
  publish_raw(descriptor);
}

std::string HostileSession::wait_for_end(int timeout_ms) {
  const Deadline deadline = Deadline::after_ms(timeout_ms);
  while (!deadline.expired()) {
    const uint32_t status = transport::load_acquire(region().host().session_status);
    if (status != 0) return "status " + std::to_string(status);
    if (stream_->hung_up()) return "hang-up";
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return "nothing happened";
}

Record::Record(const char* command, bool reply) {
  uint32_t index = UINT32_MAX;
  uint32_t i = 0;
  for (const protocol::CommandInfo& info : protocol::kCommandInfo) {
    if (std::strcmp(info.name, command) == 0) index = i;
    ++i;
  }
  if (index == UINT32_MAX) give_up("command", command);
  u32(reply ? index | protocol::kReplyWanted : index).u32(0);
  if (reply) u32(0).u32(0);
}

Record& Record::u32(uint32_t value) {
  const auto* raw = reinterpret_cast<const std::byte*>(&value);
  bytes_.insert(bytes_.end(), raw, raw + sizeof(value));
  return *this;
}

Record& Record::u64(uint64_t value) {
  return u32(static_cast<uint32_t>(value)).u32(static_cast<uint32_t>(value >> 32));
}

std::vector<std::byte> Record::finish(uint32_t wrong_size) {
  bytes_.resize((bytes_.size() + 7) / 8 * 8);
  const uint32_t size = wrong_size != 0 ? wrong_size : static_cast<uint32_t>(bytes_.size());
  std::memcpy(bytes_.data() + 4, &size, sizeof(size));
  return bytes_;
}

}  // namespace viaduct::bad_days
