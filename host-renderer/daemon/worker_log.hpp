// What a worker and its driver print, on its way to the daemon's standard error.
//
// A worker does not hold the daemon's own standard error: it may be a terminal, which a compromised worker
// could steer, and a guest can make some drivers print a line a call. So the lines pass through here: made
// printable, cut at 1 KiB, marked with the session if they are not the worker's own log lines, and limited
// (400 lines, then 40 a second; what is dropped is counted). Reading goes on regardless, at a bounded pace,
// so that a talkative driver does not block its worker.
//
// Event loop only.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/unique_fd.hpp"

namespace viaduct::host::daemon {

class WorkerLog : public std::enable_shared_from_this<WorkerLog> {
 public:
  // Writes to `out`, which must stay open (2 in the daemon). Lives until the worker has closed its end.
  static std::shared_ptr<WorkerLog> start(boost::asio::io_context& loop, UniqueFd pipe, int out);
  // Whose driver it is, once that is known: "tenant=alice session=3".
  void set_label(const std::string& label) { label_ = label; }
  // Passes on what is in the pipe now, so that it stands before what the daemon logs next.
  void drain();

 private:
  WorkerLog(boost::asio::io_context& loop, UniqueFd pipe, int out);
  void wait();
  // False when the worker's end is closed.
  bool read_some();
  void take(std::string_view text);
  void put_line();

  boost::asio::posix::stream_descriptor pipe_;
  boost::asio::steady_timer pause_;
  int out_;
  std::string label_;
  std::string line_;
  uint64_t refilled_ns_;
  double tokens_;
  uint64_t dropped_ = 0;
};

}  // namespace viaduct::host::daemon
