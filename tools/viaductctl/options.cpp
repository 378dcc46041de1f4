#include "tools/viaductctl/options.hpp"

#include <charconv>
#include <string_view>

#include "host-renderer/daemon/config.hpp"
#include "tools/viaductctl/vm_print.hpp"

namespace viaduct::tools {

const char* ctl_help() {
  return R"(Usage: viaductctl run [--tenant NAME] [--gl zink|virgl] [--no-gl] [--url URL]
                      -- PROGRAM ARGS...
       viaductctl status [--json] [--url URL]
       viaductctl top [--once] [--json] [--interval SECONDS] [--sort KEY]
                      [--filter TEXT] [--by-tenant] [--url URL]
       viaductctl gpus [--json] [--url URL]
       viaductctl kill SESSION [--url URL]
       viaductctl policy NAME [--url URL]
       viaductctl tenant set NAME [--share PERCENT] [--fps N] [--url URL]
       viaductctl doctor [--json] [--url URL] [--config-dir DIR]
       viaductctl config check [PATH...] [--config-dir DIR]
       viaductctl vm add NAME [--cid N] [--memory SIZE [--memory-owner USER]
                      [--doorbell]] [--print FORM] [--config-dir DIR]
       viaductctl vm list [--config-dir DIR]
       viaductctl vm show NAME [--print FORM] [--config-dir DIR]
       viaductctl vm remove NAME [--config-dir DIR]

  run      start a program on Viaduct's Vulkan driver, with everything set;
           OpenGL programs run there too: by Mesa's Zink, or where the
           host has no Vulkan by its OpenGL (viaductd --gl virgl)
  status   tenants and their sessions: pid, program, frames, memory
  top      tenants and sessions as they run: frames a second, the 99th
           percentile of the time between frames, GPU time, memory, commands and
           bytes a second. On a terminal it goes on until q, h shows its keys, and k
           ends a session after a question; elsewhere it prints once
  gpus     the GPUs that the service lends
  kill     end a session; its program sees its device lost
  policy   share the GPU out among tenants by best-effort, equal-share or
           fixed-share, from now on until the service ends
  tenant   change what a tenant may have, from now on until the service ends
  doctor   look at every prerequisite of this host, and say what is wrong and
           what mends it; 1 is its status where something is wrong
  config   check the service's settings and every file of tenants.d as the
           service would read them: file, line and column of all that is wrong;
           1 is its status where something is. A PATH is a file for viaductd
           --config, a folder with a viaductd.toml, or a file of a tenants.d
  vm       virtual machines that may use the service: add writes a VM's
           settings and its token, and prints what to add to the VM and what to
           do inside it; show prints that again; list names them; remove takes
           one away. The service takes changes up when it starts again

  --tenant NAME  run as this tenant, by the tenant's own socket
  --gl WAY       how OpenGL programs run: zink, on the Vulkan driver, or virgl,
                 on the host's OpenGL; default: zink if the host has Vulkan
  --no-gl        leave OpenGL alone: set nothing for Mesa
  --url URL      where the service is; default: VIADUCT_URL, then the standard
                 places ($XDG_RUNTIME_DIR/viaduct, /run/viaduct)
  --json         print JSON
  --share PERCENT  of the GPU's time under fixed-share; 0: none of its own
  --fps N        frames a second of each of its programs, at most; 0: no cap
  --once         print two samples' difference as plain text, and exit
  --interval SECONDS  from one sample to the next, 0.1 to 3600; default: 1
  --sort KEY     tenant, session, program, fps, p99, gpu, memory, commands or
                 bytes; default: tenant
  --filter TEXT  only tenants and programs with this in their names
  --by-tenant    a line for each tenant instead of each session
  --cid N        the VM's vsock CID; default: a free one from 100
  --memory SIZE  memory that the VM shares with the host, a power of two like
                 "512 MiB"; without it the VM's sessions are stream only
  --memory-owner USER  who runs the VM; default: root
  --doorbell     interrupts for that memory
  --print FORM   print for qemu, libvirt or proxmox only
  --config-dir DIR  the service's settings; default: /etc/viaduct
  --help         print this, and exit
  --version      print the version, and exit

status, top, gpus, kill, policy, tenant and doctor are for root and the service's own user. So is
`run --tenant` with a tenant that does not exist yet. vm add and vm remove are
for root.
)";
}

