#include "transport/wait/spin.hpp"

#include <sched.h>
#include <unistd.h>

namespace viaduct::transport {

bool spinning_allowed() noexcept {
  static const bool several_cores = ::sysconf(_SC_NPROCESSORS_ONLN) > 1;
  return several_cores && perf_enabled(PerfSwitch::spin);
}

void give_way() noexcept {
  if (perf_enabled(PerfSwitch::yield)) ::sched_yield();
}

}  // namespace viaduct::transport
