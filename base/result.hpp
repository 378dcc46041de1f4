// The project's expected failures: a small trivially copyable Error carried by Result<T>.
//
// Errors name what kind of failure it was (Errc), the errno behind it if there is one, and where it arose (a
// string literal; it is never freed). Nothing here allocates or throws except to_string. Bad data from a peer
// and bugs of our own are other kinds of failure and do not travel as Error (STYLE: errors, three kinds).
#pragma once

#include <string>
#include <tl/expected.hpp>
#include <type_traits>

namespace viaduct {

enum class Errc : int {
  ok = 0,
  io,            // a system call failed; sys_errno says how
  closed,        // the peer closed its end or died
  timeout,       // the deadline passed
  refused,       // the peer, or a rule of ours, said no
  bad_data,      // the peer's bytes make no sense
  incompatible,  // versions that do not fit
  limit,         // a quota, cap or capacity is reached
  not_found,
  unsupported,
  internal,
};

struct Error {
  Errc code = Errc::internal;
  int sys_errno = 0;
  const char* where = "";
};
static_assert(std::is_trivially_copyable_v<Error>);

template <class T = void>
using Result = tl::expected<T, Error>;

[[nodiscard]] inline tl::unexpected<Error> fail(Errc code, const char* where, int err = 0) {
  return tl::unexpected<Error>(Error{code, err, where});
}

const char* to_string(Errc code) noexcept;

// "connect: refused (Connection refused)".
std::string to_string(const Error& error);

}  // namespace viaduct
