#include "tests/fake-driver/guest_call.hpp"

#include <algorithm>
#include <cstring>
#include <map>

#include "base/hash.hpp"
#include "generated/protocol/args.hpp"
#include "protocol/wire/object_id.hpp"
#include "tests/fake-driver/call.hpp"

namespace viaduct::fake {
namespace {

using protocol::ObjectId;
using protocol::ObjectType;
using protocol::testing::CommandCodec;

// Random arguments whose handles are real, and whose chains prefer what has not travelled yet.
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

  uint32_t links(std::size_t allowed) override { return below(3) + static_cast<uint32_t>(allowed / 6); }

  VkStructureType choose_link(VkStructureType parent, std::span<const VkStructureType> allowed) override {
    const auto start = below(static_cast<uint32_t>(allowed.size()));
    VkStructureType best = allowed[start];
    for (std::size_t i = 0; i < allowed.size(); ++i) {
      const VkStructureType type = allowed[(start + i) % allowed.size()];
      if (tries({parent, type}) < tries({parent, best})) best = type;
    }
    const VkStructureType chosen = chance() ? best : allowed[start];
    ++tried[{parent, chosen}];
    return chosen;
  }

  bool missing = false;
  ObjectType last_type = ObjectType::kNone;
  uint64_t last = 0;
  std::map<Coverage::Tried, uint32_t> tried;

 private:
  uint32_t tries(const Coverage::Tried& one) const {
    const auto here = tried.find(one);
    return guest_.coverage.tries(one) + (here == tried.end() ? 0 : here->second);
  }

  const Guest& guest_;
  const ObjectType made_;
};

// What the guest passed and got, in the driver's numbers; collects what was made and which chains there were.
class NumberedDigest final : public protocol::testing::Digest {
 public:
  NumberedDigest(bool with_outputs, const Guest& guest, const LoggedCall* call)
      : Digest(with_outputs), guest_(guest), call_(call) {}

  ObjectId name(ObjectType type, bool, uint64_t bits) const override {
    return digested(type) ? guest_.driver_number(bits) : 0;
  }
  ObjectId made(uint64_t bits, ObjectId) const override {
    const std::size_t place = made_.size();
    made_.push_back(bits);
    // The guest named it; the driver's log says which number that is.
    return call_ != nullptr && place < call_->handles.size() && bits != 0 ? call_->handles[place] : bits;
  }
  void link(VkStructureType parent, VkStructureType type) override { links.insert({outputs, parent, type}); }

  const std::vector<uint64_t>& all_made() const { return made_; }
  std::set<Link> links;

 private:
  const Guest& guest_;
  const LoggedCall* call_;
  mutable std::vector<uint64_t> made_;
};

std::map<std::string, Subject> make_subjects() {
  std::map<std::string, Subject> all;
  std::map<protocol::Command, Rule> rules;
  for (Rules part :
       {memory_rules(), device_rules(), submission_rules(), pipeline_rules(), descriptor_rules()}) {
    for (auto& [command, rule] : part) rules.emplace(command, std::move(rule));
  }
  for (const CommandCodec& codec : protocol::testing::kCommandCodecs) {
    const auto invoker = std::find_if(kInvokers.begin(), kInvokers.end(),
                                      [&codec](const Invoker& one) { return one.command == codec.command; });
    if (invoker != kInvokers.end()) all[codec.name] = {&codec, &*invoker, rules[codec.command]};
  }
  return all;
}

const std::map<std::string, Subject>& subjects() {
  static const std::map<std::string, Subject> kSubjects = make_subjects();
  return kSubjects;
}

}  // namespace

const Subject& subject_of(std::string_view command) {
  const auto found = subjects().find(std::string(command));
  if (found == subjects().end()) give_up("command: " + std::string(command));
  return found->second;
}

const std::vector<const Subject*>& all_subjects() {
  static const std::vector<const Subject*> kAll = [] {
    std::vector<const Subject*> all;
    for (const auto& [name, subject] : subjects()) all.push_back(&subject);
    return all;
  }();
  return kAll;
}

Args::Args(Guest& guest, const Subject& subject, uint64_t seed)
    : guest_(guest), subject_(subject), passed_(make(seed)), expected_(make(seed)) {
  for (const auto& [one, times] : tried_) guest.coverage.tried(one, times);
}