namespace {

// The words that are no options, and the options among them.
struct Split {
  CtlOptions options;
  std::string cid;
  std::string share;
  std::string fps;
  std::string vm_option;   // one that belongs to vm alone; empty = none was there
  std::string top_option;  // the same of top
  std::string interval, sort;
  bool config_dir = false;
  std::vector<std::string> words;
  bool answered = false;  // --help or --version: nothing else matters
};

auto bad(const std::string& text) { return tl::unexpected(text + "; see `viaductctl --help`"); }

std::string* vm_value(Split& out, std::string_view word) {
  VmOptions& vm = out.options.vm;
  return word == "--cid"            ? &out.cid
         : word == "--memory"       ? &vm.memory
         : word == "--memory-owner" ? &vm.memory_owner
         : word == "--print"        ? &vm.print
         : word == "--config-dir"   ? &vm.config_dir
                                    : nullptr;
}

std::string* top_value(Split& out, std::string_view word) {
  return word == "--interval" ? &out.interval
         : word == "--sort"   ? &out.sort
         : word == "--filter" ? &out.options.top.filter
                              : nullptr;
}

// An option without a value that sets something; false: it is none.
bool set_flag(Split& out, std::string_view word) {
  CtlOptions& options = out.options;
  if (word == "--json") {
    options.json = true;
  } else if (word == "--no-gl") {
    options.gl = false;
  } else if (word == "--doorbell") {
    options.vm.doorbell = true;
    out.vm_option = word;
  } else if (word == "--once" || word == "--by-tenant") {
    (word == "--once" ? options.top.once : options.top.by_tenant) = true;
    out.top_option = word;
  } else {
    return false;
  }
  return true;
}

template <class Number>
bool read_number(const std::string& text, Number& out) {
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), out);
  return parsed.ec == std::errc() && parsed.ptr == text.data() + text.size();
}

tl::expected<Split, std::string> split(int argc, const char* const* argv) {
  Split out;
  int i = 1;
  for (; i < argc; ++i) {
    std::string_view word = argv[i];
    if (word == "--") {
      ++i;
      break;
    }
    if (!word.starts_with("-")) {
      // The program's name: its own options are not ours.
      if (out.words.size() == 1 && out.words.front() == "run") break;
      out.words.emplace_back(word);
      continue;
    }
    std::string value;
    const std::size_t equals = word.find('=');
    const bool has_value = equals != std::string_view::npos;
    if (has_value) {
      value = word.substr(equals + 1);
      word = word.substr(0, equals);
    }
    if (word == "--help" || word == "--version") {
      out.options.verb = word == "--help" ? Verb::help : Verb::version;
      out.answered = true;
      return out;
    }
    if (set_flag(out, word)) continue;
    std::string* const of_top = top_value(out, word);
    if (of_top != nullptr) out.top_option = word;
    std::string* const of_vm = vm_value(out, word);
    if (word == "--config-dir")
      out.config_dir = true;
    else if (of_vm != nullptr)
      out.vm_option = word;
    std::string* target = of_vm != nullptr     ? of_vm
                          : of_top != nullptr  ? of_top
                          : word == "--url"    ? &out.options.url
                          : word == "--tenant" ? &out.options.tenant
                          : word == "--gl"     ? &out.options.gl_by
                          : word == "--share"  ? &out.share
                          : word == "--fps"    ? &out.fps
                                               : nullptr;
    if (target == nullptr) return bad("unknown option '" + std::string(word) + "'");
    if (!has_value && i + 1 >= argc) return bad("option " + std::string(word) + " wants a value");
    *target = has_value ? value : argv[++i];
    if (target->empty()) return bad("option " + std::string(word) + " wants a value that is not empty");
  }
  for (; i < argc; ++i) out.options.program.emplace_back(argv[i]);
  return out;
}

