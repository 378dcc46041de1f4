#include "tools/viaductctl/options.hpp"

#include <charconv>
#include <string_view>

namespace viaduct::tools {

const char* ctl_help() {
  return R"(Usage: viaductctl run [--tenant NAME] [--url URL] -- PROGRAM ARGS...
       viaductctl status [--json] [--url URL]
       viaductctl gpus [--json] [--url URL]
       viaductctl kill SESSION [--url URL]

  run      start a program on Viaduct's Vulkan driver, with everything set
  status   tenants and their sessions: pid, program, frames, memory
  gpus     the GPUs that the service lends
  kill     end a session; its program sees its device lost

  --tenant NAME  run as this tenant, by the tenant's own socket
  --url URL      where the service is; default: VIADUCT_URL, then the standard
                 places ($XDG_RUNTIME_DIR/viaduct, /run/viaduct)
  --json         print JSON
  --help         print this, and exit
  --version      print the version, and exit

status, gpus and kill are for root and the service's own user. So is
`run --tenant` with a tenant that does not exist yet.
)";
}

tl::expected<CtlOptions, std::string> parse_ctl_options(int argc, const char* const* argv) {
  CtlOptions options;
  const auto bad = [](const std::string& text) { return tl::unexpected(text + "; see `viaductctl --help`"); };
  std::vector<std::string> words;
  int i = 1;
  for (; i < argc; ++i) {
    std::string_view word = argv[i];
    std::string value;
    bool has_value = false;
    if (word == "--") {
      ++i;
      break;
    }
    if (!word.starts_with("-")) {
      words.emplace_back(word);
      // A program's own options are not ours.
      if (words.size() == 2 && words.front() == "run") {
        words.pop_back();
        break;
      }
      continue;
    }
    if (const std::size_t equals = word.find('='); equals != std::string_view::npos) {
      value = word.substr(equals + 1);
      word = word.substr(0, equals);
      has_value = true;
    }
    if (word == "--help" || word == "--version") {
      options.verb = word == "--help" ? Verb::help : Verb::version;
      return options;
    }
    if (word == "--json") {
      options.json = true;
      continue;
    }
    std::string* target = word == "--url" ? &options.url : word == "--tenant" ? &options.tenant : nullptr;
    if (target == nullptr) return bad("unknown option '" + std::string(word) + "'");
    if (!has_value && i + 1 >= argc) return bad("option " + std::string(word) + " wants a value");
    *target = has_value ? value : argv[++i];
    if (target->empty()) return bad("option " + std::string(word) + " wants a value that is not empty");
  }
  for (; i < argc; ++i) options.program.emplace_back(argv[i]);
  if (words.empty()) return bad("a command is missing: run, status, gpus or kill");

  const std::string& verb = words.front();
  const std::size_t arguments = words.size() - 1;
  if (verb != "run" && !options.program.empty()) return bad(verb + " takes no program");
  if (verb != "run" && !options.tenant.empty()) return bad("--tenant belongs to run");
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
