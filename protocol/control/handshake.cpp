#include "protocol/control/handshake.hpp"

#include <sys/random.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string_view>

namespace viaduct::protocol {
namespace {

class Packer {
 public:
  void u32(uint32_t value) {
    for (int shift = 0; shift < 32; shift += 8) bytes_.push_back(static_cast<std::byte>(value >> shift));
  }
  void u64(uint64_t value) {
    u32(static_cast<uint32_t>(value));
    u32(static_cast<uint32_t>(value >> 32));
  }
  void text(std::string_view value, std::size_t field) {
    const std::size_t kept = std::min(value.size(), field - 1);
    for (std::size_t i = 0; i < field; ++i) {
      bytes_.push_back(i < kept ? static_cast<std::byte>(value[i]) : std::byte{0});
    }
  }
  void raw(std::span<const std::byte> value) { bytes_.insert(bytes_.end(), value.begin(), value.end()); }
  void raw(std::string_view value) {
    for (const char c : value) bytes_.push_back(static_cast<std::byte>(c));
  }
  std::vector<std::byte> take() { return std::move(bytes_); }

 private:
  std::vector<std::byte> bytes_;
};

// Flags of a DeviceInfo.
constexpr uint32_t kNoVulkan = 1;
constexpr uint32_t kGlServer = 2;

constexpr uint64_t kPage = 4096;
constexpr uint64_t kNonceAlignment = 64;

// Reads past the end give zeros and make it fail; checked once per message.
class Unpacker {
 public:
  explicit Unpacker(std::span<const std::byte> bytes) : bytes_(bytes) {}

  uint32_t u32() {
    if (left() < 4) return fail_zero();
    uint32_t value = 0;
    for (int i = 0; i < 4; ++i) value |= std::to_integer<uint32_t>(bytes_[at_ + i]) << (8 * i);
    at_ += 4;
    return value;
  }
  uint64_t u64() {
    const uint64_t low = u32();
    return low | (static_cast<uint64_t>(u32()) << 32);
  }
  // A fixed field, up to its first 0; what is not printable becomes '?', so that a peer's text can
  // be shown in a log or a terminal.
  std::string text(std::size_t field) {
    if (left() < field) {
      fail_zero();
      return {};
    }
    std::string value;
    for (std::size_t i = 0; i < field; ++i) {
      const char c = static_cast<char>(bytes_[at_ + i]);
      if (c == 0) break;
      value.push_back(c >= 0x20 && c < 0x7f ? c : '?');
    }
    at_ += field;
    return value;
  }
  // Bytes as they are; not for eyes.
  std::string raw(std::size_t size) {
    if (left() < size) {
      fail_zero();
      return {};
    }
    const auto* from = reinterpret_cast<const char*>(bytes_.data() + at_);
    at_ += size;
    return std::string(from, size);
  }
  void raw(std::span<std::byte> to) {
    const std::string bytes = raw(to.size());
    if (ok_) std::memcpy(to.data(), bytes.data(), to.size());
  }
  [[nodiscard]] std::size_t left() const { return bytes_.size() - at_; }
  [[nodiscard]] bool ok() const { return ok_; }

 private:
  uint32_t fail_zero() {
    ok_ = false;
    at_ = bytes_.size();
    return 0;
  }
  std::span<const std::byte> bytes_;
  std::size_t at_ = 0;
  bool ok_ = true;
};

void pack_known(Packer& out, const std::vector<Known>& known) {
  for (const Known& entry : known) {
    out.u32(entry.name);
    out.u32(entry.form);
  }
}

bool unpack_known(Unpacker& in, std::vector<Known>& known, uint32_t count) {
  if (!in.ok() || in.left() < std::size_t{count} * 8) return false;
  known.reserve(count);
  for (uint32_t i = 0; i < count; ++i) {
    const uint32_t name = in.u32();
    known.push_back({name, in.u32()});
  }
  return in.ok();
}

bool known_kind(uint32_t kind) {
  return kind == static_cast<uint32_t>(RegionKind::memfd) ||
         kind == static_cast<uint32_t>(RegionKind::ivshmem) ||
         kind == static_cast<uint32_t>(RegionKind::none);
}

std::string_view cut_token(const std::string& token) {
  return std::string_view(token).substr(0, kMaxTokenBytes);
}

bool same_bytes(std::span<const std::byte> a, std::span<const std::byte> b) {
  // Volatile, so that no compiler ends the loop early.
  volatile unsigned char difference = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    difference = static_cast<unsigned char>(difference | std::to_integer<unsigned char>(a[i] ^ b[i]));
  }
  return difference == 0;
}

}  // namespace

