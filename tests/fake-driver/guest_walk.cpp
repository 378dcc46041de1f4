#include <algorithm>
#include <cstdio>
#include <cstring>
#include <memory>
#include <set>

#include "base/arena.hpp"
#include "generated/protocol/args.hpp"
#include "protocol/wire/object_id.hpp"
#include "tests/fake-driver/call.hpp"
#include "tests/fake-driver/guest.hpp"

namespace viaduct::fake {
namespace {

using protocol::ObjectId;
using protocol::ObjectType;
using protocol::testing::CommandCodec;

// Random arguments whose handles are real.
class PoolRng final : public protocol::testing::Rng {
 public:
  // `made` is what the command makes: its own name for that is of no interest.
  PoolRng(uint64_t seed, Arena& arena, const Guest& guest, ObjectType made)
      : Rng(seed, arena), guest_(guest), made_(made) {}

  uint64_t choose_handle(ObjectType type, bool) override {
    const auto& pool = guest_.pool(type);
    if (pool.empty()) {
      missing = missing || type != made_;
      return 0;
    }
    last_type = type;
    last = pool[below(static_cast<uint32_t>(pool.size()))];
    return last;
  }

  bool missing = false;
  ObjectType last_type = ObjectType::kNone;
  uint64_t last = 0;

 private:
  const Guest& guest_;
  const ObjectType made_;
};

// What the guest passed and got, in the driver's numbers; collects what was made.
class NumberedDigest final : public protocol::testing::Digest {
 public:
  NumberedDigest(bool with_outputs, const Guest& guest, std::vector<uint64_t>& made, const LoggedCall* call)
      : Digest(with_outputs), guest_(guest), made_(made), call_(call) {}

  ObjectId name(ObjectType type, bool, uint64_t bits) const override {
    return digested(type) ? guest_.driver_number(bits) : 0;
  }
  ObjectId made(uint64_t bits, ObjectId) const override {
    const std::size_t place = made_.size();
    made_.push_back(bits);
    // The guest named it; the driver's log says which number that is.
    return call_ != nullptr && place < call_->handles.size() && bits != 0 ? call_->handles[place] : bits;
  }

