#include "tools/viaductctl/top/terminal.hpp"

#include <poll.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string_view>

namespace viaduct::tools {
namespace {

// How long the rest of a key's sequence may take; a lone escape is the key of that name.
constexpr int kSequenceMs = 50;

constexpr std::string_view kEnter = "\x1b[?1049h\x1b[?25l\x1b[H\x1b[2J";
constexpr std::string_view kLeave = "\x1b[0m\x1b[?25h\x1b[?1049l";

sigset_t taken_signals() {
  sigset_t set;
  ::sigemptyset(&set);
  for (const int signal : {SIGINT, SIGTERM, SIGQUIT, SIGHUP, SIGTSTP, SIGCONT, SIGWINCH})
    ::sigaddset(&set, signal);
  return set;
}

// Killed while it was stopped: it ends, and the terminal is somebody else's.
bool ending_pending() {
  sigset_t pending;
  ::sigemptyset(&pending);
  ::sigpending(&pending);
  bool any = false;
  for (const int signal : {SIGINT, SIGTERM, SIGQUIT, SIGHUP}) any |= ::sigismember(&pending, signal) == 1;
  return any;
}

void write_all(std::string_view text) {
  while (!text.empty()) {
    const ssize_t wrote = ::write(STDOUT_FILENO, text.data(), text.size());
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote <= 0) return;  // a terminal that is gone is noticed by reading
    text.remove_prefix(static_cast<std::size_t>(wrote));
  }
}

struct Sequence {
  std::string_view bytes;
  int key;
};
constexpr std::array<Sequence, 14> kSequences = {{{"[A", kKeyUp},
                                                  {"OA", kKeyUp},
                                                  {"[B", kKeyDown},
                                                  {"OB", kKeyDown},
                                                  {"[5~", kKeyPageUp},
                                                  {"[6~", kKeyPageDown},
                                                  {"[H", kKeyHome},
                                                  {"OH", kKeyHome},
                                                  {"[1~", kKeyHome},
                                                  {"[7~", kKeyHome},
                                                  {"[F", kKeyEnd},
                                                  {"OF", kKeyEnd},
                                                  {"[4~", kKeyEnd},
                                                  {"[8~", kKeyEnd}}};

// How long the sequence behind an escape is; 0: its end is not there yet.
std::size_t sequence_size(std::string_view text) {
  if (text.empty()) return 0;
  if (text[0] == 'O') return text.size() < 2 ? 0 : 2;
  if (text[0] != '[') return 1;  // escape with a key: Alt
  for (std::size_t i = 1; i < text.size(); ++i)
    if (text[i] >= '@' && text[i] <= '~') return i + 1;
  return 0;
}

}  // namespace

bool Terminal::available() {
  const char* kind = std::getenv("TERM");
  return ::isatty(STDIN_FILENO) == 1 && ::isatty(STDOUT_FILENO) == 1 && kind != nullptr && *kind != 0 &&
         std::strcmp(kind, "dumb") != 0;
}

tl::expected<std::unique_ptr<Terminal>, std::string> Terminal::open() {
  std::unique_ptr<Terminal> terminal(new Terminal);
  const sigset_t taken = taken_signals();
  if (::tcgetattr(STDIN_FILENO, &terminal->before_) != 0)
    return tl::unexpected(std::string("the terminal does not tell its settings: ") + std::strerror(errno) +
                          "; `viaductctl top --once` needs none");
  ::sigprocmask(SIG_BLOCK, &taken, &terminal->mask_before_);
  terminal->signals_ = UniqueFd(::signalfd(-1, &taken, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!terminal->signals_) {
    const std::string why = std::strerror(errno);
    ::sigprocmask(SIG_SETMASK, &terminal->mask_before_, nullptr);
    return tl::unexpected("signals cannot be waited for: " + why);
  }
  terminal->enter();
  return terminal;
}

Terminal::~Terminal() {
  leave();
  if (signals_) ::sigprocmask(SIG_SETMASK, &mask_before_, nullptr);
}

void Terminal::enter() {
  if (ending_pending()) return;
  termios raw = before_;
  raw.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);  // ISIG stays: Ctrl-C and Ctrl-Z are signals
  raw.c_iflag &= ~static_cast<tcflag_t>(ICRNL | IXON);
  raw.c_cc[VMIN] = 1;
  raw.c_cc[VTIME] = 0;
  ::tcsetattr(STDIN_FILENO, TCSANOW, &raw);
  write_all(kEnter);
  entered_ = true;
}