uint32_t stated_version(std::span<const std::byte> payload) { return Unpacker(payload).u32(); }

bool same_token(std::string_view given, std::string_view expected) {
  const bool comparable = !given.empty() && given.size() == expected.size();
  const auto bytes = std::as_bytes(std::span(given));
  // The same work where the lengths differ: what it says is not used then.
  const bool same = same_bytes(bytes, comparable ? std::as_bytes(std::span(expected)) : bytes);
  return comparable && same;
}

bool same_nonce(const Nonce& given, const Nonce& expected) { return same_bytes(given, expected); }

bool has_nonce_mark(const Nonce& nonce) {
  return std::memcmp(nonce.data(), kNonceMark.data(), kNonceMark.size()) == 0;
}

Result<Nonce> make_nonce() {
  Nonce nonce{};
  if (::getrandom(nonce.data(), nonce.size(), 0) != static_cast<ssize_t>(nonce.size())) {
    return fail(Errc::io, "random bytes", errno);
  }
  std::memcpy(nonce.data(), kNonceMark.data(), kNonceMark.size());
  return nonce;
}

std::vector<std::byte> encode_hello(const Hello& hello) {
  Packer out;
  out.u32(hello.protocol_version);
  out.u32(hello.registry_version);
  out.u32(hello.pid);
  out.u32(static_cast<uint32_t>(hello.commands.size()));
  out.text(hello.program, kProgramBytes);
  const std::string_view token = cut_token(hello.token);
  out.u32(hello.regions | (hello.knows_packing ? kKnowsPacking : 0));
  out.u32(static_cast<uint32_t>(token.size()));
  pack_known(out, hello.commands);
  out.raw(token);
  return out.take();
}

std::vector<std::byte> encode_welcome(const Welcome& welcome) {
  Packer out;
  out.u32(welcome.protocol_version);
  out.u32(welcome.session_id);
  out.u64(welcome.region_size);
  out.u64(welcome.control_size);
  out.u32(welcome.registry_version);
  out.u32(static_cast<uint32_t>(welcome.region));
  out.text(welcome.driver_name, kDriverNameBytes);
  out.u32(static_cast<uint32_t>(welcome.commands.size()));
  out.u32(static_cast<uint32_t>(welcome.structs.size()));
  pack_known(out, welcome.commands);
  pack_known(out, welcome.structs);
  return out.take();
}

std::vector<std::byte> encode_refusal(const Refusal& refusal) {
  Packer out;
  const std::string_view message = std::string_view(refusal.message).substr(0, kMaxRefusalBytes);
  out.u32(static_cast<uint32_t>(refusal.code));
  out.u32(static_cast<uint32_t>(message.size()));
  out.raw(message);
  return out.take();
}

std::vector<std::byte> encode_device_query(const DeviceQuery& query) {
  Packer out;
  const std::string_view token = cut_token(query.token);
  out.u32(query.protocol_version);
  out.u32(static_cast<uint32_t>(token.size()));
  out.raw(token);
  return out.take();
}

std::vector<std::byte> encode_device_info(const DeviceInfo& info) {
  Packer out;
  out.u32(info.protocol_version);
  out.u32(info.device_type);
  const uint32_t flags = (info.vulkan ? 0 : kNoVulkan) | (info.gl_server ? kGlServer : 0);
  if (flags != 0) out.u32(flags);
  return out.take();
}

