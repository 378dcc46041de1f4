// The guest's handshake: what travels inside the first frames of a control stream.
//
// Packed little-endian by hand, so that an application's process needs no protobuf. Encoders give
// the payload of a frame (its 16-byte header belongs to the transport); decoders take one and fail
// with Errc::bad_data (malformed) or Errc::incompatible (another protocol version) and never read
// outside of it. All functions are pure and may be called from any thread.
//
// A session opens in one of three ways, by what carries the region (RegionKind):
//   memfd     hello ──►   ◄── welcome with descriptors: region, doorbell to host, doorbell to guest
//   none      hello ──►   ◄── welcome; the region's bytes travel on this stream from here on
//   ivshmem   hello ──►   ◄── offer   proof ──►   ◄── welcome; doorbells travel on this stream
// The hello says which the guest can take, the host chooses. Where the proof says that the guest does not see
// the offered slice, the host goes on with a welcome for `none` if the guest can take that, or refuses.
//
//   SessionHello (guest to host, kind 1)       Welcome (host to guest, kind 2)
//   +0   u32 protocol version                  +0   u32 protocol version
//   +4   u32 registry header version           +4   u32 session id
//   +8   u32 pid, as the guest knows it        +8   u64 region size
//   +12  u32 n commands                        +16  u64 control area size
//   +16  char program[64], 0-terminated        +24  u32 host registry header version
//   +80  u32 regions (1 memfd, 2 ivshmem,      +28  u32 region kind (one of the bits of the hello)
//                     4 none; 65536: knows     +32  char driver name[256], 0-terminated
//                     packed messages)
//   +84  u32 t token bytes (0 to 256)          +288 u32 n commands (of the host, may be 0)
//   +88  {u32 name, u32 form}[n]               +292 u32 m structs of chains (may be 0)
//        then u8 token[t]                      +296 {u32 name, u32 form}[n]
//                                              then {u32 sType, u32 form}[m]
//
//   RegionOffer (host to guest, kind 8)        RegionProof (guest to host, kind 9)
//   +0   u32 protocol version                  +0   u32 protocol version
//   +4   u32 region kind                       +4   u32 sight (0: the nonce follows; else why not)
//   +8   u64 file size, that of the device     +8   u8 nonce[32]
//   +16  u64 slice offset in the file          +40  u32 length
//   +24  u64 slice size                        +44  char message[length]
//   +32  u64 control area size
//   +40  u64 nonce offset in the slice         Refused (host to guest, kind 3)
//   +48  u32 what rings the host, stored       +0   u32 code
//        to the device's doorbell register;    +4   u32 length
//        0xffffffff: nothing does              +8   char message[length]
//   +52  u32 0
//
// A command is named by the hash of its name; the hash of its wire form says how its records look. An end
// knows a command of the other's only if both are its own. A token proves a tenant where the stream's origin
// does not (TCP): it is compared in constant time (same_token), kept out of every log, and not passed on.
//
// Instead of a hello, a guest may ask what kind of device it would get, without taking a session:
//   DeviceQuery (guest to host, kind 6)        DeviceInfo (host to guest, kind 7)
//   +0   u32 protocol version                  +0   u32 protocol version
//   +4   u32 t token bytes                     +4   u32 VkPhysicalDeviceType of the host's first GPU
//   +8   u8 token[t]                           +8   u32 flags: 1 no Vulkan, 2 an OpenGL server
// A DeviceInfo whose flags are 0 ends before them.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace viaduct::protocol {

inline constexpr uint32_t kProtocolVersion = 3;
inline constexpr std::size_t kProgramBytes = 64;
inline constexpr std::size_t kDriverNameBytes = 256;
inline constexpr uint32_t kMaxHandshakeCommands = 4096;  // and structs
inline constexpr std::size_t kMaxRefusalBytes = 2048;
inline constexpr std::size_t kMaxTokenBytes = 256;
inline constexpr std::size_t kMaxProofMessageBytes = 1024;

// What carries a session's region. The values are bits: a hello names several.
enum class RegionKind : uint32_t {
  memfd = 1,    // a descriptor over the stream
  ivshmem = 2,  // a slice of the VM's shared-memory device
  none = 4,     // no shared memory: the bytes travel on the stream
};
inline constexpr uint32_t kAllRegionKinds = 7;
// Beside those bits in a hello; a host that does not know it looks past it.
inline constexpr uint32_t kKnowsPacking = 1u << 16;

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
  std::string program;  // decoded: printable ASCII, at most 63 characters
  uint32_t regions = static_cast<uint32_t>(RegionKind::memfd);  // bits of RegionKind; decoded: known ones
  bool knows_packing = false;   // the messages of a region of kind none may be packed
  std::vector<Known> commands;  // in the guest's command order
  std::string token;            // at most kMaxTokenBytes; empty: none

  [[nodiscard]] bool takes(RegionKind kind) const { return (regions & static_cast<uint32_t>(kind)) != 0; }
};

