#include "api/columns.hpp"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <stdexcept>
#include <string_view>
#include <utility>

#include "launch.hpp"
#include "vulkan/gpu.hpp"

namespace viaduct::bench {
namespace {

constexpr unsigned kPatience = 180;  // seconds; what has not ended by then hangs

constexpr Group kDevice{"device", [] { skip("device", Gpu().properties.deviceName); }};

// "KEY VALUE" or "KEY - REASON".
void take_line(std::string_view line, const std::string& suffix, Column& column) {
  if (line.ends_with('\n')) line.remove_suffix(1);
  const auto space = line.find(' ');
  if (space == line.npos) return;
  const std::string key(line.substr(0, space)), rest(line.substr(space + 1));
  if (rest.starts_with("- ")) {
    if (key == "device")
      column.device = rest.substr(2);
    else
      column.missing[key + suffix] = rest.substr(2);
    return;
  }
  column.figures[key + suffix].push_back(std::strtod(rest.c_str(), nullptr));
}

// This process's environment with the loader pointed at the column's driver and the column's own entries in
// place.
std::vector<std::string> environment_of(const Column& column) {
  auto result = environment_for(column.manifest);
  for (const std::string& entry : column.environment) {
    const std::string name = entry.substr(0, entry.find('=') + 1);
    std::erase_if(result, [&](const std::string& old) { return old.starts_with(name); });
    result.push_back(entry);
  }
  return result;
}

void miss_rows(const Group& group, const std::string& suffix, Column& column) {
  for (const Row& row : rows()) {
    const std::string key = row.key + suffix;
    if (std::string_view(row.group) == group.name && !column.figures.contains(key))
      column.missing.try_emplace(key, "failed, see the messages of the run");
  }
}

std::vector<char*> pointers_to(std::vector<std::string>& words) {
  std::vector<char*> result;
  for (std::string& word : words) result.push_back(word.data());
  result.push_back(nullptr);
  return result;
}

}  // namespace

double Column::figure(const std::string& key) const {
  const auto found = figures.find(key);
  return found == figures.end() ? 0 : percentile(found->second, 0.5);
}

void measure_group(const Group& group, const std::string& suffix, Column& column) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return miss_rows(group, suffix, column);
  auto environment = environment_of(column);
  std::vector<std::string> words{"viaduct-bench", "api-rows", group.name};
  const auto variables = pointers_to(environment), arguments = pointers_to(words);
  const pid_t child = fork();
  if (child == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    dup2(ends[1], STDOUT_FILENO);
    execve("/proc/self/exe", arguments.data(), variables.data());
    _exit(127);
  }
  close(ends[1]);
  std::FILE* lines = fdopen(ends[0], "r");
  char line[512];
  while (lines && std::fgets(line, sizeof line, lines)) take_line(line, suffix, column);
  if (lines) std::fclose(lines);
  int status = 0;
  if (child > 0) waitpid(child, &status, 0);
  const bool good = child > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
  if (good) return;
  std::fprintf(stderr, "viaduct-bench api: the rows '%s' failed on %s\n", group.name, column.name.c_str());
  miss_rows(group, suffix, column);
}

void name_device(Column& column) {
  measure_group(kDevice, "", column);
  if (column.device.empty()) throw std::runtime_error("no Vulkan device on " + column.name);
}

int api_rows_main(int argc, char** argv) {
  std::vector<Group> all(groups().begin(), groups().end());
  all.push_back(kDevice);
  for (const Group& group : all) {
    if (argc != 1 || std::string_view(argv[0]) != group.name) continue;
    alarm(kPatience);
    try {
      group.measure();
      return 0;
    } catch (const std::exception& error) {
      std::fprintf(stderr, "%s: %s\n", group.name, error.what());
      return 1;
    }
  }
  return 2;
}

}  // namespace viaduct::bench
