#include "fps/fps.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "fps/report.hpp"
#include "fps/runner.hpp"
#include "fps/tenant.hpp"
#include "launch.hpp"
#include "text.hpp"

namespace viaduct::bench {

const char kFpsUsage[] =
    "viaduct-bench fps [OPTIONS]\n"
    "  Frames per second of several tenants at once, through the service that VIADUCT_URL names.\n"
    "  --tenants N       processes rendering at once (default 1)\n"
    "  --seconds S       measured time of each, per driver (default 10)\n"
    "  --scene NAME      cubes (default), spin, record\n"
    "  --native          the same on the host's driver, in stretches between the forwarded ones, and the "
    "ratio\n"
    "  --driver FILE     manifest of the host's driver for --native (else VIADUCT_NATIVE_DRIVER, else the\n"
    "                    loader's choice)\n"
    "  --icd FILE        manifest of the guest driver (default: the one beside this program)\n"
    "  --width W, --height H   size of the picture (default 1280x720; 640x360 on a software driver)\n"
    "  --json FILE       the figures as JSON too\n"
    "  --frames-dir DIR  a PNG of each tenant's last frame, DIR/tenant-N.png\n"
    "  --quiet           no progress\n";

namespace {

template <class T>
bool parse_number(const char* text, T low, T high, T& value) {
  T parsed{};
  auto [end, error] = std::from_chars(text, text + std::strlen(text), parsed);
  if (error != std::errc{} || *end || parsed < low || parsed > high) return false;
  value = parsed;
  return true;
}

// 0: go on; otherwise the exit status.
int parse(int argc, char** argv, RunOptions& options) {
  for (int i = 0; i < argc; ++i) {
    std::string_view name = argv[i];
    if (name == "--native") {
      options.native = true;
      continue;
    }
    if (name == "--quiet") {
      options.progress = false;
      continue;
    }
    if (name == "--help" || name == "-h") {
      std::fputs(kFpsUsage, stdout);
      return -1;
    }
    const char* value = i + 1 < argc ? argv[i + 1] : nullptr;
    bool good = value != nullptr;
    if (name == "--tenants") {
      good = good && parse_number(value, 1u, 1000u, options.tenants);
    } else if (name == "--seconds") {
      good = good && parse_number(value, 0.1, 86400.0, options.seconds);
    } else if (name == "--scene") {
      good = good && parse_scene(value, options.scene);
    } else if (name == "--width") {
      good = good && parse_number(value, 16u, 8192u, options.width);
    } else if (name == "--height") {
      good = good && parse_number(value, 16u, 8192u, options.height);
    } else if (name == "--driver") {
      if (good) options.native_driver = value;
    } else if (name == "--icd") {
      if (good) options.icd = value;
    } else if (name == "--json") {
      if (good) options.json = value;
    } else if (name == "--frames-dir") {
      if (good) options.frames_dir = value;
    } else {
      std::fprintf(stderr, "viaduct-bench fps: unknown option '%s'\n%s", argv[i], kFpsUsage);
      return 2;
    }
    if (!good) {
      std::fprintf(stderr, "viaduct-bench fps: %s wants another value than '%s'\n", argv[i],
                   value ? value : "");
      return 2;
    }
    ++i;
  }
  return 0;
}

}  // namespace

int fps_main(int argc, char** argv) {
  RunOptions options;
  if (int status = parse(argc, argv, options)) return status < 0 ? 0 : status;
  if (options.icd.empty()) options.icd = manifest_beside_program();
  if (access(options.icd.c_str(), R_OK) != 0) {
    std::fprintf(stderr, "viaduct-bench fps: no guest driver manifest at %s (--icd names one)\n",
                 options.icd.c_str());
    return 1;
  }
  if (options.native_driver.empty())
    if (const char* driver = std::getenv("VIADUCT_NATIVE_DRIVER")) options.native_driver = driver;
  if (!options.frames_dir.empty() && mkdir(options.frames_dir.c_str(), 0777) != 0 && errno != EEXIST) {
    std::fprintf(stderr, "viaduct-bench fps: %s: %s\n", options.frames_dir.c_str(), std::strerror(errno));
    return 1;
  }
  Report report;
  bool good = run_fps(options, report);
  if (!report.tenants.empty()) std::fputs(table(report).c_str(), stdout);
  if (good && !options.json.empty()) good = write_text(options.json, json(report));
  return good ? 0 : 1;
}

int fps_tenant_main(int argc, char** argv) {
  // fd tenant scene width height
  RendererOptions options;
  int fd = -1;
  if (argc != 5 || !parse_number(argv[0], 0, 1 << 20, fd) ||
      !parse_number(argv[1], 1u, 1000u, options.tenant) || !parse_scene(argv[2], options.scene) ||
      !parse_number(argv[3], 0u, 8192u, options.width) || !parse_number(argv[4], 0u, 8192u, options.height))
    return 2;
  return run_tenant(options, fd);
}

}  // namespace viaduct::bench
