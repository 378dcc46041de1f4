// A worker without Vulkan, for tests of the daemon. It behaves as the name of the guest's program says:
//   ok          welcomes the guest, counts 7 frames of 20 ms, stays until the daemon or the guest is gone
//   crash       welcomes and dies of a null pointer      exit3   welcomes and exits with status 3
//   baddata     welcomes, hangs up, says why, exits      mute    never welcomes
//   fail        says that it cannot serve                rich    leaves memory in the region (64 MiB), stays
//   look        answers on the guest's socket what it can see of the host
// and VIADUCT_FAKE_START=fail|exit|slow breaks the start-up itself; =look prints what it can see and exits.
#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "base/mapping.hpp"
#include "host-renderer/daemon/stats_page.hpp"
#include "host-renderer/sandbox/lockdown.hpp"
#include "host-renderer/worker/worker_link.hpp"
#include "protocol/control/handshake.hpp"
#include "transport/stream/frame.hpp"
#include "transport/stream/unix_stream.hpp"

namespace viaduct::host {
namespace {

constexpr uint64_t kFrameNs = 20'000'000;

void stay(const WorkerLink& link, int control) {
  pollfd polled[2] = {{link.fd(), 0, 0}, {control, 0, 0}};
  ::poll(polled, 2, -1);
}

bool opens(const char* path) {
  return UniqueFd(::open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)).get() >= 0;
}

std::string look() {
  std::string seen = "uid=" + std::to_string(::getuid()) + " pid=" + std::to_string(::getpid());
  struct stat info {};
  for (const char* path : {"/etc/passwd", "/etc/shadow", "/root", "/home", "/dev/shm", "/var", "/dev/tty"}) {
    if (opens(path)) seen += std::string(" sees:") + path;
  }
  // A world-readable file beside the driver's manifest.
  const char* beside = std::getenv("VIADUCT_FAKE_BESIDE");
  if (beside == nullptr || opens(beside)) seen += " sees:what lies beside the manifest";
  int fds = 0;
  for (int fd = 3; fd < 1024; ++fd) fds += ::fstat(fd, &info) == 0 ? 1 : 0;
  return seen + " fds=" + std::to_string(fds) +
         " secret=" + (std::getenv("SECRET") == nullptr ? "none" : "LEAKED");
}

int serve(WorkerLink& link, const Grant& grant) {
  const auto hello = protocol::decode_hello(grant.hello);
  if (!hello || hello->program != grant.program) return 9;
  const std::string& program = hello->program;
  if (program == "mute") {
    stay(link, grant.control.get());
    return 0;
  }
  if (program == "fail") {
    return link.send_failed("the fake driver is in a bad mood") ? 1 : 9;
  }
  auto stats = Mapping::map(grant.stats.get(), kStatsBytes);
  if (!stats) return 9;
  auto& page = *reinterpret_cast<StatsPage*>(stats->data());
  for (uint64_t frame = 1; frame <= 7; ++frame) count_present(page, (frame - 1) * kFrameNs, frame * kFrameNs);
  page.memory_mode = static_cast<uint64_t>(MemoryMode::shadow);
  page.status = static_cast<uint64_t>(SessionState::running);

  protocol::Welcome welcome;
  welcome.session_id = grant.session_id;
  welcome.region_size = grant.limits.control_bytes + grant.limits.arena_bytes;
  welcome.control_size = grant.limits.control_bytes;
  welcome.driver_name = program == "look" ? look() : "fake driver of " + grant.tenant;
  transport::UnixStream stream(UniqueFd(::dup(grant.control.get())));
  const int fds[] = {grant.region.get(), grant.doorbell_to_host.get(), grant.doorbell_to_guest.get()};
  if (!link.send_started() ||
      !transport::write_frame(stream, transport::FrameKind::welcome, protocol::encode_welcome(welcome), fds,
                              Deadline::after_ms(1000))) {
    return 9;
  }
  if (program == "crash") {
    volatile int* nothing = nullptr;
    *nothing = 1;
  }
  if (program == "exit3") return 3;
  if (program == "baddata") {
    page.status = static_cast<uint64_t>(SessionState::bad_data);
    ::shutdown(grant.control.get(), SHUT_RDWR);
    (void)link.send_ended("bad data: absurd count in vkCmdDraw at offset 24");
    return 2;
  }
  if (program == "rich") {
    auto region = Mapping::map(grant.region.get(), welcome.region_size);
    if (!region) return 9;
    std::memset(region->data() + welcome.control_size, 1, 64u << 20);
    page.arena_bytes = 64u << 20;
    stay(link, grant.control.get());
    return 0;
  }
  stay(link, grant.control.get());
  return 0;
}

int run() {
  auto link = WorkerLink::from_fd();
  if (!link) return 9;
  const char* start = std::getenv("VIADUCT_FAKE_START");
  const std::string mode = start == nullptr ? "" : start;
  if (mode == "fail")
    return link->send_failed("no driver: libfake.so: cannot open shared object file") ? 1 : 9;
  if (mode == "exit") return 4;
  if (mode == "look") return std::puts(look().c_str()) > 0 && std::fflush(stdout) == 0 ? 0 : 9;
  if (mode == "slow") ::usleep(60'000'000);
  WorkerReadyInfo ready;
  ready.gpus = {{.name = "Fake GPU One",
                 .type = 2,
                 .vendor_id = 1,
                 .device_id = 1,
                 .api_version = 1u << 22 | 3u << 12,
                 .driver_name = "fake",
                 .driver_info = ""},
                {.name = "Fake GPU Two",
                 .type = 4,
                 .vendor_id = 1,
                 .device_id = 2,
                 .api_version = 1u << 22,
                 .driver_name = "fake",
                 .driver_info = ""}};
  const auto locked = sandbox::lock_down();
  ready.locked_down = locked.has_value();
  ready.lockdown_error = locked ? "" : to_string(locked.error());
  if (!link->send_ready(ready)) return 9;
  const auto grant = link->wait_for_grant();
  if (!grant) return grant.error().code == Errc::closed ? 0 : 9;
  return serve(*link, *grant);
}

}  // namespace
}  // namespace viaduct::host

// Like the real worker it leaves without tearing anything down (and without the leak checker, which traces).
int main() { ::_exit(viaduct::host::run()); }
