// Deterministic arguments for tests: what the generated random_X functions draw from. The same seed gives the
// same structs on every machine. Everything they point to lives in the arena.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include "base/arena.hpp"
#include "protocol/wire/object_id.hpp"

namespace viaduct::protocol::testing {

inline constexpr std::uint32_t kTestIndices = 8;  // objects of each type that tests refer to
inline constexpr std::uint64_t kTestGeneration = 3;

inline ObjectId test_id(ObjectType type, std::uint32_t index) {
  return make_id(type, (kTestGeneration << 32) | index);
}

class Rng {
 public:
  Rng(std::uint64_t seed, Arena& arena) : state_(seed * 0x9E3779B97F4A7C15ull + 1), arena_(&arena) {}
  virtual ~Rng() = default;

  std::uint64_t next() {  // splitmix64
    std::uint64_t z = (state_ += 0x9E3779B97F4A7C15ull);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
    return z ^ (z >> 31);
  }
  std::uint32_t below(std::uint32_t n) { return static_cast<std::uint32_t>(next() >> 33) % n; }
  bool chance() { return below(4) != 0; }
  std::uint32_t count() { return below(4); }
  void bytes(void* to, std::size_t size) {
    auto* p = static_cast<unsigned char*>(to);
    for (std::size_t i = 0; i < size; ++i) p[i] = static_cast<unsigned char>(next() >> 24);
  }
  template <class T>
  void value(T& to) {
    bytes(&to, sizeof(to));
  }
  // A value every enum can hold, whatever its range.
  template <class T>
  void enumerator(T& to) {
    const std::uint32_t bits = static_cast<std::uint32_t>(next()) & 0x3fffffff;
    static_assert(sizeof(T) == 4);
    std::memcpy(&to, &bits, 4);
  }
  VkImageLayout layout() { return static_cast<VkImageLayout>(below(8)); }

  template <class T>
  T* make(std::size_t n) {
    return n == 0 ? nullptr : static_cast<T*>(arena_->allocate(n * sizeof(T), alignof(T)));
  }
  const char* string() {
    const std::uint32_t length = below(12);
    char* text = make<char>(length + 1u);
    for (std::uint32_t i = 0; i < length; ++i) text[i] = static_cast<char>('a' + below(26));
    return text;
  }
  // A guest's handle: the id itself, or an object that begins with DispatchableHeader. A subclass may give
  // real ones.
  template <class Handle>
  Handle handle(ObjectType type, bool dispatchable) {
    return handle_from_bits<Handle>(choose_handle(type, dispatchable));
  }
  virtual std::uint64_t choose_handle(ObjectType type, bool dispatchable) {
    const ObjectId id = test_id(type, below(kTestIndices));
    if (!dispatchable) return id;
    auto* header = make<DispatchableHeader>(1);
    header->id = id;
    return reinterpret_cast<std::uintptr_t>(header);
  }

  // How many structs a chain gets of `allowed` ones, and which comes next; `parent` is its head.
  virtual std::uint32_t links(std::size_t) { return below(3); }
  virtual VkStructureType choose_link(VkStructureType, std::span<const VkStructureType> allowed) {
    return allowed[below(static_cast<std::uint32_t>(allowed.size()))];
  }

  // Structs nest chains; the depth bounds them.
  bool enter() { return ++depth_ <= 3; }
  void leave() { --depth_; }

  std::uint32_t context[3] = {};

 private:
  std::uint64_t state_;
  Arena* arena_;
  int depth_ = 0;
};

}  // namespace viaduct::protocol::testing
