#include "fps/message.hpp"

#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstddef>
#include <cstring>

namespace viaduct::bench {

bool send_message(int fd, const Message& message) {
  std::size_t size = offsetof(Message, times);
  size +=
      message.kind == MessageKind::kTimes ? message.count * sizeof(uint32_t) : std::strlen(message.text) + 1;
  ssize_t sent;
  do sent = send(fd, &message, size, MSG_NOSIGNAL);
  while (sent < 0 && errno == EINTR);
  return sent == static_cast<ssize_t>(size);
}

bool send_text(int fd, MessageKind kind, const char* text) {
  Message message;
  message.kind = kind;
  std::strncpy(message.text, text, Message::kMaxText - 1);
  return send_message(fd, message);
}

bool receive_message(int fd, Message& message, int timeout_ms) {
  pollfd wait{fd, POLLIN, 0};
  int ready;
  do ready = poll(&wait, 1, timeout_ms);
  while (ready < 0 && errno == EINTR);
  if (ready <= 0) return false;
  ssize_t size;
  do size = recv(fd, &message, sizeof message, 0);
  while (size < 0 && errno == EINTR);
  return size >= static_cast<ssize_t>(offsetof(Message, times));
}

}  // namespace viaduct::bench