 private:
  const Guest& guest_;
  std::vector<uint64_t>& made_;
  const LoggedCall* call_;
};

bool ends_an_object(const char* name) {
  return std::strncmp(name, "vkDestroy", 9) == 0 ||
         std::strcmp(name, "vkReleasePerformanceConfigurationINTEL") == 0;
}

// Arguments that the specification lets be garbage here, and the guest therefore clears.
void clear_garbage(protocol::Command command, void* args) {
  if (command == protocol::Command::vkCreateComputePipelines) {
    const auto& a = *static_cast<protocol::vkCreateComputePipelines_args*>(args);
    for (uint32_t i = 0; a.pCreateInfos != nullptr && i < a.createInfoCount; ++i) {
      auto& info = const_cast<VkComputePipelineCreateInfo&>(a.pCreateInfos[i]);  // from this test's own arena
      info.basePipelineHandle = VK_NULL_HANDLE;
    }
  }
  // The host refuses results that cannot fit their memory.
  if (command == protocol::Command::vkGetQueryPoolResults) {
    auto& a = *static_cast<protocol::vkGetQueryPoolResults_args*>(args);
    a.queryCount = 1;
    a.flags &= ~VkQueryResultFlags{VK_QUERY_RESULT_64_BIT};
  }
  // Posted work is deferred already: the guest answers VK_OPERATION_NOT_DEFERRED_KHR by itself.
  if (command == protocol::Command::vkCreateRayTracingPipelinesKHR) {
    static_cast<protocol::vkCreateRayTracingPipelinesKHR_args*>(args)->deferredOperation = VK_NULL_HANDLE;
  }
}

// What the host changes on purpose between application and driver.
void change_on_purpose(protocol::Command command, void* args) {
  // It polls instead of waiting inside the driver, so that a lost device ends the wait.
  if (command == protocol::Command::vkGetQueryPoolResults) {
    static_cast<protocol::vkGetQueryPoolResults_args*>(args)->flags &=
        ~VkQueryResultFlags{VK_QUERY_RESULT_WAIT_BIT};
  }
}

// One command buffer's worth of one command.
void invoke_recorded(const Guest& guest, const Invoker& invoker, PFN_vkVoidFunction function, void* args) {
  const VkCommandBufferBeginInfo begin{VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO};
  require(guest.get<PFN_vkBeginCommandBuffer>("vkBeginCommandBuffer")(guest.commands, &begin),
          "vkBeginCommandBuffer");
  std::memcpy(args, &guest.commands, sizeof(guest.commands));  // its first member
  invoker.invoke(function, args);
  guest.get<PFN_vkEndCommandBuffer>("vkEndCommandBuffer")(guest.commands);
}

}  // namespace

const char* to_string(Outcome::Kind kind) {
  switch (kind) {
    case Outcome::Kind::same:
      return "same";
    case Outcome::Kind::not_seen:
      return "not-seen";
    case Outcome::Kind::inputs_differ:
      return "inputs-differ";
    case Outcome::Kind::outputs_differ:
      return "outputs-differ";
    case Outcome::Kind::absent:
      return "absent";
    case Outcome::Kind::no_object:
      return "no-object";
    case Outcome::Kind::lost:
      return "lost";
  }
  return "?";
}

Outcome attempt(Guest& guest, const CommandCodec& codec, const Invoker& invoker, uint64_t seed,
                int fail_with) {
  const PFN_vkVoidFunction function = guest.find(codec.name);
  if (function == nullptr) return {Outcome::Kind::absent};
  Arena arena(4u << 20);
  void* args = arena.allocate(codec.args_size, alignof(std::max_align_t));
  invoker.make(args);
  PoolRng rng(seed, arena, guest, invoker.made);
  codec.random_args(rng, args);
  if (rng.missing) return {Outcome::Kind::no_object};
  invoker.forget_ids(args);
  clear_garbage(codec.command, args);
  if (fail_with < 0) guest.instruct("fail " + std::string(codec.name) + " 0 " + std::to_string(fail_with));

  std::vector<uint64_t> made;
  NumberedDigest inputs(false, guest, made, nullptr);
  void* changed = arena.allocate(codec.args_size, alignof(std::max_align_t));
  std::memcpy(changed, args, codec.args_size);
  change_on_purpose(codec.command, changed);
  codec.digest_inputs(inputs, changed);
  if (codec.recorded) {
    invoke_recorded(guest, invoker, function, args);
  } else {
    invoker.invoke(function, args);
  }
  if (ends_an_object(codec.name)) guest.forget(rng.last_type, rng.last);

  std::vector<LoggedCall> calls;
  if (!guest.read_log(calls)) return {Outcome::Kind::lost};
  const uint32_t hash = protocol::kCommandInfo[static_cast<std::size_t>(codec.command)].name_hash;
  const auto found = std::find_if(calls.rbegin(), calls.rend(),
                                  [hash](const LoggedCall& call) { return call.entry.name_hash == hash; });
  if (found == calls.rend()) return {Outcome::Kind::not_seen};
  if (found->entry.inputs != inputs.result()) return {Outcome::Kind::inputs_differ};
  made.clear();
  NumberedDigest outputs(true, guest, made, &*found);
  codec.digest_outputs(outputs, args);
  for (std::size_t i = 0; fail_with == 0 && i < made.size() && i < found->handles.size(); ++i) {
    if (made[i] != 0) guest.keep(protocol::id_type(made[i]), made[i], found->handles[i]);
  }
  const bool told = found->entry.outputs == outputs.result();
  return {told ? Outcome::Kind::same : Outcome::Kind::outputs_differ, found->entry.result};
}

namespace {

struct Pair {
  const CommandCodec* codec;
  const Invoker* invoker;
};

// Everything that can be called with random arguments; what ends objects comes last.
std::vector<Pair> callable() {
  std::vector<Pair> pairs;
  for (const CommandCodec& codec : protocol::testing::kCommandCodecs) {
    const auto invoker = std::find_if(kInvokers.begin(), kInvokers.end(),
                                      [&codec](const Invoker& one) { return one.command == codec.command; });
    if (invoker != kInvokers.end() && exempt(codec.name) == nullptr) pairs.push_back({&codec, &*invoker});
  }
  std::stable_partition(pairs.begin(), pairs.end(),
                        [](const Pair& pair) { return !ends_an_object(pair.codec->name); });
  return pairs;
}

}  // namespace

// A call that came to nothing: chance gave no object for it, or arguments that the guest need not tell
// anybody.
bool nothing_learnt(Outcome::Kind kind) {
  return kind == Outcome::Kind::no_object || kind == Outcome::Kind::not_seen;
}

// Tries other arguments until something is learnt, a few times.
Outcome attempt_some(Guest& guest, const Pair& pair, uint64_t seed, int fail_with = 0) {
  Outcome outcome = attempt(guest, *pair.codec, *pair.invoker, seed, fail_with);
  for (uint64_t retry = 1; retry < 12 && nothing_learnt(outcome.kind); ++retry) {
    outcome = attempt(guest, *pair.codec, *pair.invoker, seed + retry * 1000, fail_with);
  }
  return outcome;
}

int walk(Guest& guest, uint64_t first_seed, uint64_t seeds) {
  std::vector<LoggedCall> calls;
  if (!guest.read_log(calls)) give_up("the session was lost before it began");
  std::map<std::string, Outcome> worst;
  std::map<std::string, uint64_t> same;
  for (uint64_t seed = first_seed; seed < first_seed + seeds; ++seed) {
    for (const Pair& pair : callable()) {
      const char* name = pair.codec->name;
      if (ends_an_object(name) && seed + 1 != first_seed + seeds) continue;
      const Outcome outcome = attempt_some(guest, pair, seed);
      if (outcome.kind == Outcome::Kind::lost) {
        std::printf("lost %s seed %llu\n", name, static_cast<unsigned long long>(seed));
        return 5;
      }
      if (outcome.kind == Outcome::Kind::same) ++same[name];
      const auto known = worst.find(name);
      if (known == worst.end() || nothing_learnt(known->second.kind) ||
          (known->second.kind == Outcome::Kind::same && !nothing_learnt(outcome.kind))) {
        worst[name] = outcome;
      }
    }
  }
  for (const auto& [name, outcome] : worst) {
    std::printf("%s %s %llu\n", to_string(outcome.kind), name.c_str(),
                static_cast<unsigned long long>(same[name]));
  }
  for (const CommandCodec& codec : protocol::testing::kCommandCodecs) {
    if (const char* why = exempt(codec.name)) std::printf("exempt %s %s\n", codec.name, why);
  }
  std::printf("finished\n");
  return 0;
}

int inject(Guest& guest) {
  walk(guest, 100, 2);  // objects of as many types as can be made
  for (const Pair& pair : callable()) {
    const char* name = pair.codec->name;
    if (ends_an_object(name)) continue;
    for (const int result : {-1, -2, -3, -1000072003}) {
      const Outcome outcome = attempt_some(guest, pair, 7, result);
      std::printf("inject %d %s %s %d\n", result, to_string(outcome.kind), name, outcome.driver_result);
      if (outcome.kind == Outcome::Kind::lost) return 5;
      guest.instruct("clear");
    }
  }
  std::printf("injected\n");
  return 0;
}

}  // namespace viaduct::fake
