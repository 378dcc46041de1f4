#include "micro/micro.hpp"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "launch.hpp"

namespace viaduct::bench {

const char kMicroUsage[] =
    "viaduct-bench micro [OPTIONS]\n"
    "  What single calls cost, natively and through the service that VIADUCT_URL names, in turns.\n"
    "  --rounds N        runs on each driver, of which the median counts (default 3)\n"
    "  --only GROUP      start, record, submit, query, buffer, descriptor, pipeline or transfer\n"
    "  --driver FILE     manifest of the host's driver (else VIADUCT_NATIVE_DRIVER, else the loader's "
    "choice)\n"
    "  --icd FILE        manifest of the guest driver (default: the one beside this program)\n"
    "  --markdown        the table as Markdown\n";

namespace {

struct Row {
  const char* key;
  const char* text;
  const char* unit;
  const char* target;  // DESIGN.md's
};

constexpr Row kRows[] = {
    {"record_ns", "record one vkCmd* in the application's thread", "ns", "<= 8 ns"},
    {"record_submit_wait_ns", "record + submit + wait, per command (60,000 commands)", "ns", "<= 54 ns"},
    {"submit_wait_p50_us", "empty submit + fence wait, p50", "us", "<= native + 6 us"},
    {"submit_wait_p99_us", "empty submit + fence wait, p99", "us", "<= 60 us"},
    {"round_trip_us", "a query nobody can cache (round trip)", "us", "<= 2.5 us"},
    {"format_query_us", "repeated image-format query", "us", "<= 0.1 us"},
    {"create_buffer_us", "create buffer + requirements + destroy", "us", "<= 0.1 us"},
    {"descriptor_free_us", "allocate + update + free a descriptor set", "us", "<= 0.5 us"},
    {"descriptor_reset_us", "the same, pool reset", "us", "<= 0.25 us"},
    {"pipeline_posted_us", "create and destroy a small graphics pipeline, nobody using it", "us", "<= 5 us"},
    {"pipeline_waited_us", "the same, its result waited for", "us", "<= 1.05 x"},
    {"allocate_memory_us", "allocate + map + touch + free 64 KiB", "us", "<= 2 us"},
    {"clear_copy_read_ms", "720p clear + copy to host memory + read", "ms", "<= 1.1 x"},
    {"upload_gb_s", "upload 64 MiB through mapped memory", "GB/s", ">= 0.98 x"},
    {"instance_device_ms", "instance + device creation", "ms", "<= 20 ms"},
};

using Figures = std::map<std::string, std::vector<double>>;

struct Options {
  int rounds = 3;
  bool markdown = false;
  std::string only, driver, icd;
};

int parse(int argc, char** argv, Options& options) {
  for (int i = 0; i < argc; ++i) {
    std::string_view name = argv[i];
    if (name == "--markdown") {
      options.markdown = true;
      continue;
    }
    if (name == "--help" || name == "-h") {
      std::fputs(kMicroUsage, stdout);
      return -1;
    }
    const char* value = i + 1 < argc ? argv[++i] : nullptr;
    bool good = value != nullptr;
    if (name == "--rounds") {
      options.rounds = value ? std::atoi(value) : 0;
      good = options.rounds > 0 && options.rounds <= 1000;
    } else if (name == "--only") {
      if (good) options.only = value;
    } else if (name == "--driver") {
      if (good) options.driver = value;
    } else if (name == "--icd") {
      if (good) options.icd = value;
    } else {
      good = false;
    }
    if (!good) {
      std::fprintf(stderr, "viaduct-bench micro: '%s' is not understood\n%s", argv[i], kMicroUsage);
      return 2;
    }
  }
  return 0;
}

// Runs the rows in a process on one driver and adds what it prints to `figures`.
bool run_rows(const Options& options, const std::string& manifest, Figures& figures) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return false;
  auto environment = environment_for(manifest);
  std::vector<char*> pointers;
  for (auto& entry : environment) pointers.push_back(entry.data());
  pointers.push_back(nullptr);
  std::string words[] = {"viaduct-bench", "micro-rows", options.only};
  char* arguments[] = {words[0].data(), words[1].data(), options.only.empty() ? nullptr : words[2].data(),
                       nullptr};
  pid_t child = fork();
  if (child == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    dup2(ends[1], STDOUT_FILENO);
    execve("/proc/self/exe", arguments, pointers.data());
    _exit(127);
  }
  close(ends[1]);
  std::FILE* lines = fdopen(ends[0], "r");
  char key[64];
  double value;
  while (lines && std::fscanf(lines, "%63s %lf", key, &value) == 2) figures[key].push_back(value);
  if (lines) std::fclose(lines);
  int status = 0;
  if (child > 0) waitpid(child, &status, 0);
  return child > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values.empty() ? 0 : values[values.size() / 2];
}

}  // namespace

int micro_main(int argc, char** argv) {
  Options options;
  if (int status = parse(argc, argv, options)) return status < 0 ? 0 : status;
  if (options.icd.empty()) options.icd = manifest_beside_program();
  if (options.driver.empty())
    if (const char* driver = std::getenv("VIADUCT_NATIVE_DRIVER")) options.driver = driver;
  Figures native, forwarded;
  for (int round = 0; round < options.rounds; ++round) {
    std::fprintf(stderr, "round %d of %d\n", round + 1, options.rounds);
    if (!run_rows(options, options.driver, native) || !run_rows(options, options.icd, forwarded)) {
      std::fputs("viaduct-bench micro: a run failed\n", stderr);
      return 1;
    }
  }
  if (options.markdown)
    std::puts("| | native | Viaduct | ratio | must reach |\n|---|---|---|---|---|");
  else
    std::printf("%-64s %10s %10s %7s   %s\n", "", "native", "Viaduct", "ratio", "must reach");
  for (const Row& row : kRows) {
    if (!native.count(row.key) || !forwarded.count(row.key)) continue;
    double n = median(native[row.key]), f = median(forwarded[row.key]);
    const char* format = options.markdown ? "| %s | %.4g %s | %.4g %s | %.2f | %s |\n"
                                          : "%-64s %6.4g %-4s %5.4g %-4s %6.2f   %s\n";
    std::printf(format, row.text, n, row.unit, f, row.unit, n > 0 ? f / n : 0, row.target);
  }
  return 0;
}

}  // namespace viaduct::bench
