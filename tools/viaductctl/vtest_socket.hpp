// The place where a guest's Mesa looks for a vtest server, made to be a tenant's socket for one program
// alone.
//
// Newer Mesa takes the socket's path from VTEST_SOCKET_NAME. Older (Debian 12's 22.3) knows /tmp/.virgl_test
// only, which is one place for all users of a machine: so the tenant's socket is mounted there in a mount
// namespace of the program's own, without root in a user namespace that maps its user to itself.
#pragma once

#include <filesystem>
#include <string>

namespace viaduct::tools {

inline constexpr const char* kVtestPlace = "/tmp/.virgl_test";

// Whether the Mesa below `root` ("/" but in tests) reads VTEST_SOCKET_NAME in its virpipe driver.
[[nodiscard]] bool mesa_takes_socket_name(const std::filesystem::path& root);

// Makes `place` lead to `socket` for this process and what it becomes; does nothing if it does already.
// Leaves an empty file at the place if there was nothing. Returns what to tell the user if that failed. For
// single-threaded processes.
[[nodiscard]] std::string mount_vtest_socket(const std::string& socket,
                                             const std::string& place = kVtestPlace);

}  // namespace viaduct::tools
