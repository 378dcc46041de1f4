#include "transport/mirror/mirror_stream.hpp"

#include <poll.h>

#include <algorithm>
#include <cstring>

#include "base/clock.hpp"
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
  std::span<const std::byte> rest(waiting_);
  while (!rest.empty() && !broken_) {
    const auto piece = rest.first(packer_ ? packable(rest) : rest.size());
    rest = rest.subspan(piece.size());
    std::span<const std::byte> packed;
    if (packer_ && packer_->wants(piece.size())) packed = packer_->pack(piece, rate_.bytes_per_s());
    push(packed.empty() ? piece : packed);
  }
  waiting_.clear();
}

void MirrorOutbox::push(std::span<const std::byte> bytes) noexcept {
  sent_bytes_ += bytes.size();
  while (!bytes.empty()) {
    const auto taken = send_some_on_socket(socket_, bytes, {});
    broken_ = !taken;
    if (broken_) return;
    rate_.took(*taken);
    bytes = bytes.subspan(*taken);
    if (*taken != 0) continue;
    rate_.full(now_ns());
    broken_ = !wait_for_socket(socket_, POLLOUT, Deadline::never(), "send");
    if (broken_) return;
    rate_.writable(now_ns());
  }
}

namespace {

struct Walk {
  std::size_t used = 0;         // of the whole messages
  const char* wrong = nullptr;  // what one of them was
};

// Each whole message at the front of `bytes`, until one makes no sense.
template <class Take>
Walk walk(std::span<const std::byte> bytes, const Take& take_each) {
  Walk walked;
  while (bytes.size() - walked.used >= sizeof(MirrorHeader)) {
    const auto rest = bytes.subspan(walked.used);
    MirrorHeader header;
    std::memcpy(&header, rest.data(), sizeof(header));
    if (header.size > kMaxMirrorPayload) return {walked.used, "a message's size is beyond the limit"};
    if (rest.size() - sizeof(header) < header.size) break;
    walked.wrong = take_each(static_cast<MirrorKind>(header.kind), rest.subspan(sizeof(header), header.size));
    if (walked.wrong != nullptr) break;
    walked.used += sizeof(header) + header.size;
  }
  return walked;
}

}  // namespace

MirrorInbox::MirrorInbox(int socket, const Lz4* lz4) : socket_(socket) {
  if (lz4 != nullptr) unpacker_.emplace(*lz4);
}

const char* MirrorInbox::take_message(MirrorKind kind, std::span<const std::byte> payload,
                                      const Handle& handle) {
  if (kind != MirrorKind::packed || !unpacker_) return handle(kind, payload);
  const char* wrong = nullptr;
  const auto messages = unpacker_->unpack(payload, wrong);
  if (wrong != nullptr) return wrong;
  const Walk walked = walk(messages, [&](MirrorKind inner, std::span<const std::byte> bytes) -> const char* {
    if (inner == MirrorKind::packed || inner == MirrorKind::unpacks)
      return "a packed message has one in it that may not be packed";
    return handle(inner, bytes);
  });
  if (walked.wrong == nullptr && walked.used != messages.size())
    return "a packed message ends within a message";
  return walked.wrong;
}

const char* MirrorInbox::run(const Handle& handle, const Pause& pause) {
  // Holds the largest message, and is read into in pieces that are worth a system call.
  std::vector<std::byte> buffer(2 * (kMaxMirrorPayload + sizeof(MirrorHeader)));
  std::size_t begin = 0;
  std::size_t end = 0;
  for (;;) {
    const auto [used, wrong] = walk(std::span<const std::byte>(buffer).subspan(begin, end - begin),
                                    [&](MirrorKind kind, std::span<const std::byte> payload) {
                                      return take_message(kind, payload, handle);
                                    });
    if (wrong != nullptr) return wrong;
    begin += used;
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
