// Rows `idle`: what a session takes while it draws nothing, on both sides together. Everything is read from
// /proc: of this process, and of the service's processes where the parent started that service.
#include <dirent.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <map>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "api/rows.hpp"
#include "api/service.hpp"
#include "api/small_pass.hpp"

namespace viaduct::bench {
namespace {

std::vector<int> numbers_in(const std::string& folder) {
  std::vector<int> numbers;
  DIR* const entries = opendir(folder.c_str());
  if (entries == nullptr) return numbers;
  while (const dirent* entry = readdir(entries))
    if (const int number = std::atoi(entry->d_name); number > 0) numbers.push_back(number);
  closedir(entries);
  return numbers;
}

std::string process_path(int process) { return "/proc/" + std::to_string(process); }

int parent_of(int process) {
  std::ifstream file(process_path(process) + "/stat");
  std::string line;
  std::getline(file, line);
  const auto name_end = line.rfind(')');
  return name_end == line.npos ? 0 : std::atoi(line.c_str() + name_end + 4);
}

// The service's process and all below it.
std::set<int> tree_of(int root) {
  std::multimap<int, int> children;
  for (int process : numbers_in("/proc")) children.emplace(parent_of(process), process);
  std::set<int> tree;
  std::vector<int> left{root};
  while (!left.empty()) {
    const int process = left.back();
    left.pop_back();
    if (!tree.insert(process).second) continue;
    const auto [from, to] = children.equal_range(process);
    for (auto child = from; child != to; ++child) left.push_back(child->second);
  }
  return tree;
}

// The number behind `name` in a file of lines "NAME: NUMBER …"; -1 if it is not there.
double field(const std::string& path, const std::string& name) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);)
    if (line.starts_with(name + ":")) return std::atof(line.c_str() + name.size() + 1);
  return -1;
}

struct Activity {
  double wake_ups = 0, busy_ns = 0;
};

// This program's main thread sleeps through the measurement by a clock of its own: it is left out.
Activity activity_of(const std::set<int>& processes) {
  Activity sum;
  for (int process : processes)
    for (int thread : numbers_in(process_path(process) + "/task")) {
      if (thread == getpid()) continue;
      const std::string path = process_path(process) + "/task/" + std::to_string(thread);
      double busy = 0;
      std::ifstream(path + "/schedstat") >> busy;
      sum.busy_ns += busy;
      sum.wake_ups += std::max(0.0, field(path + "/status", "voluntary_ctxt_switches"));
    }
  return sum;
}

// Anonymous and shared memory, the latter by its share, in MiB; -1 if it may not be read.
double memory_of(int process) {
  const std::string path = process_path(process) + "/smaps_rollup";
  const double anonymous = field(path, "Pss_Anon"), shared = field(path, "Pss_Shmem");
  return anonymous < 0 ? -1 : (anonymous + std::max(0.0, shared)) / 1024;
}

// Of the session's worker: the largest process of the service, since the others only wait for work.
double worker_memory(const std::set<int>& service) {
  double largest = -1;
  for (int process : service) largest = std::max(largest, memory_of(process));
  return largest;
}

}  // namespace

void measure_idle() {
  constexpr double kSettle = 0.5, kWatched = 1.5;  // seconds
  const char* const service_pid = std::getenv(kServiceVariable);
  if (service_pid != nullptr && std::atoi(service_pid) == 0) {
    for (const char* key : {"idle_cpu_percent", "idle_wakeups", "idle_memory_mib"})
      skip(key, "the processes of its host's side are not seen here");
    return;
  }
  Gpu gpu;
  const SmallPass pass(gpu);
  gpu.submit_and_wait(VK_NULL_HANDLE);
  std::set<int> service;
  if (service_pid != nullptr) service = tree_of(std::atoi(service_pid));
  std::set<int> all = service;
  all.insert(getpid());
  std::this_thread::sleep_for(std::chrono::duration<double>(kSettle));
  const Activity before = activity_of(all);
  std::this_thread::sleep_for(std::chrono::duration<double>(kWatched));
  const Activity after = activity_of(all);
  if (std::ifstream("/proc/self/schedstat").good())
    put("idle_cpu_percent", (after.busy_ns - before.busy_ns) / (kWatched * 1e9) * 100);
  else
    skip("idle_cpu_percent", "this kernel does not tell how long a thread ran");
  put("idle_wakeups", (after.wake_ups - before.wake_ups) / kWatched);
  const double mine = memory_of(getpid()), workers = service.empty() ? 0 : worker_memory(service);
  if (mine < 0 || workers < 0)
    skip("idle_memory_mib", "the processes' memory may not be read by this user");
  else
    put("idle_memory_mib", mine + workers);
}

}  // namespace viaduct::bench
