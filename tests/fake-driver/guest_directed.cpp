#include "tests/fake-driver/guest_directed.hpp"

#include <algorithm>
#include <cstdio>
#include <set>

#include "base/hash.hpp"

namespace viaduct::fake {
namespace {

const std::vector<Case>& cases() {
  static const std::vector<Case> kCases = [] {
    std::vector<Case> all;
    for (auto part : {device_cases(), memory_cases(), command_buffer_cases(), descriptor_cases(),
                      synchronisation_cases(), guest_only_cases(), host_bytes_cases(), window_cases()}) {
      all.insert(all.end(), part.begin(), part.end());
    }
    return all;
  }();
  return kCases;
}

// Surfaces of real windows: made by tests/e2e/windows, which has window systems.
constexpr const char* kWindowSystems[] = {
    "vkCreateXcbSurfaceKHR",     "vkGetPhysicalDeviceXcbPresentationSupportKHR",
    "vkCreateXlibSurfaceKHR",    "vkGetPhysicalDeviceXlibPresentationSupportKHR",
    "vkCreateWaylandSurfaceKHR", "vkGetPhysicalDeviceWaylandPresentationSupportKHR"};

const std::set<std::string, std::less<>>& directed_names() {
  static const auto kNames = [] {
    std::set<std::string, std::less<>> names;
    for (const Case& one : cases()) names.insert(one.commands.begin(), one.commands.end());
    return names;
  }();
  return kNames;
}

}  // namespace

std::vector<LoggedCall> Check::log() {
  std::vector<LoggedCall> calls;
  that(guest_.read_log(calls), "the session is lost");
  return calls;
}

void Check::nothing_logged(const std::string& what) {
  static const uint32_t kOfTheHost[] = {fnv1a32("vkWaitForFences"), fnv1a32("vkResetFences")};
  const std::vector<LoggedCall> calls = log();
  that(std::all_of(calls.begin(), calls.end(),
                   [](const LoggedCall& call) {
                     return std::find(std::begin(kOfTheHost), std::end(kOfTheHost), call.entry.name_hash) !=
                            std::end(kOfTheHost);
                   }),
       what + " reached the driver");
}

void Check::same(Args& args) {
  const char* name = args.subject().codec->name;
  log();
  that(!args.missing(), std::string(name) + ": no object");
  args.expected_inputs();
  args.call(guest_.find(name));
  const std::vector<LoggedCall> calls = log();
  same(args, find_last(calls, name));
}

void Check::same(Args& args, const LoggedCall* logged) {
  const std::string name = args.subject().codec->name;
  that(logged != nullptr, name + " did not reach the driver");
  if (logged == nullptr) return;
  const Outcome outcome = args.compare(*logged);
  that(outcome.kind == Outcome::Kind::same, name + ": " + to_string(outcome.kind));
  compared_.insert(name);
}

bool is_directed(std::string_view command) {
  return directed_names().contains(command) ||
         std::find(std::begin(kWindowSystems), std::end(kWindowSystems), command) != std::end(kWindowSystems);
}

int directed(Guest& guest) {
  collect_objects(guest);
  bool good = true;
  for (const Case& one : cases()) {
    Check check(guest);
    check.log();
    one.run(guest, check);
    for (const std::string& failure : check.failures()) std::printf("failed %s\n", failure.c_str());
    good = good && check.failures().empty();
    for (const std::string& command : check.compared()) std::printf("compared %s\n", command.c_str());
    for (const char* command : one.commands) {
      if (check.failures().empty()) std::printf("directed %s\n", command);
    }
  }
  guest.coverage.print();
  std::printf("finished\n");
  return good ? 0 : 1;
}

int offered(Guest& guest) {
  for (const Subject* subject : all_subjects()) {
    if (guest.find(subject->codec->name) != nullptr) std::printf("offered %s\n", subject->codec->name);
  }
  for (uint32_t i = 0; i < protocol::kCommandCount; ++i) {
    const char* name = protocol::kCommandInfo[i].name;
    if (guest.find(name) != nullptr) std::printf("offered %s\n", name);
  }
  for (const char* name : kWindowSystems) {
    if (guest.find(name) != nullptr) std::printf("offered %s\nwindow-system %s\n", name, name);
  }
  for (const std::string& name : guest.device_extensions) std::printf("device-extension %s\n", name.c_str());
  std::printf("finished\n");
  return 0;
}

}  // namespace viaduct::fake
