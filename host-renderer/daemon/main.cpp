#include <signal.h>
#include <sys/stat.h>

#include <cstdio>
#include <exception>
#include <string>

#include "base/log.hpp"
#include "host-renderer/daemon/gl_setup.hpp"
#include "host-renderer/daemon/journal.hpp"
#include "host-renderer/daemon/options.hpp"
#include "host-renderer/daemon/privileges.hpp"
#include "host-renderer/daemon/server.hpp"
#include "host-renderer/daemon/worker_setup.hpp"
#include "host-renderer/http/http_place.hpp"
#include "transport/stream/token.hpp"

namespace viaduct::host::daemon {
namespace {

int complain(const std::string& text) {
  std::fprintf(stderr, "viaductd: %s\n", text.c_str());
  return 1;
}

// What the spawner may start: workers, OpenGL servers, or both. Where OpenGL is asked for, a host without a
// Vulkan driver is no error; `server` says so then.
tl::expected<SpawnerOptions, std::string> choose_programs(const Config& config, const Options& options,
                                                          ServerOptions& server) {
  SpawnerOptions programs;
  const bool gl = config.gl == "virgl" && !options.list_gpus;
  if (gl) {
    auto launch = make_gl_launch_config(config);
    if (!launch) return tl::unexpected(launch.error());
    programs.gl = std::move(*launch);
    server.no_vulkan = config.driver.empty() ? missing_driver(config) : "";
    if (!server.no_vulkan.empty()) return programs;
  }
  auto launch = make_launch_config(config, options.worker);
  if (!launch) return tl::unexpected(launch.error());
  programs.launch = std::move(*launch);
  return programs;
}

// Finds the strongest confinement that works here and says what it is. An error if it is too weak.
tl::expected<void, std::string> choose_confinement(const Config& config, sandbox::LaunchConfig& launch,
                                                   ServerOptions& server) {
  std::string why;
  launch.mode = sandbox::choose_mode(launch, why);
  const bool root = launch.mode == sandbox::Mode::root_namespaces;
  server.sandbox_complete = root || launch.mode == sandbox::Mode::user_namespaces;
  if (server.sandbox_complete) {
    server.sandbox = root ? "throw-away uids, private roots, own pids, no network, seccomp"
                          : "user namespaces, private roots, own pids, no network, seccomp";
    VIADUCT_LOG_INFO("daemon", "workers are confined: %s", server.sandbox.c_str());
    return {};
  }
  server.sandbox = std::string(launch.mode == sandbox::Mode::uid_only ? "throw-away uids, " : "") +
                   "landlock if the kernel has it, seccomp; no namespaces: " + why;
  if (config.require_sandbox) {
    return tl::unexpected(
        "workers cannot be fully confined here (" + why +
        "), and --require-sandbox asks for it; run viaductd as root, or allow user namespaces");
  }
  VIADUCT_LOG_WARN("daemon", "workers are NOT fully confined: %s", server.sandbox.c_str());
  return {};
}

tl::expected<void, std::string> open_http(const HttpConfig& config, ServerOptions& server) {
  if (config.listen.empty()) return {};
  if (!config.token_file.empty()) {
    auto token = transport::read_token_file(config.token_file);
    if (!token)
      return tl::unexpected("http.token_file " + config.token_file + ": " + to_string(token.error()) +
                            "; any 16 to 256 characters that nobody guesses will do");
    server.http_token = std::move(*token);
  }
  const auto place = http::parse_place(config.listen);
  if (!place) return tl::unexpected(place.error());
  auto socket = http::listen_at(*place);
  if (!socket) return tl::unexpected(socket.error());
  server.http = std::move(*socket);
  return {};
}

int serve(const Options& options) {
  Config config = default_config();
  if (!options.config.empty()) {
    auto loaded = load_config(options.config);
    if (!loaded) return complain(loaded.error());
    config = std::move(*loaded);
  }
  overlay(options, config);
  if (config.listen.empty() && !options.list_gpus) {
    const std::string url = default_listen_url();
    if (url.empty())
      return complain("nowhere to listen: XDG_RUNTIME_DIR is not set; give --listen unix:///PATH");
    config.listen.push_back(url);
  }
  if (options.list_gpus) {
    config.listen.clear();
    config.warm_workers = 0;
    config.gpu.clear();
    config.http = {};
  }
  ServerOptions server;
  ServiceManager manager = ServiceManager::from_environment();
  if (!options.list_gpus) server.manager = std::move(manager);
  auto programs = choose_programs(config, options, server);
  if (!programs) return complain(programs.error());
  sandbox::LaunchConfig& probed = server.no_vulkan.empty() ? programs->launch : *programs->gl;
  if (auto chosen = choose_confinement(config, probed, server); !chosen) return complain(chosen.error());
  if (programs->gl) programs->gl->mode = probed.mode;

  const Identity identity = service_identity();
  server.service_uid = identity.uid;
  auto tokens = load_tokens(config);
  if (!tokens) return complain(tokens.error());
  server.tokens = std::move(*tokens);
  if (auto opened = open_http(config.http, server); !opened) return complain(opened.error());
  auto sockets = bind_all(config, identity.uid, identity.gid);
  if (!sockets) return complain(sockets.error());
  programs->leftovers = sockets->leftovers;
  auto spawner = Spawner::start(*programs);
  if (!spawner) {
    remove_leftovers(sockets->leftovers);
    return complain("the spawner could not be started: " + to_string(spawner.error()));
  }
  server.memories = open_vm_memories(config, identity.uid, identity.gid);
  // From here on nothing of root is left in this process, and no guest byte has been read before.
  if (const auto dropped = become(identity); !dropped) return complain(to_string(dropped.error()));
  raise_descriptor_limit();
  // Not before the spawner was forked: it has a standard error, but no other descriptor of this process.
  if (stderr_is_the_journals()) log_to_journal();
  server.config = std::move(config);
  server.sockets = std::move(sockets->sockets);
  Server running(std::move(server), std::move(*spawner));
  return options.list_gpus ? running.list_gpus() : running.run();
}

}  // namespace
}  // namespace viaduct::host::daemon

int main(int argc, char** argv) {
  using namespace viaduct;
  const auto options = host::daemon::parse_options(argc, argv);
  if (!options) {
    std::fprintf(stderr, "viaductd: %s\n", options.error().c_str());
    return 2;
  }
  if (options->help) {
    std::fputs(host::daemon::daemon_help(), stdout);
    return 0;
  }
  if (options->version) {
    std::puts("viaductd " VIADUCT_VERSION);
    return 0;
  }
  log_set_default_level(options->list_gpus ? LogLevel::warn : LogLevel::info);
  log_set_context("daemon", "", 0);
  ::signal(SIGPIPE, SIG_IGN);
  // Tenants enter the folder of their sockets, and a worker's throw-away uid its private root. What only some
  // may open has its mode set.
  ::umask(022);
  try {
    return host::daemon::serve(*options);
  } catch (const std::exception& error) {
    VIADUCT_LOG_ERROR("daemon", "internal error: %s", error.what());
    return 1;
  }
}
