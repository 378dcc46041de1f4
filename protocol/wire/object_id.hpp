// The name of an object on the wire. The guest makes names; the host only looks them up.
//
//   63                      32 31    24 23                     0
//  +--------------------------+--------+------------------------+
//  |  generation (1 or more)  |  type  |         index          |
//  +--------------------------+--------+------------------------+
//
// Zero is VK_NULL_HANDLE. The index is bounded by the session's object limit, the generation tells a
// reused index from its predecessor, and the type is checked on every lookup. A non-dispatchable guest
// handle is the name itself; a dispatchable one points to an object that begins with DispatchableHeader.
#pragma once

#include <vulkan/vulkan.h>

#include <cstdint>

#include "generated/protocol/object_type.hpp"

namespace viaduct::protocol {

using ObjectId = std::uint64_t;

inline constexpr std::uint32_t kObjectIndexBits = 24;
inline constexpr std::uint32_t kObjectIndexMask = (1u << kObjectIndexBits) - 1;

// How many objects of one type a session may name at a time: the guest fails a create beyond it with
// VK_ERROR_OUT_OF_HOST_MEMORY, the host ends a session that names one.
inline constexpr std::uint32_t kMaxObjectsOfType = 1u << 20;

// `index_and_generation` is what IdAllocator::allocate gives: generation << 32 | index.
constexpr ObjectId make_id(ObjectType type, std::uint64_t index_and_generation) {
  return index_and_generation | (static_cast<std::uint64_t>(type) << kObjectIndexBits);
}

constexpr std::uint32_t id_index(ObjectId id) { return static_cast<std::uint32_t>(id) & kObjectIndexMask; }
constexpr std::uint32_t id_generation(ObjectId id) { return static_cast<std::uint32_t>(id >> 32); }
constexpr ObjectType id_type(ObjectId id) { return static_cast<ObjectType>((id >> kObjectIndexBits) & 0xff); }

// The allocator's own value of a name: what IdAllocator::release takes.
constexpr std::uint64_t id_without_type(ObjectId id) {
  return id & ~(std::uint64_t{0xff} << kObjectIndexBits);
}

// Every dispatchable object of the guest (instance, physical device, device, queue, command buffer) begins
// with this: the loader's word, then the name.
struct DispatchableHeader {
  void* loader_data;
  ObjectId id;
};
static_assert(sizeof(DispatchableHeader) == sizeof(void*) + 8);

inline ObjectId dispatchable_id(const void* handle) {
  return handle == nullptr ? 0 : static_cast<const DispatchableHeader*>(handle)->id;
}

inline ObjectId id_of(VkInstance handle) { return dispatchable_id(handle); }
inline ObjectId id_of(VkPhysicalDevice handle) { return dispatchable_id(handle); }
inline ObjectId id_of(VkDevice handle) { return dispatchable_id(handle); }
inline ObjectId id_of(VkQueue handle) { return dispatchable_id(handle); }
inline ObjectId id_of(VkCommandBuffer handle) { return dispatchable_id(handle); }

// A non-dispatchable handle is a pointer to an opaque struct on 64-bit targets and a u64 on 32-bit ones.
template <class Handle>
inline ObjectId id_of(Handle handle) {
  return (ObjectId)handle;  // NOLINT: the one spelling that covers both representations
}

// The 64 bits of a handle as they are: outputs that hold handles carry what the host's override put there.
template <class Handle>
inline std::uint64_t handle_bits(Handle handle) {
  return (std::uint64_t)handle;  // NOLINT: see id_of
}

template <class Handle>
inline Handle handle_from_bits(std::uint64_t bits) {
  return (Handle)bits;  // NOLINT: see id_of
}

}  // namespace viaduct::protocol
