// The terminal while `viaductctl top` has it: single keys without echo, the alternate screen, no cursor.
// Whatever ends it, the terminal gets back what it had: the destructor, SIGINT, SIGTERM, SIGQUIT, SIGHUP, and
// SIGTSTP until it goes on. Signals are taken by a signalfd, so nothing runs in a handler. One at a time, in
// the program's only thread. The sequences are ECMA-48's and xterm's, which every terminal since has.
#pragma once

#include <signal.h>
#include <termios.h>

#include <memory>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "base/clock.hpp"
#include "base/unique_fd.hpp"
#include "tools/viaductctl/top/screen.hpp"

namespace viaduct::tools {

class Terminal {
 public:
  // Are standard input and output a terminal that can be drawn on?
  static bool available();
  [[nodiscard]] static tl::expected<std::unique_ptr<Terminal>, std::string> open();
  ~Terminal();
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;

  struct Event {
    enum Kind {
      nothing,  // until the deadline
      key,      // `value` is it
      redraw,   // its size is another, or it was somebody else's for a while
      ended,    // by the signal `value`; 0: the terminal is gone
    } kind = nothing;
    int value = 0;
  };
  [[nodiscard]] Event wait(Deadline deadline);
  [[nodiscard]] ScreenSize size() const;
  void draw(const std::vector<ScreenLine>& lines);

 private:
  Terminal() = default;
  void enter();
  void leave();
  void stop();
  [[nodiscard]] Event on_signal();
  // The next key of what was read; false: there is none yet.
  bool next_key(int& key, bool more_may_come);

  termios before_{};
  sigset_t mask_before_{};
  UniqueFd signals_;
  bool entered_ = false;
  std::string read_;
};

// The process ends as if the signal had not been caught.
void die_of(int signal);

}  // namespace viaduct::tools