void* Args::make(uint64_t seed) {
  void* args = arena_.allocate(subject_.codec->args_size, alignof(std::max_align_t));
  subject_.invoker->make(args);
  PoolRng rng(seed, arena_, guest_, subject_.invoker->made);
  subject_.codec->random_args(rng, args);
  missing_ = rng.missing;
  last_type_ = rng.last_type;
  last_handle_ = rng.last;
  tried_ = std::move(rng.tried);
  if (missing_) return args;
  subject_.invoker->forget_ids(args);
  if (subject_.rule.prepare) subject_.rule.prepare(guest_, args, arena_);
  return args;
}

uint64_t Args::expected_inputs() {
  if (changed_) return inputs_;
  changed_ = true;
  NumberedDigest before(false, guest_, nullptr);
  subject_.codec->digest_inputs(before, expected_);
  if (subject_.rule.change) subject_.rule.change(guest_, expected_, arena_);
  NumberedDigest inputs(false, guest_, nullptr);
  subject_.codec->digest_inputs(inputs, expected_);
  inputs_ = inputs.result();
  // What the application passed and the driver shall see: not what the host adds.
  std::set_intersection(before.links.begin(), before.links.end(), inputs.links.begin(), inputs.links.end(),
                        std::inserter(links_, links_.end()));
  return inputs_;
}

void Args::call(PFN_vkVoidFunction function) { result_ = subject_.invoker->invoke(function, passed_); }

void Args::record(PFN_vkVoidFunction function) {
  const VkCommandBufferBeginInfo begin{VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO};
  require(guest_.get<PFN_vkBeginCommandBuffer>("vkBeginCommandBuffer")(guest_.commands, &begin),
          "vkBeginCommandBuffer");
  std::memcpy(passed_, &guest_.commands, sizeof(guest_.commands));  // its first member
  call(function);
  guest_.get<PFN_vkEndCommandBuffer>("vkEndCommandBuffer")(guest_.commands);
}

Outcome Args::compare(const LoggedCall& logged) {
  const int given = logged.entry.result;
  if (logged.entry.inputs != expected_inputs()) return {Outcome::Kind::inputs_differ, given};
  if (subject_.rule.undo && given >= 0) subject_.rule.undo(guest_, passed_, arena_);
  // Outputs may lie inside inputs, which are compared with them once more.
  if (subject_.rule.change) subject_.rule.change(guest_, passed_, arena_);
  NumberedDigest outputs(true, guest_, &logged);
  subject_.codec->digest_outputs(outputs, passed_);
  const auto& made = outputs.all_made();
  for (std::size_t i = 0; given >= 0 && i < made.size() && i < logged.handles.size(); ++i) {
    if (made[i] != 0 && logged.handles[i] != 0) {
      guest_.keep(protocol::id_type(made[i]), made[i], logged.handles[i]);
    }
  }
  if (logged.entry.outputs != outputs.result()) return {Outcome::Kind::outputs_differ, given};
  for (const Link& link : links_) guest_.coverage.add(link);
  for (const Link& link : outputs.links) {
    if (given >= 0) guest_.coverage.add(link);
  }
  return {Outcome::Kind::same, given};
}

const LoggedCall* find_last(const std::vector<LoggedCall>& calls, const char* command) {
  const uint32_t hash = fnv1a32(command);
  const auto found = std::find_if(calls.rbegin(), calls.rend(),
                                  [hash](const LoggedCall& call) { return call.entry.name_hash == hash; });
  return found == calls.rend() ? nullptr : &*found;
}

std::size_t count_calls(const std::vector<LoggedCall>& calls, const char* command) {
  const uint32_t hash = fnv1a32(command);
  return static_cast<std::size_t>(std::count_if(
      calls.begin(), calls.end(), [hash](const LoggedCall& call) { return call.entry.name_hash == hash; }));
}

void drop_from_chain(const void*& chain, VkStructureType type) {
  const void** link = &chain;
  while (*link != nullptr) {
    auto* next = static_cast<VkBaseOutStructure*>(const_cast<void*>(*link));
    if (next->sType == type) {
      *link = next->pNext;
    } else {
      link = const_cast<const void**>(reinterpret_cast<void**>(&next->pNext));
    }
  }
}

}  // namespace viaduct::fake
