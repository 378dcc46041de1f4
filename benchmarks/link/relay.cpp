#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.hpp"
#include "link/link.hpp"

namespace viaduct::bench {

namespace {

// One direction: a thread that reads and notes the time, and one that sends when it is due. What is under way
// is bounded, as by a router's queue, but never dropped.
class Direction {
 public:
  Direction(int from, int to, std::uint64_t delay_ns) : from_(from), to_(to), delay_ns_(delay_ns) {
    std::thread([this] { read(); }).detach();
    std::thread([this] { write(); }).detach();
  }

 private:
  struct Piece {
    std::uint64_t due_ns;
    std::vector<char> bytes;
  };
  static constexpr std::size_t kMost = std::size_t{64} << 20;

  void push(Piece piece) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return waiting_ < kMost; });
    waiting_ += piece.bytes.size();
    pieces_.push_back(std::move(piece));
    changed_.notify_all();
  }
  void read() {
    for (;;) {
      std::vector<char> bytes(std::size_t{256} << 10);
      const ssize_t got = ::recv(from_, bytes.data(), bytes.size(), 0);
      bytes.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
      push({now_ns() + delay_ns_, std::move(bytes)});
      if (got <= 0) return;
    }
  }
  void write() {
    for (;;) {
      Piece piece;
      {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return !pieces_.empty(); });
        piece = std::move(pieces_.front());
        pieces_.pop_front();
        waiting_ -= piece.bytes.size();
        changed_.notify_all();
      }
      const timespec due{static_cast<time_t>(piece.due_ns / 1'000'000'000),
                         static_cast<long>(piece.due_ns % 1'000'000'000)};
      ::clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, nullptr);
      std::size_t sent = 0;
      while (sent < piece.bytes.size()) {
        const ssize_t n = ::send(to_, piece.bytes.data() + sent, piece.bytes.size() - sent, MSG_NOSIGNAL);
        if (n <= 0) break;
        sent += static_cast<std::size_t>(n);
      }
      if (piece.bytes.empty()) {
        ::shutdown(to_, SHUT_WR);
        return;
      }
    }
  }

  const int from_, to_;
  const std::uint64_t delay_ns_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Piece> pieces_;
  std::size_t waiting_ = 0;
};

void set_no_delay(int socket) {
  const int on = 1;
  (void)::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

}  // namespace

int link_relay_main(int argc, char** argv) {
  const std::string target = argc == 3 ? argv[1] : "";
  const std::size_t colon = target.find(':');
  if (colon == std::string::npos) {
    std::fputs("usage: viaduct-bench link-relay PORT ADDRESS:PORT MICROSECONDS\n", stderr);
    return 2;
  }
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(static_cast<uint16_t>(std::atoi(target.c_str() + colon + 1)));
  ::inet_pton(AF_INET, target.substr(0, colon).c_str(), &to.sin_addr);
  sockaddr_in here{};
  here.sin_family = AF_INET;
  here.sin_port = htons(static_cast<uint16_t>(std::atoi(argv[0])));
  const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int on = 1;
  (void)::setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  if (::bind(listener, reinterpret_cast<const sockaddr*>(&here), sizeof(here)) != 0 ||
      ::listen(listener, 16) != 0) {
    std::perror("viaduct-bench: link-relay");
    return 1;
  }
  const std::uint64_t delay_ns = std::strtoull(argv[2], nullptr, 10) * 1000;
  for (;;) {
    const int guest = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
    if (guest < 0) continue;
    const int host = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (::connect(host, reinterpret_cast<const sockaddr*>(&to), sizeof(to)) != 0) {
      ::close(guest);
      ::close(host);
      continue;
    }
    set_no_delay(guest);
    set_no_delay(host);
    // They live as long as the process: it is made for one measurement.
    new Direction(guest, host, delay_ns);
    new Direction(host, guest, delay_ns);
  }
}

}  // namespace viaduct::bench
