#include "tools/viaductctl/top/screen.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "tools/viaductctl/top/table.hpp"

namespace viaduct::tools {
namespace {

constexpr std::array<const char*, 16> kHelp = {
    "Keys of viaductctl top",
    "",
    "  up, down, page up, page down, home, end   choose a line",
    "  < and >   sort by the column to the left or right      r   the other way round",
    "  /         show only tenants and programs with a text; escape ends that",
    "  t         tenants instead of sessions, and back",
    "  k         end the chosen session, after a question",
    "  q         leave",
    "",
    "FPS      frames presented a second",
    "P99      99 % of the times from one present to the next were at most so long",
    "GPU      the share of the time with a submission under way; WAIT: for its turn",
    "MEM, ARENA   used / limit     COMMANDS/S, BYTES/S   replayed for it",
    "All since the last look at it, and as its worker counts them.",
    "",
    "Any key goes back.",
};

bool is_text(int key) { return key >= ' ' && key <= '~'; }

}  // namespace

void TopScreen::show(const control::Status& status) {
  sessions_ = figures_of(status_ ? &*status_ : nullptr, status);
  status_ = status;
  if (message_samples_ == 0) message_.clear();
  if (message_samples_ != 0) --message_samples_;
  arrange();
}

void TopScreen::say(std::string message, unsigned samples) {
  message_ = std::move(message);
  message_samples_ = samples;
}

void TopScreen::arrange() {
  if (!status_) return;
  std::optional<std::pair<std::string, uint32_t>> chosen;
  if (selected_ < shown_.size()) chosen.emplace(shown_[selected_].tenant, shown_[selected_].session);
  shown_ = options_.by_tenant ? tenant_figures(*status_, sessions_) : sessions_;
  std::erase_if(shown_, [&](const Figures& each) { return !matches(each, options_.filter); });
  sort_figures(shown_, options_.sort, reversed_);
  // The same one stays chosen where it is still there, otherwise the line.
  for (std::size_t i = 0; chosen && i < shown_.size(); ++i)
    if (std::pair(shown_[i].tenant, shown_[i].session) == *chosen) selected_ = i;
  selected_ = shown_.empty() ? 0 : std::min(selected_, shown_.size() - 1);
}

void TopScreen::move(std::ptrdiff_t by) {
  if (shown_.empty()) return;
  const auto last = static_cast<std::ptrdiff_t>(shown_.size()) - 1;
  selected_ = static_cast<std::size_t>(
      std::clamp(static_cast<std::ptrdiff_t>(selected_) + by, std::ptrdiff_t{0}, last));
}

void TopScreen::next_sort(int by) {
  const int next = static_cast<int>(options_.sort) + by;
  options_.sort = static_cast<SortKey>(std::clamp(next, 0, kSortKeys - 1));
  // Tenants have no number and no program.
  if (options_.by_tenant && (options_.sort == SortKey::session || options_.sort == SortKey::program))
    options_.sort = by < 0 ? SortKey::tenant : SortKey::fps;
  arrange();
}

Wish TopScreen::press(int key) {
  switch (mode_) {
    case Mode::watch:
      return press_watching(key);
    case Mode::filter:
      press_filtering(key);
      return {};
    case Mode::help:
      mode_ = Mode::watch;
      return {};
    case Mode::ask:
      break;
  }
  mode_ = Mode::watch;
  const auto doomed = std::exchange(doomed_, std::nullopt);
  if (key != 'y' && key != 'Y') return {};
  return {Wish::kill, doomed->session};
}

Wish TopScreen::press_watching(int key) {
  message_.clear();
  const auto page = static_cast<std::ptrdiff_t>(page_);
  switch (key) {
    case 'q':
    case 'Q':
      return {Wish::quit, 0};
    case kKeyUp:
      move(-1);
      break;
    case kKeyDown:
      move(1);
      break;
    case kKeyPageUp:
      move(-page);
      break;
    case kKeyPageDown:
      move(page);
      break;
    case kKeyHome:
      selected_ = 0;
      break;
    case kKeyEnd:
      move(static_cast<std::ptrdiff_t>(shown_.size()));
      break;
    case '<':
    case ',':
      next_sort(-1);
      break;
    case '>':
    case '.':
      next_sort(1);
      break;
    case 'r':
      reversed_ = !reversed_;
      arrange();
      break;
    case 't':
      options_.by_tenant = !options_.by_tenant;
      selected_ = first_ = 0;
      next_sort(0);
      break;
    case '/':
      mode_ = Mode::filter;
      break;
    case kKeyEscape:
      options_.filter.clear();
      arrange();
      break;
    case 'k':
      if (options_.by_tenant) {
        say("k ends a session; t shows them", 0);
      } else if (!shown_.empty()) {
        doomed_ = shown_[selected_];
        mode_ = Mode::ask;
      }
      break;
    case 'h':
    case '?':
      mode_ = Mode::help;
      break;
    default:
      break;
  }
  return {};
}

void TopScreen::press_filtering(int key) {
  std::string& filter = options_.filter;
  if (key == kKeyEnter || key == '\n') {
    mode_ = Mode::watch;
  } else if (key == kKeyEscape) {
    filter.clear();
    mode_ = Mode::watch;
  } else if (key == kKeyBackspace || key == '\b') {
    if (!filter.empty()) filter.pop_back();
  } else if (is_text(key) && filter.size() < 64) {
    filter += static_cast<char>(key);
  }
  arrange();
}

std::string TopScreen::bottom() const {
  if (mode_ == Mode::filter) return "show only: " + options_.filter + "_";
  if (mode_ == Mode::ask)
    return "End session " + std::to_string(doomed_->session) + " (" + doomed_->program + " of tenant " +
           doomed_->tenant + ")? Its program sees its device lost. y/n";
  if (!message_.empty()) return message_;
  std::string text = "q leave  k end a session  < > sort  r reverse  / filter  t tenants  h help";
  if (!options_.filter.empty()) text = "only '" + options_.filter + "' (escape: all)  " + text;
  return text;
}

std::vector<ScreenLine> TopScreen::lines(ScreenSize size) {
  std::vector<ScreenLine> out;
  if (mode_ == Mode::help) {
    for (const char* line : kHelp) out.push_back({line});
    out.front().look = ScreenLine::bold;
  } else {
    out.push_back({status_ ? top_summary(*status_, sessions_) : "viaductctl top"});
    out.push_back({});
    const FiguresTable table = figures_table(shown_, !options_.by_tenant, options_.sort);
    out.push_back({table.lines.front(), ScreenLine::bold, table.sorted_at, table.sorted_size});
    page_ = size.rows > 4 ? size.rows - 4 : 1;  // summary, empty line, names, keys
    if (selected_ < first_) first_ = selected_;
    if (selected_ >= first_ + page_) first_ = selected_ - page_ + 1;
    if (first_ + page_ > shown_.size()) first_ = shown_.size() > page_ ? shown_.size() - page_ : 0;
    for (std::size_t i = first_; i < shown_.size() && i < first_ + page_; ++i)
      out.push_back({table.lines[i + 1], i == selected_ ? ScreenLine::inverse : ScreenLine::plain});
    while (out.size() + 1 < size.rows) out.push_back({});
    // What is asked and said goes before what is seen.
    if (out.size() >= size.rows) out.resize(size.rows == 0 ? 0 : size.rows - 1);
    out.push_back(
        {bottom(), mode_ == Mode::watch && message_.empty() ? ScreenLine::plain : ScreenLine::bold});
  }
  if (out.size() > size.rows) out.resize(size.rows);
  for (ScreenLine& line : out) {
    if (line.text.size() > size.columns) line.text.resize(size.columns);
    line.mark_at = std::min(line.mark_at, line.text.size());
    line.mark_size = std::min(line.mark_size, line.text.size() - line.mark_at);
    if (line.look == ScreenLine::inverse) line.text.resize(size.columns, ' ');
  }
  return out;
}

}  // namespace viaduct::tools
