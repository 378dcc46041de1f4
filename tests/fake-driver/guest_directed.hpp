// Directed tests: commands that chance cannot call, because they begin and end what everything else needs,
// are answered in the guest, or wait. Each case names the commands that it checks and what of them is
// asserted.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "tests/fake-driver/guest_call.hpp"

namespace viaduct::fake {

// What a case found; it goes on after a failure.
class Check {
 public:
  explicit Check(Guest& guest) : guest_(guest) {}

  void that(bool good, const std::string& what) {
    if (!good) failures_.push_back(what);
  }
  // The driver's log since the last time.
  std::vector<LoggedCall> log();
  // Nobody asked the driver for anything, except for the host's own waits for its fences.
  void nothing_logged(const std::string& what);
  // Calls and compares; the log is emptied by it.
  void same(Args& args);
  // Compares with one entry, or fails if there is none.
  void same(Args& args, const LoggedCall* logged);

  const std::vector<std::string>& failures() const { return failures_; }
  // Commands of which both sides' views were compared.
  const std::set<std::string>& compared() const { return compared_; }

 private:
  Guest& guest_;
  std::vector<std::string> failures_;
  std::set<std::string> compared_;
};

struct Case {
  std::vector<const char*> commands;
  void (*run)(Guest&, Check&);
};

std::vector<Case> device_cases();
std::vector<Case> memory_cases();
std::vector<Case> command_buffer_cases();
std::vector<Case> descriptor_cases();
std::vector<Case> synchronisation_cases();
std::vector<Case> guest_only_cases();
std::vector<Case> host_bytes_cases();
std::vector<Case> window_cases();

}  // namespace viaduct::fake
