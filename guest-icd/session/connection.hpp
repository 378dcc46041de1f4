// The handshake with the host: finds it, says hello, receives the region and the doorbells.
//
// connect_to_host tries VIADUCT_URL, or the standard places in their order (transport/url.hpp), under one
// deadline. On failure `tried` says in one line what was tried and why each failed. Any thread; holds nothing
// afterwards.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "guest-icd/session/known_commands.hpp"
#include "transport/region/region.hpp"
#include "transport/stream/stream.hpp"
#include "transport/wait/doorbell.hpp"

namespace viaduct::guest {

struct Connection {
  std::unique_ptr<transport::Stream> control;
  transport::Region region;
  std::unique_ptr<transport::Doorbell> doorbell_to_host;
  std::unique_ptr<transport::Doorbell> doorbell_to_guest;
  std::uint32_t session_id = 0;
  std::string driver_name;
  KnownCommands known;
};

Result<Connection> connect_to_host(const Deadline& deadline, std::string& tried);

}  // namespace viaduct::guest
