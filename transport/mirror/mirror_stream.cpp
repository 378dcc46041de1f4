#include "transport/mirror/mirror_stream.hpp"

#include <algorithm>
#include <cstring>

#include "transport/stream/socket_io.hpp"

namespace viaduct::transport {

namespace {

constexpr std::size_t kPieceOfSpan = std::size_t{64} << 10;

void append(std::vector<std::byte>& to, std::span<const std::byte> bytes) {
  to.insert(to.end(), bytes.begin(), bytes.end());
}

}  // namespace

void MirrorOutbox::add(MirrorKind kind, std::span<const std::byte> head, std::span<const std::byte> tail) {
  if (broken_) return;
  const MirrorHeader header{static_cast<std::uint32_t>(kind),
                            static_cast<std::uint32_t>(head.size() + tail.size())};
  append(waiting_, std::as_bytes(std::span(&header, 1)));
  append(waiting_, head);
  append(waiting_, tail);
  if (waiting_.size() >= kSendAt) send();
}

void MirrorOutbox::add_bytes(std::uint64_t offset, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const std::size_t size = std::min(bytes.size(), kPieceOfSpan);
    add(MirrorKind::bytes, offset, bytes.first(size));
    bytes = bytes.subspan(size);
    offset += size;
  }
}

void MirrorOutbox::send() noexcept {
  if (waiting_.empty() || broken_) return;
  if (send_on_socket(socket_, waiting_, {}, Deadline::never())) {
    sent_bytes_ += waiting_.size();
  } else {
    broken_ = true;
  }
  waiting_.clear();
}

const char* MirrorInbox::run(const Handle& handle, const Pause& pause) {
  // Holds the largest message, and is read into in pieces that are worth a system call.
  std::vector<std::byte> buffer(2 * (kMaxMirrorPayload + sizeof(MirrorHeader)));
  std::size_t begin = 0;
  std::size_t end = 0;
  for (;;) {
    while (end - begin >= sizeof(MirrorHeader)) {
      MirrorHeader header;
      std::memcpy(&header, buffer.data() + begin, sizeof(header));
      if (header.size > kMaxMirrorPayload) return "a message's size is beyond the limit";
      if (end - begin - sizeof(header) < header.size) break;
      const char* wrong =
          handle(static_cast<MirrorKind>(header.kind), {buffer.data() + begin + sizeof(header), header.size});
      if (wrong != nullptr) return wrong;
      begin += sizeof(header) + header.size;
    }
    pause();
    if (begin == end) {
      begin = end = 0;
    } else if (buffer.size() - end < kMaxMirrorPayload) {
      std::memmove(buffer.data(), buffer.data() + begin, end - begin);
      end -= begin;
      begin = 0;
    }
    const auto received =
        receive_on_socket(socket_, std::span(buffer).subspan(end), nullptr, Deadline::never());
    if (!received) return nullptr;
    end += *received;
  }
}

}  // namespace viaduct::transport
