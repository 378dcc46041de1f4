// What a hostile driver tries from inside a worker: one table, shared by the driver that runs the attempts
// and by the program that names them.
//
// run_attempts() is called on whatever thread the worker calls the driver on. It leaves the process as it
// found it, as far as attempts fail; when one succeeds the sandbox has a hole and the test fails anyway. Each
// attempt gives true if it *succeeded*.
#pragma once

#include <sys/types.h>

#include <span>
#include <string>

namespace viaduct::sandbox_test {

// What the attacker is told about the world outside: it need not be good at guessing.
struct Facts {
  pid_t daemon = 0;           // viaductd
  pid_t other_worker = 0;     // the worker of another tenant's session
  pid_t other_guest = 0;      // an application of another tenant
  std::string secret_file;    // world-readable, outside of anything a driver needs
  std::string open_folder;    // world-writable
  std::string daemon_socket;  // world-connectable
  bool harmless = false;      // only what does no damage if it succeeds: for a run outside of a sandbox
};

// "daemon=1,worker=2,guest=3,secret=/p,folder=/p,socket=/p", as the application's name carries it to the
// driver.
Facts parse_facts(const char* text);

struct Attempt {
  const char* name;
  bool (*run)(const Facts&);
  bool harmless = false;
};

std::span<const Attempt> attempts();

inline constexpr char kDeviceNamePrefix[] = "hostile ";
inline constexpr char kRefused = '.';
inline constexpr char kSucceeded = 'S';
inline constexpr char kNotTried = '-';

// One character an attempt, in the table's order.
std::string run_attempts(const Facts& facts);

}  // namespace viaduct::sandbox_test
