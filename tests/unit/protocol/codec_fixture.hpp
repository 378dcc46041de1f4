// A host with eight live objects of every type, and records made of random arguments.
#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <vector>

#include "base/arena.hpp"
#include "generated/protocol/object_type.hpp"
#include "protocol/testing/codec_table.hpp"

namespace viaduct::protocol::testing {

inline constexpr std::uint64_t kDriverKey = 0x5a5a5a5a00000000ull;

// The driver's handle for a test object; both directions.
inline std::uint64_t driver_of(ObjectId id) { return id ^ kDriverKey; }

class TestTables {
 public:
  TestTables() {
    for (std::size_t type = 1; type < kObjectTypeCount; ++type) {
      for (std::uint32_t i = 0; i < kTestIndices; ++i) {
        slots_[type][i] = {static_cast<std::uint32_t>(kTestGeneration), kSlotAlive,
                           driver_of(test_id(static_cast<ObjectType>(type), i)), nullptr};
      }
      tables_.by_type[type].set(slots_[type].data(), kTestIndices);
    }
  }
  const HandleTables& tables() const { return tables_; }
  HandleSlot& slot(ObjectType type, std::uint32_t index) {
    return slots_[static_cast<std::size_t>(type)][index];
  }

 private:
  std::array<std::array<HandleSlot, kTestIndices>, kObjectTypeCount> slots_{};
  HandleTables tables_;
};

class HostDigest : public Digest {
 public:
  using Digest::Digest;
  ObjectId name(ObjectType, bool, std::uint64_t bits) const override {
    return bits == 0 ? 0 : driver_of(bits);
  }
  ObjectId made(std::uint64_t bits, ObjectId id) const override { return bits == 0 ? 0 : id; }
};

// 8-aligned bytes of their exact size, so that AddressSanitizer sees a read past the end.
class Bytes {
 public:
  explicit Bytes(std::size_t size) : words_(size / 8 + 1), size_(size) {}
  std::byte* data() { return reinterpret_cast<std::byte*>(words_.data()); }
  std::span<const std::byte> span() { return {data(), size_}; }
  std::size_t size() const { return size_; }

 private:
  std::vector<std::uint64_t> words_;
  std::size_t size_;
};

// The positions of the codecs that `wanted` holds for; GoogleTest asks after static initialisation.
template <class Codecs, class Wanted>
std::vector<std::size_t> positions(const Codecs& codecs, Wanted wanted) {
  std::vector<std::size_t> out;
  for (std::size_t i = 0; i < codecs.size(); ++i) {
    if (wanted(codecs[i])) out.push_back(i);
  }
  return out;
}

// A body of `measure` + `write`, measured and written from offset 0.
template <class Measure, class Write>
Bytes encode(Measure measure, Write write) {
  SizeCounter counter;
  measure(counter);
  Bytes bytes(counter.finish());
  Writer writer(bytes.data());
  write(writer);
  writer.finish();
  return bytes;
}

inline Bytes encode_request(const CommandCodec& codec, const void* args) {
  return encode([&](SizeCounter& s) { codec.measure_request(s, args); },
                [&](Writer& s) { codec.write_request(s, args); });
}

inline constexpr ObjectId kTestCommandBuffer = make_id(ObjectType::kCommandBuffer, kTestGeneration << 32);

inline Decoder make_decoder(std::span<const std::byte> bytes, Arena& arena, const HandleTables& tables,
                            bool recorded) {
  Decoder decoder(bytes, 0, arena, tables);
  if (recorded) {
    decoder.set_command_buffer(kTestCommandBuffer,
                               handle_from_bits<VkCommandBuffer>(driver_of(kTestCommandBuffer)));
  }
  return decoder;
}

}  // namespace viaduct::protocol::testing