// What stands behind the word vm.
tl::expected<void, std::string> read_vm(Split& parts) {
  const std::vector<std::string>& words = parts.words;
  VmOptions& vm = parts.options.vm;
  if (parts.options.json || !parts.options.url.empty()) return bad("vm takes neither --json nor --url");
  const std::string verb = words.size() < 2 ? "" : words[1];
  if (verb == "list") {
    if (words.size() != 2) return bad("vm list takes no argument");
  } else if (verb == "add" || verb == "show" || verb == "remove") {
    vm.verb = verb == "add" ? VmVerb::add : verb == "show" ? VmVerb::show : VmVerb::remove;
    if (words.size() != 3) return bad("vm " + verb + " wants one VM's name");
    vm.name = words[2];
    if (!host::daemon::valid_tenant_name(vm.name))
      return bad("'" + vm.name + "' is no name: letters, digits, '-', '_' and '.', at most 64");
  } else {
    return bad("vm wants add, list, show or remove");
  }
  const bool settings = !parts.cid.empty() || !vm.memory.empty() || !vm.memory_owner.empty() || vm.doorbell;
  if (settings && vm.verb != VmVerb::add) return bad("vm " + verb + " takes no settings; vm add does");
  if (!vm.print.empty() && vm.verb != VmVerb::add && vm.verb != VmVerb::show)
    return bad("vm " + verb + " takes no --print");
  if (!vm.print.empty() && !valid_print(vm.print))
    return bad("--print wants qemu, libvirt or proxmox, not '" + vm.print + "'");
  if (vm.memory.empty() && (vm.doorbell || !vm.memory_owner.empty()))
    return bad(std::string(vm.doorbell ? "--doorbell" : "--memory-owner") + " needs --memory");
  if (!parts.cid.empty() && !read_number(parts.cid, vm.cid.emplace()))
    return bad("'" + parts.cid + "' is no CID, a number from 3 to 4294967294");
  return {};
}

// What stands behind the word tenant.
tl::expected<void, std::string> read_tenant(Split& parts) {
  const std::vector<std::string>& words = parts.words;
  CtlOptions& options = parts.options;
  if (words.size() != 3 || words[1] != "set") return bad("tenant wants `set` and a tenant's name");
  options.set_tenant = words[2];
  if (parts.share.empty() && parts.fps.empty()) return bad("tenant set wants --share or --fps");
  if (!parts.share.empty() &&
      (!read_number(parts.share, options.share.emplace()) || *options.share > host::kMostSharePercent))
    return bad("--share wants a percentage from 0 to " + std::to_string(host::kMostSharePercent) + ", not '" +
               parts.share + "'");
  if (!parts.fps.empty() &&
      (!read_number(parts.fps, options.fps.emplace()) || *options.fps > host::kMostFramesPerSecond))
    return bad("--fps wants a number from 0 to " + std::to_string(host::kMostFramesPerSecond) + ", not '" +
               parts.fps + "'");
  return {};
}

// What stands behind the word config.
tl::expected<void, std::string> read_config(Split& parts) {
  const std::vector<std::string>& words = parts.words;
  CtlOptions& options = parts.options;
  if (options.json || !options.url.empty()) return bad("config takes neither --json nor --url");
  if (words.size() < 2 || words[1] != "check") return bad("config wants `check`");
  options.check_paths.assign(words.begin() + 2, words.end());
  if (parts.config_dir && !options.check_paths.empty())
    return bad("config check wants paths or --config-dir, not both");
  if (options.check_paths.empty()) options.check_paths.push_back(options.vm.config_dir + "/viaductd.toml");
  return {};
}

