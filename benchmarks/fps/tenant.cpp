#include "fps/tenant.hpp"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <exception>

#include "fps/message.hpp"
#include "fps/png.hpp"

namespace viaduct::bench {
namespace {

using Clock = std::chrono::steady_clock;

constexpr uint32_t kWarmUpFrames = 6;  // twice the frames in flight: pipelines compiled, queues filled
constexpr auto kProgressEvery = std::chrono::milliseconds(250);

void send_times(int fd, const std::vector<uint32_t>& times) {
  Message message;
  message.kind = MessageKind::kTimes;
  for (std::size_t at = 0; at < times.size(); at += message.count) {
    message.count = static_cast<uint32_t>(std::min<std::size_t>(Message::kMaxTimes, times.size() - at));
    std::memcpy(message.times, &times[at], message.count * sizeof(uint32_t));
    send_message(fd, message);
  }
}

void run_stretch(Renderer& renderer, uint64_t& frame, std::chrono::nanoseconds length, int fd) {
  for (uint32_t i = 0; i < kWarmUpFrames; ++i) renderer.render(frame++);
  std::vector<uint32_t> times;
  auto start = Clock::now(), last = start, told = start;
  while (last - start < length) {
    renderer.render(frame++);
    auto now = Clock::now();
    times.push_back(static_cast<uint32_t>(std::min<int64_t>((now - last).count(), UINT32_MAX)));
    last = now;
    if (now - told >= kProgressEvery) {
      told = now;
      Message progress;
      progress.kind = MessageKind::kProgress;
      progress.value = times.size();
      send_message(fd, progress);
    }
  }
  renderer.finish();
  send_times(fd, times);
  Message done;
  done.kind = MessageKind::kDone;
  done.value = static_cast<uint64_t>((last - start).count());
  send_message(fd, done);
}

}  // namespace

int run_tenant(const RendererOptions& options, int fd) {
  try {
    Renderer renderer(options);
    Message message;
    message.kind = MessageKind::kReady;
    message.value = uint64_t{renderer.width()} << 32 | renderer.height();
    std::strncpy(message.text, renderer.device_name(), Message::kMaxText - 1);
    send_message(fd, message);
    uint64_t frame = 0;
    while (receive_message(fd, message, -1) && message.kind != MessageKind::kQuit) {
      if (message.kind == MessageKind::kRun) {
        run_stretch(renderer, frame, std::chrono::nanoseconds(message.value), fd);
      } else if (message.kind == MessageKind::kPicture) {
        message.text[Message::kMaxText - 1] = '\0';
        bool written = write_png(message.text, renderer.width(), renderer.height(), renderer.finish());
        send_text(fd, written ? MessageKind::kDone : MessageKind::kError,
                  written ? "" : "the PNG cannot be written");
      }
    }
    return 0;
  } catch (const std::exception& error) {
    send_text(fd, MessageKind::kError, error.what());
    return 1;
  }
}

}  // namespace viaduct::bench
