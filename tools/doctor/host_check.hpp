// Whether the host is there, and takes this machine for a tenant.
#pragma once

#include <string>
#include <vector>

#include "tools/report/report.hpp"
#include "transport/url.hpp"

namespace viaduct::tools {

// What mends it, of what a connection or the host itself said.
std::string how_to_reach(const transport::Url& url, const Error& error);
std::string how_to_be_let_in(const transport::Url& url, const std::string& refusal);

// Asks at the places in their order until one answers, as the driver does; false if none lets this machine
// in, or has a GPU for it. Takes no session.
bool check_host(const std::vector<transport::Url>& places, int wait_ms, Report& report,
                transport::Url& answered);

}  // namespace viaduct::tools
