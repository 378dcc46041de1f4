// The guest's handshake: what travels inside the first frames of a control stream.
//
// Packed little-endian by hand, so that an application's process needs no protobuf. Encoders give
// the payload of a frame (its 16-byte header belongs to the transport); decoders take one and fail
// with Errc::bad_data (malformed) or Errc::incompatible (another protocol version) and never read
// outside of it. All functions are pure and may be called from any thread.
//
//   SessionHello (guest to host, kind 1)       Welcome (host to guest, kind 2, with descriptors
//   +0   u32 protocol version                  region, doorbell to host, doorbell to guest)
//   +4   u32 registry header version           +0   u32 protocol version
//   +8   u32 pid, as the guest knows it        +4   u32 session id
//   +12  u32 n commands                        +8   u64 region size
//   +16  char program[64], 0-terminated        +16  u64 control area size
//   +80  {u32 name, u32 form}[n]               +24  u32 host registry header version
//                                              +28  u32 flags (0)
//   Refused (host to guest, kind 3)            +32  char driver name[256], 0-terminated
//   +0   u32 code                              +288 u32 n commands (of the host, may be 0)
//   +4   u32 length                            +292 u32 m structs of chains (may be 0)
//   +8   char message[length]                  +296 {u32 name, u32 form}[n]
//                                              then {u32 sType, u32 form}[m]
//
// A command is named by the hash of its name; the hash of its wire form says how its records look. An end
// knows a command of the other's only if both are its own.
//
// Instead of a hello, a guest may ask what kind of device it would get, without taking a session:
//   DeviceQuery (guest to host, kind 6)        DeviceInfo (host to guest, kind 7)
//   +0   u32 protocol version                  +0   u32 protocol version
//                                              +4   u32 VkPhysicalDeviceType of the host's first GPU
//                                              +8   u32 flags: 1 no Vulkan, 2 an OpenGL server
// A DeviceInfo whose flags are 0 ends before them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/result.hpp"

namespace viaduct::protocol {

inline constexpr uint32_t kProtocolVersion = 2;
inline constexpr std::size_t kProgramBytes = 64;
inline constexpr std::size_t kDriverNameBytes = 256;
inline constexpr uint32_t kMaxHandshakeCommands = 4096;  // and structs
inline constexpr std::size_t kMaxRefusalBytes = 2048;

// A command or struct that a side knows, and in which wire form (PROTOCOL.md).
struct Known {
  uint32_t name = 0;  // fnv1a32 of a command's name; a struct's sType
  uint32_t form = 0;
  bool operator==(const Known&) const = default;
};

struct Hello {
  uint32_t protocol_version = kProtocolVersion;
  uint32_t registry_version = 0;  // VK_HEADER_VERSION_COMPLETE of the guest's registry
  uint32_t pid = 0;
  std::string program;          // decoded: printable ASCII, at most 63 characters
  std::vector<Known> commands;  // in the guest's command order
};

struct Welcome {
  uint32_t protocol_version = kProtocolVersion;
  uint32_t session_id = 0;
  uint64_t region_size = 0;
  uint64_t control_size = 0;
  uint32_t registry_version = 0;
  std::string driver_name;
  std::vector<Known> commands;  // what the host can execute; empty = everything asked
  std::vector<Known> structs;   // what the host can read in a chain; empty = everything
};

struct DeviceQuery {
  uint32_t protocol_version = kProtocolVersion;
};

struct DeviceInfo {
  uint32_t protocol_version = kProtocolVersion;
  uint32_t device_type = 0;  // VkPhysicalDeviceType, the host's own
  bool vulkan = true;        // false: sessions would be refused
  bool gl_server = false;    // the socket also takes Mesa's virpipe (vtest)
};

enum class RefusalCode : uint32_t {
  incompatible = 1,  // another protocol version
  limit = 2,         // the tenant has all the sessions it may have
  no_worker = 3,     // the renderer could not start; the message carries its reason
  not_allowed = 4,   // administration asked by a peer that may not
  shutting_down = 5,
  bad_data = 6,
};

struct Refusal {
  RefusalCode code = RefusalCode::bad_data;
  std::string message;  // says what was tried, what is wrong, what to do next
};

std::vector<std::byte> encode_hello(const Hello& hello);
std::vector<std::byte> encode_welcome(const Welcome& welcome);
std::vector<std::byte> encode_refusal(const Refusal& refusal);
std::vector<std::byte> encode_device_query(const DeviceQuery& query);
std::vector<std::byte> encode_device_info(const DeviceInfo& info);

[[nodiscard]] Result<Hello> decode_hello(std::span<const std::byte> payload);
[[nodiscard]] Result<Welcome> decode_welcome(std::span<const std::byte> payload);
[[nodiscard]] Result<Refusal> decode_refusal(std::span<const std::byte> payload);
[[nodiscard]] Result<DeviceQuery> decode_device_query(std::span<const std::byte> payload);
[[nodiscard]] Result<DeviceInfo> decode_device_info(std::span<const std::byte> payload);

}  // namespace viaduct::protocol
