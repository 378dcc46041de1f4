// viaduct-doctor's command line.
#pragma once

#include <string>
#include <tl/expected.hpp>

namespace viaduct::tools {

inline constexpr int kDefaultSeconds = 60;

struct GuestDoctorOptions {
  std::string url;
  int seconds = kDefaultSeconds;
  bool json = false;
  bool help = false;
  bool version = false;
};

// Errors are for people.
[[nodiscard]] tl::expected<GuestDoctorOptions, std::string> parse_guest_doctor_options(
    int argc, const char* const* argv);
const char* guest_doctor_help();

}  // namespace viaduct::tools
