// The handshake with the host: finds it, says hello, receives the region and the doorbells.
//
// connect_to_host tries VIADUCT_URL, or the standard places in their order (transport/url.hpp), under one
// deadline; a place that hangs up without a word is asked once more. On failure `tried` says in one line what
// was tried and why each failed. Any thread; holds nothing afterwards.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "guest-icd/session/known_commands.hpp"
#include "transport/mirror/guest_mirror.hpp"
#include "transport/region/region.hpp"
#include "transport/stream/stream.hpp"
#include "transport/wait/doorbell.hpp"

namespace viaduct::guest {

struct Connection {
  std::unique_ptr<transport::Stream> control;
  // Shared memory with doorbells, or a mirror that is all three of them.
  transport::Region region;
  std::unique_ptr<transport::Doorbell> doorbell_to_host;
  std::unique_ptr<transport::Doorbell> doorbell_to_guest;
  bool device_doorbell = false;  // the one to the host is a device's
  std::uint32_t session_id = 0;
  std::string driver_name;
  KnownCommands known;
  std::unique_ptr<transport::GuestMirror> mirror;  // null where memory is shared; goes first

  transport::RegionView view() const noexcept { return mirror ? mirror->view() : region.view(); }
  transport::Doorbell& to_host() const noexcept { return mirror ? *mirror : *doorbell_to_host; }
  transport::Doorbell& to_guest() const noexcept { return mirror ? mirror->to_guest() : *doorbell_to_guest; }
  // Where a hang-up shows that the host is gone; -1: session_status says so.
  int hang_up_fd() const noexcept { return mirror ? -1 : control->fd(); }
};

Result<Connection> connect_to_host(const Deadline& deadline, std::string& tried);

}  // namespace viaduct::guest