void Terminal::leave() {
  if (!entered_) return;
  entered_ = false;
  write_all(kLeave);
  ::tcsetattr(STDIN_FILENO, TCSADRAIN, &before_);
}

void Terminal::stop() {
  leave();
  // Its default action, which a process group without a shell ignores.
  sigset_t only;
  ::sigemptyset(&only);
  ::sigaddset(&only, SIGTSTP);
  ::raise(SIGTSTP);
  ::sigprocmask(SIG_UNBLOCK, &only, nullptr);
  ::sigprocmask(SIG_BLOCK, &only, nullptr);
  enter();
}

Terminal::Event Terminal::on_signal() {
  signalfd_siginfo info{};
  if (::read(signals_.get(), &info, sizeof(info)) != sizeof(info)) return {};
  const auto signal = static_cast<int>(info.ssi_signo);
  switch (signal) {
    case SIGWINCH:
      return {Event::redraw, 0};
    case SIGTSTP:
      stop();
      return {Event::redraw, 0};
    case SIGCONT:  // after a SIGSTOP, when a shell may have set the terminal
      enter();
      return {Event::redraw, 0};
    default:
      return {Event::ended, signal};
  }
}

bool Terminal::next_key(int& key, bool more_may_come) {
  if (read_.empty()) return false;
  std::size_t size = 1;
  key = static_cast<unsigned char>(read_[0]);
  if (key == kKeyEscape) {
    const std::string_view rest = std::string_view(read_).substr(1);
    const std::size_t sequence = sequence_size(rest);
    if (sequence == 0 && more_may_come && rest.size() < 32) return false;
    if (sequence != 0) {
      const auto* const found =
          std::find_if(kSequences.begin(), kSequences.end(),
                       [&](const Sequence& known) { return known.bytes == rest.substr(0, sequence); });
      key = found == kSequences.end() ? kKeyOther : found->key;
      size = 1 + sequence;
    } else if (!rest.empty()) {
      key = kKeyOther;  // a sequence without an end
      size = read_.size();
    }
  }
  read_.erase(0, size);
  return true;
}

Terminal::Event Terminal::wait(Deadline deadline) {
  Event event{Event::key, 0};
  bool more_may_come = true;
  for (;;) {
    if (next_key(event.value, more_may_come)) return event;
    std::array<pollfd, 2> polled = {{{signals_.get(), POLLIN, 0}, {STDIN_FILENO, POLLIN, 0}}};
    const int ready =
        ::poll(polled.data(), polled.size(), read_.empty() ? deadline.remaining_ms() : kSequenceMs);
    if (ready < 0 && errno == EINTR) continue;
    if (ready < 0) return {Event::ended, 0};
    if (ready == 0 && read_.empty()) return {};
    more_may_come = ready != 0;
    if (polled[0].revents != 0) {
      const Event signal = on_signal();
      if (signal.kind != Event::nothing) return signal;
    }
    if (polled[1].revents == 0) continue;
    std::array<char, 256> buffer{};
    const ssize_t got = ::read(STDIN_FILENO, buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return {Event::ended, 0};
    read_.append(buffer.data(), static_cast<std::size_t>(got));
  }
}

ScreenSize Terminal::size() const {
  winsize size{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_row == 0 || size.ws_col == 0) return {};
  return {size.ws_row, size.ws_col};
}

void Terminal::draw(const std::vector<ScreenLine>& lines) {
  if (!entered_) return;
  std::string out = "\x1b[H";
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const ScreenLine& line = lines[i];
    if (i != 0) out += "\r\n";
    if (line.look == ScreenLine::bold) out += "\x1b[1m";
    if (line.look == ScreenLine::inverse) out += "\x1b[7m";
    const std::string_view text = line.text;
    out += text.substr(0, line.mark_at);
    if (line.mark_size != 0) {
      out += "\x1b[4m";
      out += text.substr(line.mark_at, line.mark_size);
      out += "\x1b[24m";
    }
    out += text.substr(line.mark_at + line.mark_size);
    out += "\x1b[0m\x1b[K";
  }
  out += "\x1b[J";
  write_all(out);
}

void die_of(int signal) {
  ::signal(signal, SIG_DFL);
  sigset_t only;
  ::sigemptyset(&only);
  ::sigaddset(&only, signal);
  ::raise(signal);
  ::sigprocmask(SIG_UNBLOCK, &only, nullptr);
}

}  // namespace viaduct::tools
