// viaductd's settings: the TOML file, with the command line laid over it by main().
//
//   listen = ["unix:///run/viaduct/viaduct.sock"]  # tcp://ADDRESS:PORT and vsock://any:PORT too
//   driver = "/usr/share/vulkan/icd.d/nvidia_icd.json"
//   gpu = "0"                    # name or index; absent = every GPU
//   require_sandbox = false      # refuse to start workers that cannot be fully confined
//   gl = "virgl"                 # lend OpenGL too, by virglrenderer's vtest server; "none" = do not
//   validate = false             # the Khronos validation layer on the host's driver
//   expose = ["/opt/amdgpu"]     # further paths that the driver reads
//   policy = "best-effort"       # how tenants share the GPU: "equal-share", "fixed-share"
//   compression = true           # offer it to guests whose memory travels on the stream; also a tenant's own
//   allow_public_tcp = false     # listen on tcp:// addresses that are no private network's too
//   [pool]
//   warm = 2
//   start_timeout_ms = 10000
//   [http]                       # the web page, metrics and health; absent = off
//   listen = "127.0.0.1:9477"
//   token_file = "/etc/viaduct/http-token"  # needed for changes, and where others than this machine reach it
//   [limits]                     # for every tenant that says nothing else
//   arena = "4 GiB"              # host-visible memory of a session (touched pages count)
//   device_memory = "0"          # 0 = the driver's limit
//   max_objects = 1048576        # of each type, a session
//   sessions = 64
//   [tenants.alice]              # gets the socket viaduct.sock.d/alice.sock
//   socket_owner = "alice"       # a user, by name or number: who may claim the tenant is who may connect
//   socket_group = "render"
//   socket_mode = "0660"
//   arena = "1 GiB"              # and the other limits
//   [tenants.vm1]                # a VM
//   cid = 42                     # over vsock: this CID is this tenant
//   token_file = "/etc/viaduct/tokens/vm1"  # over TCP: who shows this file's content is this tenant
//   share = 25                   # percent of the GPU's time, under fixed-share
//   fps = 60                     # frames per second of each of its programs, at most
//   memory = "512 MiB"           # the VM's shared memory (ivshmem): /dev/shm/viaduct-vm1, a power of two
//   memory_owner = "libvirt-qemu"  # who runs the VM and so must open that file
//   doorbell = true              # the VM's device is an ivshmem-doorbell, served by viaductd
//
// `[tenants.default]` describes the listening socket itself. Tenants may also stand in files of their own, in
// the folder tenants.d beside the named file: tenants.d/vm1.toml, with [tenants.vm1] and nothing else.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "host-renderer/schedule/fair_shares.hpp"

namespace viaduct::host::daemon {

inline constexpr const char* kDefaultTenant = "default";

inline constexpr uint64_t kMinVmMemory = 32u << 20;
inline constexpr uint64_t kMaxVmMemory = uint64_t{1} << 40;

struct TenantConfig {
  std::string socket_owner;  // empty = who starts the service
  std::string socket_group;
  std::optional<mode_t> socket_mode;
  uint64_t arena_bytes = 0;
  uint64_t device_memory_bytes = 0;
  uint32_t max_objects = 1u << 20;
  uint32_t sessions = 64;
  bool compression = true;  // offered to guests whose memory travels on the stream
  std::optional<uint32_t> cid;
  std::string token_file;     // empty = no TCP
  uint64_t memory_bytes = 0;  // 0, or a power of two from kMinVmMemory
  std::string memory_owner;   // empty = who starts the service
  bool doorbell = false;
  GpuAllowance gpu;  // share and cap
};

struct HttpConfig {
  std::string listen;      // empty = off
  std::string token_file;  // empty = nobody has to show one
};

struct Config {
  std::vector<std::string> listen;
  std::string driver;
  std::string gpu;
  std::string gl = "none";  // or "virgl"
  bool require_sandbox = false;
  bool validate = false;
  bool allow_public_tcp = false;  // listen on addresses that anybody may reach
  std::vector<std::string> expose;
  SharePolicy policy = SharePolicy::best_effort;
  uint32_t warm_workers = 2;
  uint32_t start_timeout_ms = 10'000;
  uint32_t handshake_timeout_ms = 5'000;
  TenantConfig limits;
  HttpConfig http;
  std::map<std::string, TenantConfig> tenants;
  std::map<std::string, std::string> tenant_places;  // "file:line" of each
};

// Whether `text` is a value of `gl`; what to say if it is not.
inline constexpr const char* kGlComplaint = "gl wants \"virgl\" or \"none\"";
[[nodiscard]] inline bool valid_gl(std::string_view text) { return text == "virgl" || text == "none"; }

// The defaults depend on the machine: an arena is at most half of its memory.
Config default_config();

// What is wrong in a file, and where. Line 0: with the file as a whole.
struct Complaint {
  std::string file;
  uint32_t line = 0;
  uint32_t column = 0;
  std::string what;  // and what would be right
};
// "file:line:column: what".
[[nodiscard]] std::string to_string(const Complaint& complaint);

// All that a named file and the folder tenants.d beside it say, and all that is wrong there; the settings
// count only where nothing is.
struct Settings {
  Config config;
  std::vector<std::string> files;  // those that could be read
  std::vector<Complaint> complaints;
};
[[nodiscard]] Settings read_settings(const std::string& path);

// Errors are for people: file, line, what is wrong, what would be right; the first, and how many more there
// are.
[[nodiscard]] tl::expected<Config, std::string> parse_config(std::string_view text, const std::string& name);
// Adds the tenants of a file of tenants.d.
[[nodiscard]] tl::expected<void, std::string> parse_tenants(std::string_view text, const std::string& name,
                                                            Config& config);
// Adds those of every file of the folder that ends in .toml; without a folder, none.
[[nodiscard]] tl::expected<void, std::string> load_tenants(const std::string& folder, Config& config);
// With the tenants of the folder tenants.d beside it, if there is one.
[[nodiscard]] tl::expected<Config, std::string> load_config(const std::string& path);

// "512 MiB", "4GiB", "1048576"; a letter alone counts as QEMU counts it: "512M" is 512 MiB.
[[nodiscard]] std::optional<uint64_t> parse_size(std::string_view text);

// Letters, digits, '-', '_' and '.', at most 64, not beginning with '.'.
[[nodiscard]] bool valid_tenant_name(std::string_view name);

}  // namespace viaduct::host::daemon
