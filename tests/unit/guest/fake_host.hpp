// A host in the test's own process: a real region, ring and doorbells, and a thread that consumes spans,
// keeps copies of the records and answers those that want a reply.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "guest-icd/session/session.hpp"
#include "transport/ring/reply.hpp"
#include "transport/ring/ring.hpp"
#include "transport/wait/host_parker.hpp"

namespace viaduct::test {

struct Record {
  std::uint32_t command = 0;
  std::uint64_t command_buffer = 0;  // 0: from a stream span
  std::vector<std::byte> bytes;      // the header included

  std::uint32_t u32(std::size_t offset) const;
  std::uint64_t u64(std::size_t offset) const;
};

class FakeHost {
 public:
  // Gives the reply's bytes for a record that wants one.
  using Answer = std::function<std::vector<std::byte>(const Record&)>;

  explicit FakeHost(Answer answer = {}, std::uint64_t arena_size = 4u << 20);
  ~FakeHost();

  guest::Session& session() { return *session_; }
  guest::Channel& channel() { return session_->channel(); }

  // Everything consumed so far. Waits until the ring is empty first.
  std::vector<Record> records();
  // While held, nothing is consumed.
  void hold(bool held);
  // Completes each submission (of no batches) to this slot's queue as soon as it is read.
  void complete_submissions(std::uint32_t slot) { completed_slot_.store(slot); }
  void complete(std::uint32_t slot, std::uint64_t value, std::int32_t result = 0);
  // As a worker that is killed.
  void die();

 private:
  void run();
  void consume(const transport::Span& span);
  void reply(std::uint32_t slot, const Record& record);

  Answer answer_;
  transport::Region region_;
  UniqueFd control_;
  transport::EventDoorbell from_guest_;
  transport::EventDoorbell to_guest_;
  std::unique_ptr<transport::PeerWaker> waker_;
  std::unique_ptr<transport::RingConsumer> consumer_;
  std::unique_ptr<transport::ReplyWriter> replies_;
  std::unique_ptr<transport::HostParker> parker_;
  std::vector<std::vector<std::byte>> kept_ = std::vector<std::vector<std::byte>>(transport::kReplySlots);

  std::mutex mutex_;
  std::vector<Record> records_;
  std::atomic<std::uint32_t> completed_slot_{~0u};
  std::atomic<bool> held_{false};
  std::atomic<bool> stop_{false};
  std::unique_ptr<guest::Session> session_;
  std::thread thread_;
};

}  // namespace viaduct::test
