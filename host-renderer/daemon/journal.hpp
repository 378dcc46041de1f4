// systemd's journal, where standard error is its: each line goes there with its level and with what it is
// about as fields (systemd.journal-fields(7), and the native protocol that systemd.io/JOURNAL_NATIVE_PROTOCOL
// describes), so that `journalctl -p warning` and `journalctl VIADUCT_TENANT=alice` find it. MESSAGE is the
// line as it stands on any other standard error. A line that the journal does not take goes to standard
// error.
//
// Any thread may log; what is set up here is set up once.
#pragma once

#include <string>
#include <string_view>

#include "base/log.hpp"

namespace viaduct::host::daemon {

// Does this process log to the journal? JOURNAL_STREAM says so, if it names what standard error is.
[[nodiscard]] bool stderr_is_the_journals();

// From now on this process's lines go there, and journal_take() takes lines. False: there is no such socket.
bool log_to_journal(const std::string& socket = "/run/systemd/journal/socket");

// A line of a worker, or of its driver; `label` is "tenant=NAME session=NUMBER", or empty. False: not taken.
bool journal_take(std::string_view line, std::string_view label) noexcept;

// A line's fields, as they are sent. The line has no control characters.
[[nodiscard]] std::string journal_fields(const LogLine& line);
[[nodiscard]] std::string journal_fields(std::string_view worker_line, std::string_view label);

}  // namespace viaduct::host::daemon
