#include "host-renderer/daemon/server.hpp"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <utility>

#include "base/log.hpp"
#include "host-renderer/admin/admin_service.hpp"
#include "host-renderer/daemon/tenant.hpp"

namespace viaduct::host::daemon {
namespace {

using std::chrono::milliseconds;

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

}  // namespace

int find_gpu(const control::WorkerReady& ready, const std::string& wanted) {
  if (wanted.empty()) return 0;
  int index = -1;
  const char* end = wanted.data() + wanted.size();
  const auto parsed = std::from_chars(wanted.data(), end, index);
  if (parsed.ec == std::errc() && parsed.ptr == end)
    return index >= 0 && index < ready.gpus_size() ? index : -1;
  for (int i = 0; i < ready.gpus_size(); ++i) {
    if (lower(ready.gpus(i).name()).find(lower(wanted)) != std::string::npos) return i;
  }
  return -1;
}

Server::Server(ServerOptions options, Spawner spawner)
    : options_(std::move(options)),
      spawner_(std::move(spawner)),
      pool_(loop_, spawner_, options_.no_vulkan.empty() ? options_.config.warm_workers : 0),
      scheduler_(loop_, options_.config.policy),
      signals_(loop_),
      spawner_watch_(loop_),
      ready_timer_(loop_),
      watchdog_timer_(loop_) {
  for (const auto& [name, config] : options_.config.tenants) {
    const auto tenant = tenant_of(name);
    scheduler_.allow(name, config.gpu);
    if (const auto token = options_.tokens.find(name); token != options_.tokens.end())
      tenant->token = std::move(token->second);
    if (const auto memory = options_.memories.find(name); memory != options_.memories.end()) {
      tenant->memory = std::move(memory->second.memory);
      tenant->no_memory = std::move(memory->second.error);
    }
  }
  options_.tokens.clear();
  options_.memories.clear();
  pool_.set_check([this](const control::WorkerReady& ready) { return check_worker(ready); });
  pool_.set_on_failure([this](const std::string& reason) {
    VIADUCT_LOG_ERROR("daemon", "a worker could not start: %s", reason.c_str());
    tell_ready("no worker could start: " + reason);
  });
}

Server::~Server() {
  // Everything that holds workers goes before the spawner, which waits for them.
  for (const auto& [id, session] : std::exchange(sessions_, {})) session->end("the service stops");
  doors_.clear();
  http_.reset();
  pool_.stop();
  if (spawner_watch_.is_open()) spawner_watch_.close();
}

std::string Server::check_worker(const control::WorkerReady& ready) {
  if (!ready.locked_down()) {
    const std::string text = "it could not install its seccomp filter: " + ready.lockdown_error();
    if (options_.config.require_sandbox) return text + "; --require-sandbox refuses that";
    VIADUCT_LOG_WARN("daemon", "a worker is not fully confined: %s", text.c_str());
  }
  if (ready.gpus_size() == 0) return "the driver offers no GPU; choose another with --driver";
  if (find_gpu(ready, options_.config.gpu) < 0) {
    std::string list;
    for (int i = 0; i < ready.gpus_size(); ++i) list += " " + std::to_string(i) + "=" + ready.gpus(i).name();
    return "no GPU is called '" + options_.config.gpu + "' (--gpu); there are:" + list;
  }
  if (!seen_ready_) {
    for (int i = 0; i < ready.gpus_size(); ++i) {
      VIADUCT_LOG_INFO("daemon", "gpu %d: %s (%s)", i, ready.gpus(i).name().c_str(),
                       ready.gpus(i).driver_name().c_str());
    }
  }
  seen_ready_ = true;
  last_ready_ = ready;
  tell_ready("workers start");
  return {};
}

int Server::run() {
  signals_.add(SIGINT);
  signals_.add(SIGTERM);
  signals_.async_wait([this](boost::system::error_code error, int) {
    if (!error) stop(0);
  });
  watch_spawner();
  for (BoundSocket& socket : options_.sockets) add_listener(std::move(socket));
  if (options_.http) {
    http_ = http::Server::start(loop_, std::move(options_.http), "http://" + options_.config.http.listen,
                                std::move(options_.http_token), [this](const http::Request& request) {
                                  return AdminService(*this).answer(request);
                                });
  }
  feed_watchdog();
  if (options_.no_vulkan.empty()) {
    pool_.start();
    if (pool_.target() == 0) tell_ready("no worker is kept warm");
    ready_timer_.expires_after(milliseconds(options_.config.start_timeout_ms));
    ready_timer_.async_wait([this](boost::system::error_code error) {
      if (!error)
        tell_ready("no worker has started within " + std::to_string(options_.config.start_timeout_ms) +
                   " ms");
    });
  } else {
    VIADUCT_LOG_WARN("daemon", "only OpenGL is lent (--gl virgl): %s", options_.no_vulkan.c_str());
    tell_ready("only OpenGL is lent");
  }
  loop_.run();
  return exit_status_;
}

void Server::tell_ready(const std::string& status) {
  if (std::exchange(told_ready_, true)) return;
  ready_timer_.cancel();
  options_.manager.tell_ready(status);
}

void Server::feed_watchdog() {
  const auto time = options_.manager.watchdog();
  if (time.count() == 0) return;
  options_.manager.tell("WATCHDOG=1");
  watchdog_timer_.expires_after(time / 2);
  watchdog_timer_.async_wait([this](boost::system::error_code error) {
    if (!error) feed_watchdog();
  });
}

void Server::watch_spawner() {
  const int copy = ::fcntl(spawner_.fd(), F_DUPFD_CLOEXEC, 0);
  if (copy < 0) return;
  spawner_watch_.assign(copy);
  spawner_watch_.async_wait(
      boost::asio::posix::stream_descriptor::wait_error, [this](boost::system::error_code error) {
        if (error) return;
        VIADUCT_LOG_ERROR("daemon",
                          "the spawner died; no worker can be started any more, so the service ends");
        stop(1);
      });
}

void Server::stop(int status) {
  if (std::exchange(stopping_, true)) return;
  exit_status_ = status;
  options_.manager.tell("STOPPING=1");
  VIADUCT_LOG_INFO("daemon", "stopping; %zu sessions end", sessions_.size());
  for (const auto& [id, session] : std::exchange(sessions_, {})) session->end("the service stops");
  loop_.stop();
}

std::shared_ptr<Server::Tenant> Server::tenant_of(const std::string& name) {
  std::shared_ptr<Tenant>& tenant = tenants_[name];
  if (tenant) return tenant;
  const auto known = options_.config.tenants.find(name);
  tenant = std::make_shared<Tenant>();
  tenant->name = name;
  tenant->limits = known == options_.config.tenants.end() ? options_.config.limits : known->second;
  return tenant;
}

void Server::add_doorbells(BoundSocket socket) {
  const std::shared_ptr<Tenant> tenant = tenant_of(socket.tenant);
  if (!tenant->memory) return;  // why not was logged
  if (!tenant->doorbells) {
    auto made = DoorbellServer::make(tenant->name, tenant->memory);
    if (!made) {
      VIADUCT_LOG_ERROR("daemon", "tenant %s has no doorbells: %s", tenant->name.c_str(),
                        to_string(made.error()).c_str());
      return;
    }
    tenant->doorbells = std::move(*made);
  }
  auto door = std::make_shared<Door>();
  door->via = socket.via;
  door->place = socket.path;
  door->listener = Listener::start(loop_, std::move(socket.fd), socket.path,
                                   [doorbells = tenant->doorbells](GuestSocket connected) {
                                     doorbells->on_connection(std::move(connected));
                                   });
  doors_[door->place] = door;
}

void Server::add_listener(BoundSocket socket) {
  if (socket.via == BoundSocket::Via::ivshmem) return add_doorbells(std::move(socket));
  auto door = std::make_shared<Door>();
  door->via = socket.via;
  door->place = socket.path;
  door->base = socket.base;
  std::string label = socket.path;
  if (door->local()) {
    door->tenant = tenant_of(socket.tenant);
    label = "unix://" + socket.path + " (tenant " + door->tenant->name + ")";
  }
  VIADUCT_LOG_INFO("daemon", "listening on %s", label.c_str());
  door->listener = Listener::start(loop_, std::move(socket.fd), label,
                                   [this, weak = std::weak_ptr<Door>(door)](GuestSocket connected) {
                                     if (const auto open = weak.lock())
                                       on_connection(open, std::move(connected));
                                   });
  doors_[door->place] = door;
}

int Server::list_gpus() {
  int status = 1;
  boost::asio::steady_timer timer(loop_, milliseconds(options_.config.start_timeout_ms));
  timer.async_wait([this](boost::system::error_code error) {
    if (error) return;
    std::fprintf(stderr, "viaductd: no worker started within %u ms\n", options_.config.start_timeout_ms);
    loop_.stop();
  });
  pool_.take([&](WorkerPool::Taken taken) {
    if (!taken) {
      std::fprintf(stderr, "viaductd: the GPUs cannot be listed: %s\n", taken.error().c_str());
    } else {
      for (int i = 0; i < last_ready_.gpus_size(); ++i) {
        const control::Gpu& gpu = last_ready_.gpus(i);
        std::printf("%d  %s  (%s %s, Vulkan %u.%u.%u)\n", i, gpu.name().c_str(), gpu.driver_name().c_str(),
                    gpu.driver_info().c_str(), gpu.api_version() >> 22 & 0x7f,
                    gpu.api_version() >> 12 & 0x3ff, gpu.api_version() & 0xfff);
      }
      (*taken)->kill();
      status = 0;
    }
    loop_.stop();
  });
  loop_.run();
  return status;
}

}  // namespace viaduct::host::daemon
