#include "tools/viaductctl/options.hpp"

#include <charconv>
#include <string_view>

namespace viaduct::tools {

const char* ctl_help() {
  return R"(Usage: viaductctl run [--tenant NAME] [--gl zink|virgl] [--no-gl] [--url URL]
                      -- PROGRAM ARGS...
       viaductctl status [--json] [--url URL]
       viaductctl gpus [--json] [--url URL]
       viaductctl kill SESSION [--url URL]

  run      start a program on Viaduct's Vulkan driver, with everything set;
           OpenGL programs run there too: by Mesa's Zink, or where the
           host has no Vulkan by its OpenGL (viaductd --gl virgl)
  status   tenants and their sessions: pid, program, frames, memory
  gpus     the GPUs that the service lends
  kill     end a session; its program sees its device lost

  --tenant NAME  run as this tenant, by the tenant's own socket
  --gl WAY       how OpenGL programs run: zink, on the Vulkan driver, or virgl,
                 on the host's OpenGL; default: zink if the host has Vulkan
  --no-gl        leave OpenGL alone: set nothing for Mesa
  --url URL      where the service is; default: VIADUCT_URL, then the standard
                 places ($XDG_RUNTIME_DIR/viaduct, /run/viaduct)
  --json         print JSON
  --help         print this, and exit
  --version      print the version, and exit

status, gpus and kill are for root and the service's own user. So is
`run --tenant` with a tenant that does not exist yet.
)";
}

namespace {

// The words that are no options, and the options among them.
struct Split {
  CtlOptions options;
  std::vector<std::string> words;
  bool answered = false;  // --help or --version: nothing else matters
};

auto bad(const std::string& text) { return tl::unexpected(text + "; see `viaductctl --help`"); }

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
    if (word == "--json") {
      out.options.json = true;
      continue;
    }
    if (word == "--no-gl") {
      out.options.gl = false;
      continue;
    }
    std::string* target = word == "--url"      ? &out.options.url
                          : word == "--tenant" ? &out.options.tenant
                          : word == "--gl"     ? &out.options.gl_by
                                               : nullptr;
    if (target == nullptr) return bad("unknown option '" + std::string(word) + "'");
    if (!has_value && i + 1 >= argc) return bad("option " + std::string(word) + " wants a value");
    *target = has_value ? value : argv[++i];
    if (target->empty()) return bad("option " + std::string(word) + " wants a value that is not empty");
  }
  for (; i < argc; ++i) out.options.program.emplace_back(argv[i]);
  return out;
}

}  // namespace

tl::expected<CtlOptions, std::string> parse_ctl_options(int argc, const char* const* argv) {
  auto parts = split(argc, argv);
  if (!parts) return tl::unexpected(parts.error());
  CtlOptions& options = parts->options;
  if (parts->answered) return options;
  const std::vector<std::string>& words = parts->words;
  if (words.empty()) return bad("a command is missing: run, status, gpus or kill");

  const std::string& verb = words.front();
  const std::size_t arguments = words.size() - 1;
  if (verb != "run" && !options.program.empty()) return bad(verb + " takes no program");
  if (verb != "run" && !options.tenant.empty()) return bad("--tenant belongs to run");
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
  } else if (verb == "status" || verb == "gpus") {
    options.verb = verb == "status" ? Verb::status : Verb::gpus;
    if (arguments != 0) return bad(verb + " takes no argument");
  } else if (verb == "kill") {
    options.verb = Verb::kill;
    if (arguments != 1) return bad("kill wants one session's number; `viaductctl status` lists them");
    const std::string& number = words[1];
    const auto parsed = std::from_chars(number.data(), number.data() + number.size(), options.session);
    if (parsed.ec != std::errc() || parsed.ptr != number.data() + number.size() || options.session == 0) {
      return bad("'" + number + "' is no session's number");
    }
  } else {
    return bad("unknown command '" + verb + "'");
  }
  return options;
}

}  // namespace viaduct::tools
