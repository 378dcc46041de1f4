// What a session's guest has exported: the driver's file descriptors, kept on the host under numbers that the
// guest chose. The application of the guest holds a descriptor of its own that stands for the number.
//
// The numbers are the guest's and prove nothing: an import finds a payload of this session, of its own kind
// and of the same physical device, or fails. Bounded, so that neither descriptors nor memory leak: a payload
// goes when the guest releases it, when the session ends at the latest. The decode thread only.
#pragma once

#include "base/unique_fd.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <unordered_map>

namespace viaduct::host {

class Session;

// Device memory counted against the session's limit for as long as somebody can reach it: the allocation,
// what was exported from it, what imported that.
class HeldMemory {
 public:
  // `bytes` were taken (Session::take_device_memory); the session outlives this.
  HeldMemory(Session& session, std::uint64_t bytes) noexcept : session_(session), bytes_(bytes) {}
  ~HeldMemory();
  HeldMemory(const HeldMemory&) = delete;
  HeldMemory& operator=(const HeldMemory&) = delete;

 private:
  Session& session_;
  std::uint64_t bytes_;
};

struct Payload {
  enum class Kind { kMemory, kSemaphore };
  Kind kind = Kind::kMemory;
  UniqueFd fd;               // the driver's, OPAQUE_FD
  std::size_t physical = 0;  // which of the driver's devices
  std::uint64_t size = 0;    // memory only, as are the next two
  std::uint32_t guest_type = 0;
  std::shared_ptr<HeldMemory> held;
};

struct CommandContext;

// Whether there may be one more payload, of this number. A number in use is bad data.
bool may_export(CommandContext& ctx, std::uint64_t number);

class Payloads {
 public:
  static constexpr std::size_t kMost = 1024;

  bool full() const noexcept { return all_.size() >= kMost; }
  std::size_t size() const noexcept { return all_.size(); }
  bool contains(std::uint64_t number) const { return all_.contains(number); }
  void insert(std::uint64_t number, Payload payload) { all_.emplace(number, std::move(payload)); }
  const Payload* find(std::uint64_t number, Payload::Kind kind) const {
    const auto found = all_.find(number);
    return found != all_.end() && found->second.kind == kind ? &found->second : nullptr;
  }
  void erase(std::uint64_t number) { all_.erase(number); }
  void clear() { all_.clear(); }

 private:
  std::unordered_map<std::uint64_t, Payload> all_;
};

}  // namespace viaduct::host