struct Welcome {
  uint32_t protocol_version = kProtocolVersion;
  uint32_t session_id = 0;
  uint64_t region_size = 0;
  uint64_t control_size = 0;
  uint32_t registry_version = 0;
  RegionKind region = RegionKind::memfd;
  std::string driver_name;
  std::vector<Known> commands;  // what the host can execute; empty = everything asked
  std::vector<Known> structs;   // what the host can read in a chain; empty = everything
};

struct DeviceQuery {
  uint32_t protocol_version = kProtocolVersion;
  std::string token;
};

struct DeviceInfo {
  uint32_t protocol_version = kProtocolVersion;
  uint32_t device_type = 0;  // VkPhysicalDeviceType, the host's own
  bool vulkan = true;        // false: sessions would be refused
  bool gl_server = false;    // the socket also takes Mesa's virpipe (vtest)
};

inline constexpr std::size_t kNonceBytes = 32;
using Nonce = std::array<std::byte, kNonceBytes>;
// A nonce begins with this, by which a guest tells the device among several of its size; the rest is random.
inline constexpr std::string_view kNonceMark = "VDTnonce";
[[nodiscard]] bool has_nonce_mark(const Nonce& nonce);
// From the system's random numbers.
[[nodiscard]] Result<Nonce> make_nonce();

inline constexpr uint32_t kNoDoorbell = ~0u;

// Decoded: the slice lies in the file, the control area and the nonce in the slice, and all are page-aligned
// but the nonce's place, which is aligned to 64.
struct RegionOffer {
  uint32_t protocol_version = kProtocolVersion;
  RegionKind kind = RegionKind::ivshmem;
  uint64_t file_size = 0;
  uint64_t slice_offset = 0;
  uint64_t slice_size = 0;
  uint64_t control_size = 0;
  uint64_t nonce_offset = 0;
  uint32_t doorbell = kNoDoorbell;  // a guest may ring by a byte on the stream all the same
};

enum class Sight : uint32_t {
  seen = 0,
  no_device = 1,    // the VM has no such device
  no_access = 2,    // there is one, and this process may not map it
  wrong_size = 3,   // no device has the offer's size
  other_bytes = 4,  // devices that fit show another nonce
  failed = 5,
};

struct RegionProof {
  uint32_t protocol_version = kProtocolVersion;
  Sight sight = Sight::failed;
  Nonce nonce{};        // what lies at the offered place, if seen
  std::string message;  // for people, if not seen: what was tried
};

enum class RefusalCode : uint32_t {
  incompatible = 1,  // another protocol version
  limit = 2,         // the tenant has all the sessions it may have
  no_worker = 3,     // the renderer could not start; the message carries its reason
  not_allowed = 4,   // a token that is nobody's
  shutting_down = 5,
  bad_data = 6,
  no_region = 7,  // no kind of region that both sides can have
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
std::vector<std::byte> encode_region_offer(const RegionOffer& offer);
std::vector<std::byte> encode_region_proof(const RegionProof& proof);

[[nodiscard]] Result<Hello> decode_hello(std::span<const std::byte> payload);
[[nodiscard]] Result<Welcome> decode_welcome(std::span<const std::byte> payload);
[[nodiscard]] Result<Refusal> decode_refusal(std::span<const std::byte> payload);
[[nodiscard]] Result<DeviceQuery> decode_device_query(std::span<const std::byte> payload);
[[nodiscard]] Result<DeviceInfo> decode_device_info(std::span<const std::byte> payload);
[[nodiscard]] Result<RegionOffer> decode_region_offer(std::span<const std::byte> payload);
[[nodiscard]] Result<RegionProof> decode_region_proof(std::span<const std::byte> payload);

// The version that a hello or a question of another version begins with; 0 if it is too short to have one.
uint32_t stated_version(std::span<const std::byte> payload);

// Whether two tokens are the same and not empty, in a time that depends on the length of `given` alone.
bool same_token(std::string_view given, std::string_view expected);
bool same_nonce(const Nonce& given, const Nonce& expected);

}  // namespace viaduct::protocol
