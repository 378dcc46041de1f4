#include "tests/fake-driver/call.hpp"

#include <array>
#include <atomic>
#include <iterator>

namespace viaduct::fake {
namespace {

using protocol::Command;
using protocol::testing::CommandCodec;

const CommandCodec& codec_of(Command command) {
  static const auto kByCommand = [] {
    std::array<const CommandCodec*, protocol::kCommandCount> table{};
    for (const CommandCodec& codec : protocol::testing::kCommandCodecs) {
      table[static_cast<std::size_t>(codec.command)] = &codec;
    }
    return table;
  }();
  return *kByCommand[static_cast<std::size_t>(command)];
}

uint64_t count_call(Command command) {
  static std::array<std::atomic<uint64_t>, protocol::kCommandCount> calls{};
  return calls[static_cast<std::size_t>(command)].fetch_add(1, std::memory_order_relaxed);
}

}  // namespace

protocol::ObjectId DriverDigest::name(protocol::ObjectType type, bool dispatchable, uint64_t bits) const {
  if (!digested(type)) return 0;
  return dispatchable ? digest_of(reinterpret_cast<VkCommandBuffer>(bits)) : bits;
}

Call::Call(Command command, void* args)
    : codec_(codec_of(command)), args_(args), injected_(Recorder::get().next_result(codec_.name)) {
  DriverDigest digest(false);
  codec_.digest_inputs(digest, args_);
  inputs_ = digest.result();
}

void Call::make_up() {
  const uint64_t seed = protocol::kCommandInfo[static_cast<std::size_t>(codec_.command)].name_hash;
  protocol::testing::Rng rng(seed << 20 | count_call(codec_.command), arena_);
  codec_.random_outputs(rng, args_);
}

protocol::ObjectId* no_ids(std::size_t count) {
  // Never moved while a call is running: nobody asks a fake driver for more at once.
  static protocol::ObjectId zeros[65536] = {};
  return count <= std::size(zeros) ? zeros : nullptr;
}

void Call::finish(int32_t result) {
  Entry entry;
  entry.name_hash = protocol::kCommandInfo[static_cast<std::size_t>(codec_.command)].name_hash;
  entry.result = result;
  entry.inputs = inputs_;
  DriverDigest digest(true);
  codec_.digest_outputs(digest, args_);
  entry.outputs = digest.result();
  Recorder::get().add(entry, made_);
}

}  // namespace viaduct::fake
