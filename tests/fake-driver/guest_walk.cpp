// Every command that chance can call: with random arguments, several times, each compared.
#include <algorithm>
#include <cstdio>
#include <cstring>
#include <map>

#include "generated/protocol/args.hpp"
#include "protocol/wire/object_id.hpp"
#include "tests/fake-driver/guest_call.hpp"

namespace viaduct::fake {
namespace {

bool ends_an_object(const char* name) {
  return std::strncmp(name, "vkDestroy", 9) == 0 || std::strcmp(name, "vkFreeMemory") == 0 ||
         std::strcmp(name, "vkReleasePerformanceConfigurationINTEL") == 0;
}

// Instances and devices are few, so that one that was made for its arguments alone ends at once.
void end_again(Guest& guest, Args& args, int result) {
  if (result != VK_SUCCESS) return;
  if (args.subject().codec->command == protocol::Command::vkCreateInstance) {
    guest.get<PFN_vkDestroyInstance>("vkDestroyInstance")(
        *args.passed<protocol::vkCreateInstance_args>().pInstance, nullptr);
  }
  if (args.subject().codec->command == protocol::Command::vkCreateDevice) {
    guest.get<PFN_vkDestroyDevice>("vkDestroyDevice")(*args.passed<protocol::vkCreateDevice_args>().pDevice,
                                                      nullptr);
  }
}

// What chance can call; what ends objects comes last.
std::vector<const Subject*> callable() {
  std::vector<const Subject*> subjects;
  for (const Subject* subject : all_subjects()) {
    if (!is_directed(subject->codec->name)) subjects.push_back(subject);
  }
  std::stable_partition(subjects.begin(), subjects.end(),
                        [](const Subject* subject) { return !ends_an_object(subject->codec->name); });
  return subjects;
}

// A call that came to nothing: chance gave no object for it, or arguments that the guest need not tell
// anybody.
bool nothing_learnt(Outcome::Kind kind) {
  return kind == Outcome::Kind::no_object || kind == Outcome::Kind::not_seen;
}

// Tries other arguments until something is learnt, a few times.
Outcome attempt_some(Guest& guest, const Subject& subject, uint64_t seed) {
  Outcome outcome = attempt(guest, subject, seed);
  for (uint64_t retry = 1; retry < 12 && nothing_learnt(outcome.kind); ++retry) {
    outcome = attempt(guest, subject, seed + retry * 1000);
  }
  return outcome;
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

Outcome attempt(Guest& guest, const Subject& subject, uint64_t seed) {
  const char* name = subject.codec->name;
  const PFN_vkVoidFunction function = guest.find(name);
  if (function == nullptr) return {Outcome::Kind::absent};
  Args args(guest, subject, seed);
  if (args.missing()) return {Outcome::Kind::no_object};
  args.expected_inputs();  // before the call gives the passed copy's handles new meanings
  subject.codec->recorded ? args.record(function) : args.call(function);
  // A destroy command may be given no object; what chance chose last is then its device.
  if (ends_an_object(name) && args.last_type() != protocol::ObjectType::kDevice) {
    guest.forget(args.last_type(), args.last_handle());
  }

  std::vector<LoggedCall> calls;
  if (!guest.read_log(calls)) return {Outcome::Kind::lost};
  const LoggedCall* logged = find_last(calls, name);
  const Outcome outcome = logged == nullptr ? Outcome{Outcome::Kind::not_seen} : args.compare(*logged);
  end_again(guest, args, args.result());
  return outcome;
}

void collect_objects(Guest& guest) {
  std::vector<LoggedCall> calls;
  if (!guest.read_log(calls)) give_up("the session was lost before it began");
  for (const uint64_t seed : {1, 2}) {
    for (const Subject* subject : callable()) {
      if (!ends_an_object(subject->codec->name)) attempt_some(guest, *subject, seed);
    }
  }
}

int walk(Guest& guest, uint64_t first_seed, uint64_t seeds) {
  std::vector<LoggedCall> calls;
  if (!guest.read_log(calls)) give_up("the session was lost before it began");
  std::map<std::string, Outcome> worst;
  std::map<std::string, uint64_t> same;
  for (uint64_t seed = first_seed; seed < first_seed + seeds; ++seed) {
    for (const Subject* subject : callable()) {
      const char* name = subject->codec->name;
      if (ends_an_object(name) && seed + 1 != first_seed + seeds) continue;
      const Outcome outcome = attempt_some(guest, *subject, seed);
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
  guest.coverage.print();
  std::printf("finished\n");
  return 0;
}

}  // namespace viaduct::fake