std::vector<std::byte> encode_region_offer(const RegionOffer& offer) {
  Packer out;
  out.u32(offer.protocol_version);
  out.u32(static_cast<uint32_t>(offer.kind));
  out.u64(offer.file_size);
  out.u64(offer.slice_offset);
  out.u64(offer.slice_size);
  out.u64(offer.control_size);
  out.u64(offer.nonce_offset);
  out.u32(offer.doorbell);
  out.u32(0);
  return out.take();
}

std::vector<std::byte> encode_region_proof(const RegionProof& proof) {
  Packer out;
  const std::string_view message = std::string_view(proof.message).substr(0, kMaxProofMessageBytes);
  out.u32(proof.protocol_version);
  out.u32(static_cast<uint32_t>(proof.sight));
  out.raw(std::span<const std::byte>(proof.nonce));
  out.u32(static_cast<uint32_t>(message.size()));
  out.raw(message);
  return out.take();
}

Result<Hello> decode_hello(std::span<const std::byte> payload) {
  Unpacker in(payload);
  Hello hello;
  hello.protocol_version = in.u32();
  if (!in.ok()) return fail(Errc::bad_data, "hello: shorter than its version");
  if (hello.protocol_version != kProtocolVersion) return fail(Errc::incompatible, "hello: protocol version");
  hello.registry_version = in.u32();
  hello.pid = in.u32();
  const uint32_t count = in.u32();
  if (count > kMaxHandshakeCommands) return fail(Errc::bad_data, "hello: too many commands");
  hello.program = in.text(kProgramBytes);
  hello.program.resize(std::min(hello.program.size(), kProgramBytes - 1));
  const uint32_t regions = in.u32();
  hello.regions = regions & kAllRegionKinds;
  hello.knows_packing = (regions & kKnowsPacking) != 0;
  const uint32_t token = in.u32();
  if (token > kMaxTokenBytes) return fail(Errc::bad_data, "hello: token too long");
  if (!unpack_known(in, hello.commands, count) || in.left() != token) {
    return fail(Errc::bad_data, "hello: length");
  }
  hello.token = in.raw(token);
  return hello;
}

Result<Welcome> decode_welcome(std::span<const std::byte> payload) {
  Unpacker in(payload);
  Welcome welcome;
  welcome.protocol_version = in.u32();
  if (!in.ok()) return fail(Errc::bad_data, "welcome: shorter than its version");
  if (welcome.protocol_version != kProtocolVersion) {
    return fail(Errc::incompatible, "welcome: protocol version");
  }
  welcome.session_id = in.u32();
  welcome.region_size = in.u64();
  welcome.control_size = in.u64();
  welcome.registry_version = in.u32();
  const uint32_t kind = in.u32();
  welcome.driver_name = in.text(kDriverNameBytes);
  const uint32_t count = in.u32();
  const uint32_t structs = in.u32();
  if (count > kMaxHandshakeCommands || structs > kMaxHandshakeCommands) {
    return fail(Errc::bad_data, "welcome: too many commands");
  }
  if (!unpack_known(in, welcome.commands, count) || !unpack_known(in, welcome.structs, structs) ||
      in.left() != 0) {
    return fail(Errc::bad_data, "welcome: length");
  }
  if (!known_kind(kind)) return fail(Errc::bad_data, "welcome: region kind");
  welcome.region = static_cast<RegionKind>(kind);
  if (welcome.control_size > welcome.region_size) return fail(Errc::bad_data, "welcome: sizes");
  return welcome;
}

Result<Refusal> decode_refusal(std::span<const std::byte> payload) {
  Unpacker in(payload);
  Refusal refusal;
  refusal.code = static_cast<RefusalCode>(in.u32());
  const uint32_t length = in.u32();
  if (!in.ok() || length > kMaxRefusalBytes || in.left() != length) {
    return fail(Errc::bad_data, "refusal: length");
  }
  if (length != 0) refusal.message = in.text(length);
  return refusal;
}

