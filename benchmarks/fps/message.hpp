// What the bench's parent and its tenants say to each other, one message a packet of a SOCK_SEQPACKET pair.
#pragma once

#include <cstdint>

namespace viaduct::bench {

enum class MessageKind : uint32_t {
  kReady = 1,     // tenant: text holds the device's name, value the picture's width << 32 | height
  kRun = 2,       // parent: value is a number of nanoseconds
  kProgress = 3,  // tenant: value is the number of frames so far in this stretch
  kTimes = 4,     // tenant: `count` frame times in nanoseconds
  kDone = 5,      // tenant: value is the nanoseconds that the stretch took
  kPicture = 6,   // parent: text is the PNG's path; the tenant answers with kDone
  kQuit = 7,
  kError = 8,  // tenant: text says what went wrong
};

struct Message {
  static constexpr uint32_t kMaxTimes = 8192, kMaxText = 4096;
  MessageKind kind = MessageKind::kQuit;
  uint32_t count = 0;
  uint64_t value = 0;
  union {
    uint32_t times[kMaxTimes];
    char text[kMaxText];
  };
  Message() : text{} {}
};

// Both block. False when the other side is gone; receive_message also when `timeout_ms` (-1: none) has
// passed.
bool send_message(int fd, const Message& message);
bool send_text(int fd, MessageKind kind, const char* text);
bool receive_message(int fd, Message& message, int timeout_ms);

}  // namespace viaduct::bench
