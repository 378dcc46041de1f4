#include "tests/unit/guest/fake_host.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "generated/protocol/commands.hpp"
#include "protocol/wire/record.hpp"
#include "transport/ring/completion.hpp"
#include "transport/stream/unix_stream.hpp"

namespace viaduct::test {
namespace {

template <class T>
T must(Result<T> result) {
  if (!result) std::abort();
  return std::move(*result);
}

transport::RegionLayout layout_of(std::uint64_t arena_size) {
  transport::RegionLayout layout;
  // Few chunks, so that tests run out of them.
  layout.control_size = transport::RegionLayout::kMinControlSize;
  layout.region_size = layout.control_size + arena_size;
  return layout;
}

}  // namespace

std::uint32_t Record::u32(std::size_t offset) const {
  std::uint32_t value;
  std::memcpy(&value, bytes.data() + offset, 4);
  return value;
}

std::uint64_t Record::u64(std::size_t offset) const {
  std::uint64_t value;
  std::memcpy(&value, bytes.data() + offset, 8);
  return value;
}

FakeHost::FakeHost(Answer answer, std::uint64_t arena_size)
    : answer_(std::move(answer)),
      from_guest_(must(transport::EventDoorbell::create_eventfd())),
      to_guest_(must(transport::EventDoorbell::create_eventfd())) {
  const auto layout = layout_of(arena_size);
  UniqueFd memory = must(transport::Region::create_memfd("test", layout));
  UniqueFd guest_memory(::dup(memory.get()));
  region_ = must(transport::Region::initialise(std::move(memory), layout));
  auto sockets = must(transport::make_socket_pair(SOCK_STREAM));
  control_ = std::move(sockets.first);

  waker_ = std::make_unique<transport::PeerWaker>(region_.view().guest().parked, to_guest_);
  consumer_ = std::make_unique<transport::RingConsumer>(region_.view(), *waker_);
  replies_ = std::make_unique<transport::ReplyWriter>(region_.view(), *waker_);
  parker_ = std::make_unique<transport::HostParker>(region_.view(), from_guest_, -1);

  guest::Connection connection;
  connection.control = std::make_unique<transport::UnixStream>(std::move(sockets.second));
  connection.region = must(transport::Region::attach(std::move(guest_memory), layout));
  connection.doorbell_to_host = std::make_unique<transport::EventDoorbell>(UniqueFd(::dup(from_guest_.fd())));
  connection.doorbell_to_guest = std::make_unique<transport::EventDoorbell>(UniqueFd(::dup(to_guest_.fd())));
  session_ = std::make_unique<guest::Session>(std::move(connection));
  thread_ = std::thread([this] { run(); });
}

FakeHost::~FakeHost() {
  session_.reset();
  stop_.store(true);
  from_guest_.ring();
  thread_.join();
}

void FakeHost::run() {
  const auto ready = [this] { return stop_.load() || (!held_.load() && consumer_->has_work()); };
  while (!stop_.load()) {
    (void)parker_->wait(ready, Deadline::after_ms(10));
    transport::Span span;
    while (!held_.load() && !stop_.load() && consumer_->next(span) == transport::RingConsumer::Next::span) {
      consume(span);
    }
  }
}

void FakeHost::consume(const transport::Span& span) {
  std::vector<std::byte> bytes(span.size);
  consumer_->copy_span(span, bytes.data());
  for (std::size_t at = 0; at < bytes.size();) {
    protocol::RecordHeader header;
    std::memcpy(&header, bytes.data() + at, sizeof(header));
    Record record{header.command & ~protocol::kReplyWanted,
                  span.command_buffer_id,
                  {bytes.begin() + static_cast<std::ptrdiff_t>(at),
                   bytes.begin() + static_cast<std::ptrdiff_t>(at + header.size)}};
    if ((header.command & protocol::kReplyWanted) != 0) reply(record.u32(8), record);
    const std::uint32_t slot = completed_slot_.load();
    if (slot != ~0u && record.command == static_cast<std::uint32_t>(protocol::Command::viaductQueueSubmit)) {
      complete(slot, record.u64(record.bytes.size() - 8));
    }
    const std::lock_guard lock(mutex_);
    records_.push_back(std::move(record));
    at += header.size;
  }
  // Only now: records() waits for this.
  consumer_->release();
}

void FakeHost::reply(std::uint32_t slot, const Record& record) {
  std::uint32_t offset = 0;
  if (record.command == static_cast<std::uint32_t>(protocol::Command::viaductFetchReply)) {
    offset = static_cast<std::uint32_t>(record.u64(16));
  } else {
    kept_[slot] = answer_ ? answer_(record) : std::vector<std::byte>{};
  }
  const auto& whole = kept_[slot];
  const std::size_t size = std::min(whole.size() - offset, transport::kReplyPayload);
  if (!replies_->write(slot, {whole.data() + offset, size}, static_cast<std::uint32_t>(whole.size()),
                       offset)) {
    std::abort();
  }
}

std::vector<Record> FakeHost::records() {
  const auto view = region_.view();
  while (transport::load_acquire(view.host().consumed) < transport::load_acquire(view.guest().published)) {
    std::this_thread::yield();
  }
  const std::lock_guard lock(mutex_);
  return records_;
}

void FakeHost::hold(bool held) {
  held_.store(held);
  from_guest_.ring();
}

void FakeHost::complete(std::uint32_t slot, std::uint64_t value, std::int32_t result) {
  transport::store_completion(region_.view().completion(slot), value, result);
  waker_->wake_if_parked();
}

void FakeHost::die() { control_.reset(); }

}  // namespace viaduct::test
