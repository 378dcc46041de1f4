// The checks run in a thread of their own, and add to the report as they go: when the time is over, what is
// there is printed with the check that did not end, whatever that waits for.
#include <sys/socket.h>
#include <unistd.h>
// After sys/socket.h, whose types it uses.
#include <linux/vm_sockets.h>

#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <mutex>
#include <thread>

#include "tools/doctor/driver_checks.hpp"
#include "tools/doctor/gpu_checks.hpp"
#include "tools/doctor/host_check.hpp"
#include "tools/doctor/options.hpp"
#include "tools/doctor/place_checks.hpp"

namespace {

using namespace viaduct;
using namespace viaduct::tools;

constexpr int kHostWaitMs = 5000;

class Examination {
 public:
  void run() {
    try {
      examine();
    } catch (const std::exception& error) {
      add({"viaduct-doctor", State::wrong, std::string("internal error: ") + error.what(), "report it"});
    }
    const std::lock_guard lock(mutex_);
    done_ = true;
    ended_.notify_all();
  }

  // The report, whole or as far as it came.
  Report wait(int seconds) {
    std::unique_lock lock(mutex_);
    if (!ended_.wait_for(lock, std::chrono::seconds(seconds), [this] { return done_; })) {
      report_.wrong(doing_, "did not end within " + std::to_string(seconds) + " s",
                    "viaduct-doctor --timeout " + std::to_string(seconds * 4) +
                        "    # if this machine or its network is slow;\n"
                        "on the host: viaductctl doctor; journalctl -u viaductd -n 20");
    }
    return report_;
  }

 private:
  void add(Finding finding) {
    const std::lock_guard lock(mutex_);
    report_.add(std::move(finding));
  }
  template <class Check>
  auto during(const char* what, Check check) {
    {
      const std::lock_guard lock(mutex_);
      doing_ = what;
    }
    Report part;
    auto result = check(part);
    for (const Finding& finding : part.findings()) add(finding);
    return result;
  }

  void examine() {
    during("driver", [](Report& part) { return check_driver(manifest_places(), part), 0; });
    const auto places = during("place", [](Report& part) { return check_places(part); });
    bool tcp = false;
    bool vsock = false;
    bool memory = false;
    bool memory_wanted = false;
    for (const transport::Url& url : places) {
      tcp = tcp || url.kind == transport::UrlKind::tcp;
      // The loopback is this machine's own, and needs no device.
      vsock = vsock || (url.kind == transport::UrlKind::vsock && url.cid != VMADDR_CID_LOCAL);
      memory = memory ||
               (url.kind != transport::UrlKind::unix_socket && url.region != transport::RegionChoice::none);
      memory_wanted = memory_wanted || url.region == transport::RegionChoice::ivshmem;
    }
    if (tcp) during("token", [](Report& part) { return check_token(part), 0; });
    if (vsock) during("vsock", [](Report& part) { return check_vsock(part), 0; });
    bool mapped = false;
    if (memory) {
      mapped = during("memory device", [&](Report& part) {
        const auto devices = find_memory_devices(transport::pci_root());
        MemorySurroundings around = memory_surroundings(devices);
        around.wanted = memory_wanted;
        check_memory_devices(devices, around, part);
        return part.count(State::ok) != 0 && !devices.empty();
      });
    }
    transport::Url answered;
    const bool there =
        during("host", [&](Report& part) { return check_host(places, kHostWaitMs, part, answered); });
    if (there) {
      during("picture", [&](Report&) {
        SessionChecks checks;
        checks.add = [this](Finding finding) { add(std::move(finding)); };
        const bool may = answered.kind != transport::UrlKind::unix_socket &&
                         answered.region != transport::RegionChoice::none;
        answered.region = transport::RegionChoice::ivshmem;
        if (mapped && may) checks.memory_url = transport::to_string(answered);
        check_session(checks);
        return 0;
      });
    }
    during("OpenGL", [](Report& part) { return check_opengl(part), 0; });
  }

  std::mutex mutex_;
  std::condition_variable ended_;
  Report report_;
  std::string doing_ = "start";
  bool done_ = false;
};

int examine(const GuestDoctorOptions& options) {
  if (!options.url.empty()) ::setenv("VIADUCT_URL", options.url.c_str(), 1);
  // What the driver says about its session and its memory is part of the report.
  ::setenv("VIADUCT_LOG", "warn,session:info,memory:info", 1);
  // Never destroyed: where the time is over, the thread still uses it.
  auto* const examination = new Examination;
  std::thread thread([examination] { examination->run(); });
  thread.detach();
  const Report report = examination->wait(options.seconds);
  const std::string text =
      options.json
          ? report_json(report)
          : report_table(report, "Programs of this machine render on the GPU of its host; nothing is wrong.");
  std::fputs(text.c_str(), stdout);
  std::fflush(stdout);
  ::_exit(report.exit_status());
}

}  // namespace

int main(int argc, char** argv) {
  const auto options = parse_guest_doctor_options(argc, argv);
  if (!options) {
    std::fprintf(stderr, "viaduct-doctor: %s\n", options.error().c_str());
    return 2;
  }
  if (options->help) {
    std::fputs(guest_doctor_help(), stdout);
    return 0;
  }
  if (options->version) {
    std::puts("viaduct-doctor " VIADUCT_VERSION);
    return 0;
  }
  return examine(*options);
}
