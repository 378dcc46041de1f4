// The guest's view of a device's memory types and heaps, and the translation of everything that names one.
//
// A guest can map only memory that is part of the region's arena, so the host's types are re-described:
// every guest type is either *device-only* (never host visible; any host type) or *arena* (host visible and
// coherent; backed by region pages that the host imports or shadows, counted against a heap of its own). A
// host type that is everything at once becomes one of each. Where the GPU has memory of its own, a small part
// of the arena is offered a second time as a device-local heap, the *window*: every card has such a type.
// Non-coherent host types are not offered: Vulkan guarantees a coherent one, and a flush across processes
// would buy nothing.
//
// Arena types are *imported* or *shadowed* (memory/shadow.hpp). In shadow mode all are shadowed; otherwise
// the imported ones come first, and the same host types again as shadowed ones are for buffers and linear
// images that the driver cannot bind to imported memory: the specification promises a mappable type to those
// too (12.7, "Resource Memory Association").
//
// Pure functions of their arguments: no driver call, any thread. The order of types keeps the rule of the
// specification (11.2.1, "Device Memory Properties"): flags that are a strict subset come first.
#pragma once

#include <vulkan/vulkan_core.h>

#include <array>
#include <cstdint>
#include <optional>

namespace viaduct::host {

// How mapped memory reaches the driver; the numbers stand in StatsPage.
enum class SharingMode : std::uint32_t { kImport = 1, kDmaBuf = 2, kShadow = 3 };

const char* to_string(SharingMode mode) noexcept;

struct MemoryViewOptions {
  SharingMode mode = SharingMode::kShadow;
  std::uint32_t importable_types = 0;  // host types that take region pages; unused in shadow mode
  std::uint64_t arena_size = 0;        // bytes of the region that allocations may use
};

// What a resource can be bound to besides device-only memory.
enum class Mappable : std::uintptr_t { kNo = 1, kShadowed = 2, kImported = 3 };

// What one tenant's session holds. A driver's own figures of use are those of the whole machine on some
// drivers.
struct TenantMemory {
  std::array<std::uint64_t, VK_MAX_MEMORY_TYPES> used{};  // by the guest's memory types
  std::uint64_t device_used = 0;                          // of all device-only types, on every GPU
  std::uint64_t device_limit = 0;                         // 0: none
};

class MemoryView {
 public:
  static constexpr std::uint32_t kArenaHeap = 0xffffffffu;
  static constexpr std::uint32_t kWindowHeap = 0xfffffffeu;

  MemoryView() = default;
  static MemoryView build(const VkPhysicalDeviceMemoryProperties& host, const MemoryViewOptions& options);

  const VkPhysicalDeviceMemoryProperties& properties() const noexcept { return guest_; }
  std::uint32_t arena_type_bits() const noexcept { return arena_bits_; }
  std::uint32_t shadowed_type_bits() const noexcept { return shadowed_bits_; }
  bool is_shadowed_type(std::uint32_t guest_type) const noexcept {
    return guest_type < 32 && ((shadowed_bits_ >> guest_type) & 1u) != 0;
  }
  bool is_arena_type(std::uint32_t guest_type) const noexcept {
    return guest_type < 32 && ((arena_bits_ >> guest_type) & 1u) != 0;
  }

  // The host's index for a guest's; empty where the guest made the index up.
  std::optional<std::uint32_t> host_type(std::uint32_t guest_type) const noexcept;

  // A host's memoryTypeBits in the guest's numbering. A resource that can be imported gets shadowed types
  // only where no imported one is among the host's.
  std::uint32_t guest_bits(std::uint32_t host_bits, Mappable mappable = Mappable::kImported) const noexcept;

  // heapBudget / heapUsage in the guest's numbering: what this tenant uses, and could use before an
  // allocation fails.
  void translate_budget(VkPhysicalDeviceMemoryBudgetPropertiesEXT& budget,
                        const TenantMemory& tenant) const noexcept;

 private:
  struct Type {
    std::uint32_t host_type;
    std::uint32_t host_heap;      // kArenaHeap or kWindowHeap for arena types
    VkMemoryPropertyFlags flags;  // the guest's
    bool shadowed;
  };
  class Builder;

  VkPhysicalDeviceMemoryProperties guest_{};
  std::array<std::uint32_t, VK_MAX_MEMORY_TYPES> to_host_type_{};
  std::array<std::uint32_t, VK_MAX_MEMORY_HEAPS> to_host_heap_{};
  std::uint32_t arena_bits_ = 0;
  std::uint32_t shadowed_bits_ = 0;
};

}  // namespace viaduct::host
