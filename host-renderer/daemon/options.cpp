#include "host-renderer/daemon/options.hpp"

#include <string_view>

namespace viaduct::host::daemon {

const char* daemon_help() {
  return R"(Usage: viaductd [--listen URL]... [--driver ICD.json] [--gpu NAME-OR-INDEX] [OPTION]...

Lends this machine's GPU to Vulkan programs in other processes, containers and
virtual machines: each gets a sandboxed worker of its own.

  --listen URL        listen here; may be repeated. unix:///PATH makes a socket,
                      and PATH.d/NAME.sock for each tenant; vsock://any:PORT and
                      tcp://ADDRESS:PORT are for virtual machines. Default:
                      unix:///run/viaduct/viaduct.sock for root, otherwise
                      unix://$XDG_RUNTIME_DIR/viaduct/viaduct.sock
  --driver ICD.json   the host's Vulkan driver, by its manifest; default: every
                      driver that the system has
  --gpu NAME-OR-INDEX offer this GPU only: its index in --list-gpus, or part of
                      its name
  --gl virgl          lend OpenGL too, by virglrenderer's vtest server (Debian's
                      package virgl-server): for hosts without Vulkan
  --config FILE       settings, tenants and limits (TOML)
  --expose PATH       let workers read this file or folder too; may be repeated
  --require-sandbox   start no worker that cannot be fully confined
  --validate          load the Khronos validation layer in the workers and log what
                      it has to say; slow, for finding errors
  --list-gpus         print the GPUs that can be lent, and exit
  --help              print this, and exit
  --version           print the version, and exit

Programs reach the service by VIADUCT_URL; `viaductctl run -- PROGRAM` sets all
that a program needs. VIADUCT_LOG=info|debug|... sets what is logged.
)";
}

tl::expected<Options, std::string> parse_options(int argc, const char* const* argv) {
  Options options;
  const auto bad = [](std::string text) {
    return tl::unexpected(std::move(text) + "; `viaductd --help` lists the options");
  };
  for (int i = 1; i < argc; ++i) {
    std::string_view name = argv[i];
    std::string value;
    bool inline_value = false;
    if (const std::size_t equals = name.find('=');
        name.starts_with("--") && equals != std::string_view::npos) {
      value = name.substr(equals + 1);
      name = name.substr(0, equals);
      inline_value = true;
    }
    struct Flag {
      std::string_view name;
      bool* target;
    };
    bool known = false;
    for (const Flag& flag : {Flag{"--require-sandbox", &options.require_sandbox},
                             Flag{"--validate", &options.validate}, Flag{"--list-gpus", &options.list_gpus},
                             Flag{"--help", &options.help}, Flag{"--version", &options.version}}) {
      if (name != flag.name) continue;
      if (inline_value) return bad("option " + std::string(name) + " takes no value");
      *flag.target = known = true;
    }
    if (known) continue;

    std::vector<std::string>* list = nullptr;
    std::string* single = nullptr;
    if (name == "--listen") list = &options.listen;
    if (name == "--expose") list = &options.expose;
    if (name == "--driver") single = &options.driver;
    if (name == "--gpu") single = &options.gpu;
    if (name == "--gl") single = &options.gl;
    if (name == "--config") single = &options.config;
    if (name == "--worker") single = &options.worker;
    if (list == nullptr && single == nullptr) return bad("unknown option '" + std::string(argv[i]) + "'");
    if (!inline_value) {
      if (i + 1 >= argc) return bad("option " + std::string(name) + " wants a value");
      value = argv[++i];
    }
    if (value.empty()) return bad("option " + std::string(name) + " wants a value that is not empty");
    if (list != nullptr) list->push_back(value);
    if (single != nullptr) *single = value;
  }
  if (!options.gl.empty() && !valid_gl(options.gl)) return bad("--gl " + options.gl + ": " + kGlComplaint);
  return options;
}

void overlay(const Options& options, Config& config) {
  if (!options.listen.empty()) config.listen = options.listen;
  if (!options.driver.empty()) config.driver = options.driver;
  if (!options.gpu.empty()) config.gpu = options.gpu;
  if (!options.gl.empty()) config.gl = options.gl;
  config.require_sandbox |= options.require_sandbox;
  config.validate |= options.validate;
  config.expose.insert(config.expose.end(), options.expose.begin(), options.expose.end());
}

}  // namespace viaduct::host::daemon
