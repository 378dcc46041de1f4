// What a doctor found: one finding a check, in the order of the checks, each with what was seen and, where
// something is wrong, the command that mends it. A value; one thread at a time.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace viaduct::tools {

enum class State {
  ok,
  warning,  // works, or cannot be told from here; worth knowing
  wrong,    // does not work
};

struct Finding {
  std::string check;  // its name, a few words
  State state = State::ok;
  std::string text;  // a sentence without its full stop
  std::string mend;  // what to type or write, a line or several; empty where nothing is to be mended
};

class Report {
 public:
  void ok(std::string check, std::string text) { add({std::move(check), State::ok, std::move(text), {}}); }
  void warn(std::string check, std::string text, std::string mend = {}) {
    add({std::move(check), State::warning, std::move(text), std::move(mend)});
  }
  void wrong(std::string check, std::string text, std::string mend) {
    add({std::move(check), State::wrong, std::move(text), std::move(mend)});
  }
  void add(Finding finding) { findings_.push_back(std::move(finding)); }

  [[nodiscard]] const std::vector<Finding>& findings() const { return findings_; }
  [[nodiscard]] std::size_t count(State state) const;
  // 0, or 1 where something is wrong.
  [[nodiscard]] int exit_status() const { return count(State::wrong) == 0 ? 0 : 1; }

 private:
  std::vector<Finding> findings_;
};

// Aligned lines and a closing sentence; `well` is that sentence where nothing is wrong.
[[nodiscard]] std::string report_table(const Report& report, const std::string& well);
// {"checks": [{"check", "state", "text", "mend"}], "wrong": n, "warnings": n}
[[nodiscard]] std::string report_json(const Report& report);

}  // namespace viaduct::tools
