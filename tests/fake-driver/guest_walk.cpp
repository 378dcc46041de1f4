#include <algorithm>
#include <cstdio>
#include <cstring>
#include <memory>
#include <set>

#include "base/arena.hpp"
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
  PoolRng(uint64_t seed, Arena& arena, const Guest& guest) : Rng(seed, arena), guest_(guest) {}

  uint64_t choose_handle(ObjectType type, bool) override {
    const auto& pool = guest_.pool(type);
    if (pool.empty()) {
      missing = true;
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

bool ends_an_object(const char* name) { return std::strncmp(name, "vkDestroy", 9) == 0; }

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
  if (function == nullptr) return {Outcome::Kind::absent, ""};
  Arena arena(4u << 20);
  void* args = arena.allocate(codec.args_size, alignof(std::max_align_t));
  invoker.make(args);
  PoolRng rng(seed, arena, guest);
  codec.random_args(rng, args);
  if (rng.missing) return {Outcome::Kind::no_object, ""};
  invoker.forget_ids(args);
  if (fail_with < 0) guest.instruct("fail " + std::string(codec.name) + " 0 " + std::to_string(fail_with));

  std::vector<uint64_t> made;
  NumberedDigest inputs(false, guest, made, nullptr);
  codec.digest_inputs(inputs, args);
  if (codec.recorded) {
    invoke_recorded(guest, invoker, function, args);
  } else {
    invoker.invoke(function, args);
  }
  if (ends_an_object(codec.name)) guest.forget(rng.last_type, rng.last);

  std::vector<LoggedCall> calls;
  if (!guest.read_log(calls)) return {Outcome::Kind::lost, ""};
  const uint32_t hash = protocol::kCommandInfo[static_cast<std::size_t>(codec.command)].name_hash;
  const auto found = std::find_if(calls.rbegin(), calls.rend(),
                                  [hash](const LoggedCall& call) { return call.entry.name_hash == hash; });
  if (found == calls.rend()) return {Outcome::Kind::not_seen, ""};
  if (found->entry.inputs != inputs.result()) return {Outcome::Kind::inputs_differ, ""};
  made.clear();
  NumberedDigest outputs(true, guest, made, &*found);
  codec.digest_outputs(outputs, args);
  for (std::size_t i = 0; fail_with == 0 && i < made.size() && i < found->handles.size(); ++i) {
    if (made[i] != 0) guest.keep(protocol::id_type(made[i]), made[i], found->handles[i]);
  }
  if (found->entry.outputs != outputs.result()) {
    return {Outcome::Kind::outputs_differ, "driver's result " + std::to_string(found->entry.result)};
  }
  return {};
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

int walk(Guest& guest, uint64_t first_seed, uint64_t seeds) {
  std::vector<LoggedCall> calls;
  if (!guest.read_log(calls)) give_up("the session was lost before it began");
  std::map<std::string, Outcome> worst;
  std::map<std::string, uint64_t> seen;
  for (uint64_t seed = first_seed; seed < first_seed + seeds; ++seed) {
    for (const Pair& pair : callable()) {
      const char* name = pair.codec->name;
      Outcome outcome = attempt(guest, *pair.codec, *pair.invoker, seed);
      for (uint64_t retry = 1; retry < 16 && outcome.kind == Outcome::Kind::no_object; ++retry) {
        outcome = attempt(guest, *pair.codec, *pair.invoker, seed + retry * 1000);
      }
      if (outcome.kind == Outcome::Kind::not_seen && pair.invoker->memo) continue;
      if (outcome.kind == Outcome::Kind::no_object && seen[name] != 0) continue;
      if (outcome.kind == Outcome::Kind::same) ++seen[name];
      const bool first = worst.find(name) == worst.end() || worst[name].kind == Outcome::Kind::no_object;
      if (first || (outcome.kind != Outcome::Kind::same && worst[name].kind == Outcome::Kind::same)) {
        worst[name] = outcome;
      }
      if (outcome.kind == Outcome::Kind::lost) {
        std::printf("lost %s seed %llu\n", name, static_cast<unsigned long long>(seed));
        return 5;
      }
    }
  }
  for (const auto& [name, outcome] : worst) {
    std::printf("%s %s %llu %s\n", to_string(outcome.kind), name.c_str(),
                static_cast<unsigned long long>(seen[name]), outcome.detail.c_str());
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
      Outcome outcome = attempt(guest, *pair.codec, *pair.invoker, 7, result);
      for (uint64_t retry = 1; retry < 16 && outcome.kind == Outcome::Kind::no_object; ++retry) {
        outcome = attempt(guest, *pair.codec, *pair.invoker, 7 + retry * 1000, result);
      }
      std::printf("inject %d %s %s\n", result, to_string(outcome.kind), name);
      if (outcome.kind == Outcome::Kind::lost) return 5;
      guest.instruct("clear");
    }
  }
  std::printf("injected\n");
  return 0;
}

}  // namespace viaduct::fake