Result<DeviceQuery> decode_device_query(std::span<const std::byte> payload) {
  Unpacker in(payload);
  DeviceQuery query;
  query.protocol_version = in.u32();
  if (!in.ok()) return fail(Errc::bad_data, "device query: shorter than its version");
  if (query.protocol_version != kProtocolVersion) {
    return fail(Errc::incompatible, "device query: protocol version");
  }
  const uint32_t token = in.u32();
  if (!in.ok() || token > kMaxTokenBytes || in.left() != token) {
    return fail(Errc::bad_data, "device query: length");
  }
  query.token = in.raw(token);
  return query;
}

Result<DeviceInfo> decode_device_info(std::span<const std::byte> payload) {
  Unpacker in(payload);
  DeviceInfo info;
  info.protocol_version = in.u32();
  info.device_type = in.u32();
  const uint32_t flags = in.ok() && in.left() != 0 ? in.u32() : 0;
  info.vulkan = (flags & kNoVulkan) == 0;
  info.gl_server = (flags & kGlServer) != 0;
  if (!in.ok() || in.left() != 0) return fail(Errc::bad_data, "device info: length");
  if (info.protocol_version != kProtocolVersion) {
    return fail(Errc::incompatible, "device info: protocol version");
  }
  return info;
}

Result<RegionOffer> decode_region_offer(std::span<const std::byte> payload) {
  Unpacker in(payload);
  RegionOffer offer;
  offer.protocol_version = in.u32();
  if (!in.ok()) return fail(Errc::bad_data, "region offer: shorter than its version");
  if (offer.protocol_version != kProtocolVersion) {
    return fail(Errc::incompatible, "region offer: protocol version");
  }
  const uint32_t kind = in.u32();
  offer.kind = static_cast<RegionKind>(kind);
  offer.file_size = in.u64();
  offer.slice_offset = in.u64();
  offer.slice_size = in.u64();
  offer.control_size = in.u64();
  offer.nonce_offset = in.u64();
  offer.doorbell = in.u32();
  in.u32();
  if (!in.ok() || in.left() != 0) return fail(Errc::bad_data, "region offer: length");
  if (!known_kind(kind)) return fail(Errc::bad_data, "region offer: kind");
  if (offer.slice_size > offer.file_size || offer.slice_offset > offer.file_size - offer.slice_size ||
      offer.control_size > offer.slice_size || offer.slice_size < kNonceBytes ||
      offer.nonce_offset > offer.slice_size - kNonceBytes || offer.slice_offset % kPage != 0 ||
      offer.slice_size % kPage != 0 || offer.control_size % kPage != 0 ||
      offer.nonce_offset % kNonceAlignment != 0) {
    return fail(Errc::bad_data, "region offer: sizes");
  }
  return offer;
}

Result<RegionProof> decode_region_proof(std::span<const std::byte> payload) {
  Unpacker in(payload);
  RegionProof proof;
  proof.protocol_version = in.u32();
  if (!in.ok()) return fail(Errc::bad_data, "region proof: shorter than its version");
  if (proof.protocol_version != kProtocolVersion) {
    return fail(Errc::incompatible, "region proof: protocol version");
  }
  const uint32_t sight = in.u32();
  in.raw(std::span<std::byte>(proof.nonce));
  const uint32_t length = in.u32();
  if (!in.ok() || length > kMaxProofMessageBytes || in.left() != length) {
    return fail(Errc::bad_data, "region proof: length");
  }
  if (sight > static_cast<uint32_t>(Sight::failed)) return fail(Errc::bad_data, "region proof: sight");
  proof.sight = static_cast<Sight>(sight);
  if (length != 0) proof.message = in.text(length);
  return proof;
}

}  // namespace viaduct::protocol
