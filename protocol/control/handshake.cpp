#include "protocol/control/handshake.hpp"

#include <algorithm>
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
  void raw(std::string_view value) {
    for (const char c : value) bytes_.push_back(static_cast<std::byte>(c));
  }
  std::vector<std::byte> take() { return std::move(bytes_); }

 private:
  std::vector<std::byte> bytes_;
};

// Reads past the end give zeros and make it fail; checked once per message.
// Flags of a DeviceInfo.
constexpr uint32_t kNoVulkan = 1;
constexpr uint32_t kGlServer = 2;

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

}  // namespace

std::vector<std::byte> encode_hello(const Hello& hello) {
  Packer out;
  out.u32(hello.protocol_version);
  out.u32(hello.registry_version);
  out.u32(hello.pid);
  out.u32(static_cast<uint32_t>(hello.commands.size()));
  out.text(hello.program, kProgramBytes);
  pack_known(out, hello.commands);
  return out.take();
}

std::vector<std::byte> encode_welcome(const Welcome& welcome) {
  Packer out;
  out.u32(welcome.protocol_version);
  out.u32(welcome.session_id);
  out.u64(welcome.region_size);
  out.u64(welcome.control_size);
  out.u32(welcome.registry_version);
  out.u32(0);
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
  out.u32(query.protocol_version);
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
  if (!unpack_known(in, hello.commands, count) || in.left() != 0) {
    return fail(Errc::bad_data, "hello: length");
  }
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
  in.u32();
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
  if (!in.ok() || in.left() != 0) return fail(Errc::bad_data, "device query: length");
  if (query.protocol_version != kProtocolVersion) {
    return fail(Errc::incompatible, "device query: protocol version");
  }
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

}  // namespace viaduct::protocol