// What top's options say.
tl::expected<void, std::string> read_top(Split& parts) {
  TopOptions& top = parts.options.top;
  if (!parts.interval.empty()) {
    double seconds = 0;
    if (!read_number(parts.interval, seconds) || !(seconds >= 0.1 && seconds <= 3600))
      return bad("--interval wants seconds from 0.1 to 3600, not '" + parts.interval + "'");
    top.interval_ms = static_cast<int>(seconds * 1000 + 0.5);
  }
  if (!parts.sort.empty()) {
    const auto key = find_sort_key(parts.sort);
    if (!key)
      return bad("--sort wants tenant, session, program, fps, p99, gpu, memory, commands or bytes, not '" +
                 parts.sort + "'");
    top.sort = *key;
  }
  if (top.by_tenant && (top.sort == SortKey::session || top.sort == SortKey::program))
    return bad("tenants have no " + parts.sort + " to sort by");
  return {};
}

}  // namespace

tl::expected<CtlOptions, std::string> parse_ctl_options(int argc, const char* const* argv) {
  auto parts = split(argc, argv);
  if (!parts) return tl::unexpected(parts.error());
  CtlOptions& options = parts->options;
  if (parts->answered) return options;
  const std::vector<std::string>& words = parts->words;
  if (words.empty())
    return bad("a command is missing: run, status, top, gpus, kill, policy, tenant, doctor, config or vm");

  const std::string& verb = words.front();
  const std::size_t arguments = words.size() - 1;
  if (verb != "run" && !options.program.empty()) return bad(verb + " takes no program");
  if (verb != "run" && !options.tenant.empty()) return bad("--tenant belongs to run");
  if (verb != "vm" && !parts->vm_option.empty()) return bad(parts->vm_option + " belongs to vm");
  if (verb != "vm" && verb != "doctor" && verb != "config" && parts->config_dir)
    return bad("--config-dir belongs to vm, doctor and config");
  if (verb != "tenant" && (!parts->share.empty() || !parts->fps.empty()))
    return bad("--share and --fps belong to tenant set");
  if (verb != "top" && !parts->top_option.empty()) return bad(parts->top_option + " belongs to top");
  if (verb != "run" && !options.gl) return bad("--no-gl belongs to run");
  if (verb != "run" && !options.gl_by.empty()) return bad("--gl belongs to run");
  if (!options.gl && !options.gl_by.empty()) return bad("--gl and --no-gl exclude each other");
  if (!options.gl_by.empty() && options.gl_by != "zink" && options.gl_by != "virgl") {
    return bad("--gl wants zink or virgl, not '" + options.gl_by + "'");
  }
  if (verb == "run") {
    options.verb = Verb::run;
    if (options.program.empty()) return bad("run wants a program: viaductctl run -- PROGRAM ARGS...");
    if (options.json) return bad("run prints no JSON");
  } else if (verb == "status" || verb == "top" || verb == "gpus" || verb == "doctor") {
    options.verb = verb == "status" ? Verb::status
                   : verb == "top"  ? Verb::top
                   : verb == "gpus" ? Verb::gpus
                                    : Verb::doctor;
    if (arguments != 0) return bad(verb + " takes no argument");
    if (auto read = read_top(*parts); !read) return tl::unexpected(read.error());
  } else if (verb == "kill") {
    options.verb = Verb::kill;
    if (arguments != 1) return bad("kill wants one session's number; `viaductctl status` lists them");
    const std::string& number = words[1];
    if (!read_number(number, options.session) || options.session == 0) {
      return bad("'" + number + "' is no session's number");
    }
  } else if (verb == "policy") {
    options.verb = Verb::policy;
    if (arguments != 1) return bad("policy wants one name: best-effort, equal-share or fixed-share");
    options.policy = words[1];
    if (!host::parse_share_policy(options.policy))
      return bad(std::string(host::kShareComplaint) + ", not '" + options.policy + "'");
  } else if (verb == "tenant") {
    options.verb = Verb::tenant;
    if (auto read = read_tenant(*parts); !read) return tl::unexpected(read.error());
  } else if (verb == "config") {
    options.verb = Verb::config;
    if (auto read = read_config(*parts); !read) return tl::unexpected(read.error());
  } else if (verb == "vm") {
    options.verb = Verb::vm;
    if (auto read = read_vm(*parts); !read) return tl::unexpected(read.error());
  } else {
    return bad("unknown command '" + verb + "'");
  }
  return options;
}

}  // namespace viaduct::tools
