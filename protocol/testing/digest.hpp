// A deep hash of Vulkan structs and arguments, by the generated digest_X functions, which know nothing of the
// codecs. Two sides that hold the same values get the same digest: handles are hashed as the guest's names,
// which each side gives by a subclass, and memory that is for the callee to write counts only when `outputs`
// is set.
#pragma once

#include <cstddef>
#include <cstdint>

#include <vulkan/vulkan.h>

#include "protocol/wire/object_id.hpp"

namespace viaduct::protocol::testing {

class Digest {
 public:
  explicit Digest(bool with_outputs) : outputs(with_outputs) {}
  virtual ~Digest() = default;

  // The guest's name for a handle as this side holds it.
  virtual ObjectId name(ObjectType type, bool dispatchable, std::uint64_t bits) const = 0;
  // What the application gets for an object that was to be made under `id`: the name, or 0.
  virtual ObjectId made(std::uint64_t bits, ObjectId id) const = 0;

  // Told of every struct of a chain that takes part; `parent` is the head of the chain.
  virtual void link(VkStructureType, VkStructureType) {}

  void bytes(const void* data, std::size_t size) {
    const auto* p = static_cast<const unsigned char*>(data);
    for (std::size_t i = 0; i < size; ++i) value_ = (value_ ^ p[i]) * 0x100000001B3ull;
    value_ = (value_ ^ size) * 0x100000001B3ull;
  }
  void u64(std::uint64_t v) { bytes(&v, sizeof(v)); }
  template <class T>
  void value(const T& v) {
    bytes(&v, sizeof(v));
  }
  void string(const char* text);
  template <class Handle>
  void handle(ObjectType type, bool dispatchable, Handle handle) {
    u64(name(type, dispatchable, handle_bits(handle)));
  }

  std::uint64_t result() const { return value_; }

  const bool outputs;
  std::uint32_t context[3] = {};

 private:
  std::uint64_t value_ = 0xCBF29CE484222325ull;
};

// The guest's side: a non-dispatchable handle is its name.
class GuestDigest : public Digest {
 public:
  using Digest::Digest;
  ObjectId name(ObjectType, bool dispatchable, std::uint64_t bits) const override {
    return dispatchable ? dispatchable_id(reinterpret_cast<const void*>(static_cast<std::uintptr_t>(bits)))
                        : bits;
  }
  ObjectId made(std::uint64_t bits, ObjectId) const override { return bits; }
};

// The sTypes of a chain, in order: what an output's request carries.
void digest_chain_types(Digest& d, const void* chain);

}  // namespace viaduct::protocol::testing
