// One reply on its way to the guest. The generated code asks for memory of the reply's exact size, fills it
// with a protocol::Writer and commits; what does not fit the reply slot stays here and is fetched piece by
// piece.
//
// Movable, so that a waiter thread can take it along and answer later. One that is dropped without commit
// answers with an empty reply, which the guest reads as a failed call: a guest thread never waits for
// nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace viaduct::host {

// Where replies end up; the session implements it on the region's reply slots, tests on a vector.
class ReplySink {
 public:
  virtual ~ReplySink() = default;
  // Memory of the slot's payload if `size` fits it, otherwise host memory kept for viaductFetchReply; null
  // when the reply is beyond the cap.
  virtual std::byte* reserve_reply(std::uint32_t slot, std::size_t size) noexcept = 0;
  virtual void commit_reply(std::uint32_t slot, std::size_t size) noexcept = 0;
};

class ReplyBuilder {
 public:
  ReplyBuilder() = default;
  ReplyBuilder(ReplySink& sink, std::uint32_t slot) noexcept : sink_(&sink), slot_(slot) {}
  ReplyBuilder(ReplyBuilder&& other) noexcept { *this = static_cast<ReplyBuilder&&>(other); }
  ReplyBuilder& operator=(ReplyBuilder&& other) noexcept {
    abandon();
    sink_ = other.sink_;
    slot_ = other.slot_;
    size_ = other.size_;
    other.sink_ = nullptr;
    return *this;
  }
  ~ReplyBuilder() { abandon(); }

  // 8-aligned memory for the whole reply; null (and an empty answer) if the reply is beyond the cap.
  std::byte* reserve(std::size_t size) noexcept {
    std::byte* memory = sink_ != nullptr ? sink_->reserve_reply(slot_, size) : nullptr;
    size_ = memory != nullptr ? size : 0;
    return memory;
  }

  // Publishes what was reserved and wakes the guest. Nothing happens after that.
  void commit() noexcept {
    if (sink_ != nullptr) {
      sink_->commit_reply(slot_, size_);
      sink_ = nullptr;
    }
  }

  std::uint32_t slot() const noexcept { return slot_; }
  explicit operator bool() const noexcept { return sink_ != nullptr; }

 private:
  void abandon() noexcept {
    if (sink_ != nullptr) {
      size_ = 0;
      commit();
    }
  }

  ReplySink* sink_ = nullptr;
  std::uint32_t slot_ = 0;
  std::size_t size_ = 0;
};

}  // namespace viaduct::host
