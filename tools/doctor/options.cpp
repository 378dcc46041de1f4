#include "tools/doctor/options.hpp"

#include <charconv>
#include <string_view>

namespace viaduct::tools {

const char* guest_doctor_help() {
  return R"(Usage: viaduct-doctor [--json] [--url URL] [--timeout SECONDS]

Looks at everything that a program of this machine needs to render on the GPU of
its host, a line each, and says what is wrong and what mends it. It ends with a
test picture rendered there, what carries the session, how quick it is, and how
mapped memory is shared with the host.

  --json             print JSON
  --url URL          look for the host there, not where VIADUCT_URL and
                     /etc/viaduct/url say
  --timeout SECONDS  give up after so long; default: 60
  --help             print this, and exit
  --version          print the version, and exit

Its status is 0 where nothing is wrong, 1 where something is, 2 for a wrong
command line.
)";
}

tl::expected<GuestDoctorOptions, std::string> parse_guest_doctor_options(int argc, const char* const* argv) {
  const auto bad = [](const std::string& text) {
    return tl::unexpected(text + "; see `viaduct-doctor --help`");
  };
  GuestDoctorOptions options;
  for (int i = 1; i < argc; ++i) {
    std::string word = argv[i];
    std::string value;
    const std::size_t equals = word.find('=');
    const bool has_value = equals != std::string::npos;
    if (has_value) {
      value = word.substr(equals + 1);
      word.resize(equals);
    }
    if (word == "--json" || word == "--help" || word == "--version") {
      if (has_value) return bad("option " + word + " takes no value");
      bool& flag = word == "--json" ? options.json : word == "--help" ? options.help : options.version;
      flag = true;
      continue;
    }
    if (word != "--url" && word != "--timeout") return bad("unknown argument '" + std::string(argv[i]) + "'");
    if (!has_value && i + 1 >= argc) return bad("option " + word + " wants a value");
    if (!has_value) value = argv[++i];
    if (word == "--url") {
      if (value.empty()) return bad("option --url wants a value that is not empty");
      options.url = value;
      continue;
    }
    const auto parsed = std::from_chars(value.data(), value.data() + value.size(), options.seconds);
    if (parsed.ec != std::errc() || parsed.ptr != value.data() + value.size() || options.seconds < 1 ||
        options.seconds > 3600)
      return bad("--timeout wants seconds from 1 to 3600, not '" + value + "'");
  }
  return options;
}

}  // namespace viaduct::tools
