// The screen of `viaductctl top`: what is shown, and what keys do to it. It holds no terminal and asks no
// service: keys and samples go in, lines and wishes come out. One thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "generated/protocol/control/control.pb.h"
#include "tools/viaductctl/top/figures.hpp"

namespace viaduct::tools {

// A character, or one of these.
enum Key : int {
  kKeyEnter = '\r',
  kKeyEscape = 27,
  kKeyBackspace = 127,
  kKeyUp = 256,
  kKeyDown,
  kKeyPageUp,
  kKeyPageDown,
  kKeyHome,
  kKeyEnd,
  kKeyOther,
};

struct ScreenOptions {
  SortKey sort = SortKey::tenant;
  std::string filter;
  bool by_tenant = false;
};

// What a key asks for that the screen cannot do itself.
struct Wish {
  enum Kind { none, quit, kill } kind = none;
  uint32_t session = 0;
};

struct ScreenSize {
  std::size_t rows = 24;
  std::size_t columns = 80;
};

struct ScreenLine {
  std::string text;
  enum Look { plain, bold, inverse } look = plain;
  // This part is underlined.
  std::size_t mark_at = 0;
  std::size_t mark_size = 0;
};

class TopScreen {
 public:
  explicit TopScreen(ScreenOptions options) : options_(std::move(options)) {}

  // The figures since the sample before.
  void show(const control::Status& status);
  // In place of the line of keys, until a key is pressed or so many more samples have come.
  void say(std::string message, unsigned samples);
  Wish press(int key);
  // At most size.rows lines of at most size.columns characters.
  [[nodiscard]] std::vector<ScreenLine> lines(ScreenSize size);

 private:
  enum class Mode { watch, filter, ask, help };

  void arrange();
  void move(std::ptrdiff_t by);
  void next_sort(int by);
  [[nodiscard]] Wish press_watching(int key);
  void press_filtering(int key);
  [[nodiscard]] std::string bottom() const;

  ScreenOptions options_;
  bool reversed_ = false;
  Mode mode_ = Mode::watch;
  std::optional<control::Status> status_;
  std::vector<Figures> sessions_;  // all of the last sample
  std::vector<Figures> shown_;     // arranged
  std::size_t selected_ = 0;
  std::size_t first_ = 0;  // of shown_, on the screen
  std::size_t page_ = 1;   // rows for figures
  std::optional<Figures> doomed_;
  std::string message_;
  unsigned message_samples_ = 0;
};

}  // namespace viaduct::tools
