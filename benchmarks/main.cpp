// viaduct-bench: measures the forwarded driver against the host's own.
#include <cstdio>
#include <string_view>

#include "api/api.hpp"
#include "api/columns.hpp"
#include "fps/fps.hpp"
#include "link/link.hpp"

namespace {

void usage(std::FILE* to) {
  std::fputs("usage: viaduct-bench COMMAND [OPTIONS]\n\n", to);
  std::fputs(viaduct::bench::kFpsUsage, to);
  std::fputs("\n", to);
  std::fputs(viaduct::bench::kApiUsage, to);
  std::fputs("\nviaduct-bench --help\n", to);
}

}  // namespace

int main(int argc, char** argv) {
  std::string_view command = argc > 1 ? argv[1] : "";
  if (command == "fps") return viaduct::bench::fps_main(argc - 2, argv + 2);
  if (command == "fps-tenant") return viaduct::bench::fps_tenant_main(argc - 2, argv + 2);
  if (command == "api") return viaduct::bench::api_main(argc - 2, argv + 2);
  if (command == "api-rows") return viaduct::bench::api_rows_main(argc - 2, argv + 2);
  if (command == "link-rows") return viaduct::bench::link_rows_main(argc - 2, argv + 2);
  if (command == "link-relay") return viaduct::bench::link_relay_main(argc - 2, argv + 2);
  bool asked = command == "--help" || command == "-h" || command == "help";
  usage(asked ? stdout : stderr);
  return asked ? 0 : 2;
}
