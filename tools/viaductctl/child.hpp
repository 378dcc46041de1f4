// A program of ours or the system's, run to its end for what it says.
//
// Blocks until the program has ended or its time is over; it is killed then. Any thread.
#pragma once

#include <string>
#include <vector>

namespace viaduct::tools {

struct ChildOutput {
  int status = -1;  // its exit status; -1 where it could not be run, died of a signal or took too long
  bool late = false;
  std::string out;
  std::string err;
};

// `arguments` begins with the program, which is looked for in PATH if it has no slash.
ChildOutput run_child(const std::vector<std::string>& arguments, int within_ms);

}  // namespace viaduct::tools
