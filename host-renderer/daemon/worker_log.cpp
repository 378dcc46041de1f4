#include "host-renderer/daemon/worker_log.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <utility>

#include "base/clock.hpp"
#include "host-renderer/daemon/journal.hpp"

namespace viaduct::host::daemon {
namespace {

constexpr double kBurstLines = 400;
constexpr double kLinesPerSecond = 40;
constexpr std::string_view kOwnLines = "viaduct worker ";
constexpr std::size_t kMaxLine = 1024;
constexpr std::chrono::milliseconds kPause{5};

}  // namespace

WorkerLog::WorkerLog(boost::asio::io_context& loop, UniqueFd pipe, int out)
    : pipe_(loop, pipe.release()), pause_(loop), out_(out), refilled_ns_(now_ns()), tokens_(kBurstLines) {}

std::shared_ptr<WorkerLog> WorkerLog::start(boost::asio::io_context& loop, UniqueFd pipe, int out) {
  std::shared_ptr<WorkerLog> log(new WorkerLog(loop, std::move(pipe), out));
  log->wait();
  return log;
}

void WorkerLog::wait() {
  pipe_.async_wait(boost::asio::posix::stream_descriptor::wait_read,
                   [self = shared_from_this()](boost::system::error_code error) {
                     if (error || !self->read_some()) return;
                     // Waiting is edge-triggered, and a flood must not keep the loop: look again a little
                     // later.
                     self->pause_.expires_after(kPause);
                     self->pause_.async_wait([self](boost::system::error_code stopped) {
                       if (!stopped) self->wait();
                     });
                   });
}

bool WorkerLog::read_some() {
  if (!pipe_.is_open()) return false;
  std::array<char, 64 * 1024> buffer;
  const ssize_t got = ::read(pipe_.native_handle(), buffer.data(), buffer.size());
  if (got > 0) {
    take({buffer.data(), static_cast<std::size_t>(got)});
    return true;
  }
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return true;
  if (!line_.empty()) put_line();
  boost::system::error_code ignored;
  pipe_.close(ignored);
  return false;
}

void WorkerLog::drain() { read_some(); }

void WorkerLog::take(std::string_view text) {
  for (const char c : text) {
    if (c == '\n') {
      put_line();
    } else if (line_.size() < kMaxLine) {
      const auto byte = static_cast<unsigned char>(c);
      line_.push_back(byte == '\t' || byte >= 0x80 || (byte >= 0x20 && byte != 0x7f) ? c : '?');
    }
  }
}

void WorkerLog::put_line() {
  const uint64_t now = now_ns();
  tokens_ = std::min(kBurstLines, tokens_ + static_cast<double>(now - refilled_ns_) * kLinesPerSecond / 1e9);
  refilled_ns_ = now;
  std::string line = std::exchange(line_, {});
  if (tokens_ < 1) {
    ++dropped_;
    return;
  }
  tokens_ -= 1;
  // The worker's own lines say whose they are; nothing else may look like one of the daemon's.
  if (!line.starts_with(kOwnLines))
    line = "viaduct driver" + (label_.empty() ? "" : " " + label_) + ": " + line;
  if (dropped_ != 0) line = "(" + std::to_string(std::exchange(dropped_, 0)) + " lines dropped) " + line;
  if (out_ == STDERR_FILENO && journal_take(line, label_)) return;
  line += '\n';
  [[maybe_unused]] const ssize_t written = ::write(out_, line.data(), line.size());
}

}  // namespace viaduct::host::daemon
