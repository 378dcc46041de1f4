// One call of the guest's: random arguments whose handles are real, the call, and the comparison with what
// the fake driver says it was given and gave.
//
// Arguments exist twice, made from one seed: what is passed, and what the driver is expected to see. Guest
// and host change some things on purpose on the way (a memory type is translated, a struct added, an ignored
// member emptied); a Rule applies the documented change to the second copy, and everything else must still be
// the same. One thread.
#pragma once

#include <functional>
#include <set>
#include <utility>
#include <vector>

#include "base/arena.hpp"
#include "tests/fake-driver/guest.hpp"

namespace viaduct::fake {

using Step = std::function<void(Guest&, void* args, Arena&)>;
struct Rule {
  Step prepare;  // both copies: arguments that an application may pass
  Step change;   // the expected copy: what is changed on purpose on the way
  Step undo;     // the passed copy, after the call: the guest's answer in the driver's terms again
};

// A step that knows its arguments.
template <class Args>
Step step(void (*with)(Guest&, Args&, Arena&)) {
  return [with](Guest& guest, void* args, Arena& arena) { with(guest, *static_cast<Args*>(args), arena); };
}

using Rules = std::vector<std::pair<protocol::Command, Rule>>;
Rules memory_rules();
Rules device_rules();
Rules submission_rules();
Rules pipeline_rules();
Rules descriptor_rules();

struct Subject {
  const protocol::testing::CommandCodec* codec = nullptr;
  const Invoker* invoker = nullptr;
  Rule rule;
};
// Ends the program if there is no such command.
const Subject& subject_of(std::string_view command);
// Every command with a codec that an application can call, in the order of their names.
const std::vector<const Subject*>& all_subjects();

class Args {
 public:
  Args(Guest& guest, const Subject& subject, uint64_t seed);

  const Subject& subject() const { return subject_; }
  // Chance wanted a handle of which there is none.
  bool missing() const { return missing_; }
  // What a destroy command ends.
  protocol::ObjectType last_type() const { return last_type_; }
  uint64_t last_handle() const { return last_handle_; }

  template <class A>
  A& passed() {
    return *static_cast<A*>(passed_);
  }
  // Sets something in both copies.
  template <class A, class F>
  void both(const F& set) {
    set(*static_cast<A*>(passed_));
    set(*static_cast<A*>(expected_));
  }

  // Calls the guest's driver. A recorded command is called as it is, unless `record` puts it into a command
  // buffer of its own.
  void call(PFN_vkVoidFunction function);
  void record(PFN_vkVoidFunction function);
  // What the call gave; VK_SUCCESS where it gives no VkResult.
  int result() const { return result_; }
  // Compares with what the driver logged; keeps what was made and notes which chains travelled.
  Outcome compare(const LoggedCall& logged);
  // The digest that the driver's log must show; changes the expected copy at the first call.
  uint64_t expected_inputs();

 private:
  void* make(uint64_t seed);

  Guest& guest_;
  const Subject& subject_;
  Arena arena_{32u << 20};
  bool missing_ = false;
  bool changed_ = false;
  uint64_t inputs_ = 0;
  int result_ = 0;
  std::set<Link> links_;
  std::map<Coverage::Tried, uint32_t> tried_;  // of either copy: they are the same
  protocol::ObjectType last_type_ = protocol::ObjectType::kNone;
  uint64_t last_handle_ = 0;
  // Last: making them sets the members above.
  void* passed_;
  void* expected_;
};

// Calls a command with random arguments and compares.
Outcome attempt(Guest& guest, const Subject& subject, uint64_t seed);

// The last call of a command in a piece of the log; null if there is none.
const LoggedCall* find_last(const std::vector<LoggedCall>& calls, const char* command);
std::size_t count_calls(const std::vector<LoggedCall>& calls, const char* command);

// The first struct of a chain that has this type, or null. The chain is a test's own, so it may be changed.
template <class T>
T* find_in_chain(const void* chain, VkStructureType type) {
  for (auto* next = static_cast<VkBaseOutStructure*>(const_cast<void*>(chain)); next != nullptr;
       next = next->pNext) {
    if (next->sType == type) return reinterpret_cast<T*>(next);
  }
  return nullptr;
}
// Takes structs of this type out of a chain.
void drop_from_chain(const void*& chain, VkStructureType type);

template <class T>
T* allocate(Arena& arena, std::size_t count = 1) {
  auto* memory = static_cast<T*>(arena.allocate(count * sizeof(T), alignof(T)));
  for (std::size_t i = 0; i < count; ++i) memory[i] = T{};
  return memory;
}

// For arguments that are this test's own memory although Vulkan calls them const.
template <class T>
T& mine(const T* args) {
  return const_cast<T&>(*args);
}

}  // namespace viaduct::fake
