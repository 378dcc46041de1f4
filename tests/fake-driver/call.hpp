// One call of the fake driver, from the generated entry points' side: records what came in, makes up what
// goes out.
//
// A generated entry point copies its parameters into the command's args struct, makes a Call, and either
// hands over to semantics.hpp or lets random_outputs() fill what the caller gave room for; made handles are
// new numbers. What is made up depends on the command's name and on how often it was called, so that runs
// repeat.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/arena.hpp"
#include "protocol/testing/codec_table.hpp"
#include "tests/fake-driver/objects.hpp"
#include "tests/fake-driver/recorder.hpp"

namespace viaduct::fake {

// Which types a digest leaves out: there is one of each, and the loader may stand between; the guest's fences
// are not the driver's (a submission gets one of the host's).
inline bool digested(protocol::ObjectType type) {
  return type != protocol::ObjectType::kInstance && type != protocol::ObjectType::kPhysicalDevice &&
         type != protocol::ObjectType::kDevice && type != protocol::ObjectType::kQueue &&
         type != protocol::ObjectType::kFence;
}

// Handles are digested as the driver's own numbers.
class DriverDigest final : public protocol::testing::Digest {
 public:
  using Digest::Digest;
  protocol::ObjectId name(protocol::ObjectType type, bool dispatchable, uint64_t bits) const override;
  protocol::ObjectId made(uint64_t bits, protocol::ObjectId) const override { return bits; }
};

// The guest's names of handles, which a driver does not know: zeros.
protocol::ObjectId* no_ids(std::size_t count);

class Call {
 public:
  Call(protocol::Command command, void* args);

  // What the recorder was told to give, or VK_SUCCESS.
  VkResult injected() const { return injected_; }
  // Fills every output that the caller gave memory for.
  void make_up();
  void made(uint64_t number) { made_.push_back(number); }
  void finish(int32_t result);

 private:
  const protocol::testing::CommandCodec& codec_;
  void* const args_;
  Arena arena_{1u << 20};
  VkResult injected_;
  uint64_t inputs_;
  std::vector<uint64_t> made_;
};

}  // namespace viaduct::fake
