#include "host-renderer/memory/memory_types.hpp"

#include <algorithm>
#include <bit>
#include <vector>

namespace viaduct::host {
namespace {

constexpr VkMemoryPropertyFlags kVisible = VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT;
constexpr VkMemoryPropertyFlags kCoherent = VK_MEMORY_PROPERTY_HOST_COHERENT_BIT;
constexpr VkMemoryPropertyFlags kCached = VK_MEMORY_PROPERTY_HOST_CACHED_BIT;
constexpr VkMemoryPropertyFlags kLocal = VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT;
// As large as the window of cards without a resizable BAR, which programs know to use sparingly.
constexpr std::uint64_t kWindowSize = std::uint64_t{256} << 20;
constexpr VkMemoryHeapFlags kLocalHeap = VK_MEMORY_HEAP_DEVICE_LOCAL_BIT;
constexpr VkMemoryPropertyFlags kHostBits = kVisible | kCoherent | kCached;

}  // namespace

const char* to_string(SharingMode mode) noexcept {
  switch (mode) {
    case SharingMode::kImport:
      return "import";
    case SharingMode::kDmaBuf:
      return "dma-buf";
    case SharingMode::kShadow:
      return "shadow";
  }
  return "?";
}

class MemoryView::Builder {
 public:
  Builder(const VkPhysicalDeviceMemoryProperties& host, const MemoryViewOptions& options)
      : host_(host), options_(options) {}

  MemoryView finish() {
    add_device_only();
    if (options_.mode != SharingMode::kShadow) {
      add_arena(false);
    }
    add_arena(true);
    add_window();
    std::stable_sort(types_.begin(), types_.end(), [](const Type& a, const Type& b) {
      return std::popcount(a.flags) < std::popcount(b.flags);
    });
    return describe();
  }

 private:
  VkMemoryPropertyFlags arena_flags(VkMemoryPropertyFlags host_flags) const {
    return shared_memory() ? host_flags : host_flags & ~kLocal;
  }

  // One imported type for each set of flags is enough. Shadowed ones are for whatever a resource may need, a
  // window into video memory included, so they are told apart by the host's flags.
  bool has_arena(VkMemoryPropertyFlags host_flags, bool shadowed) const {
    return std::any_of(types_.begin(), types_.end(), [&](const Type& t) {
      const VkMemoryPropertyFlags other = host_.memoryTypes[t.host_type].propertyFlags;
      return t.host_heap == kArenaHeap && t.shadowed == shadowed &&
             (other == host_flags || (!shadowed && t.flags == arena_flags(host_flags)));
    });
  }

  // A mappable window into video memory (the 256 MiB BAR): of no use to a guest that cannot map it, and small
  // enough that a program which picked it as "device local" would run out.
  bool is_bar_window(const VkMemoryType& type) const {
    if ((type.propertyFlags & kVisible) == 0) {
      return false;
    }
    for (std::uint32_t i = 0; i < host_.memoryTypeCount; ++i) {
      const VkMemoryType& other = host_.memoryTypes[i];
      if (other.heapIndex != type.heapIndex && (other.propertyFlags & kLocal) != 0 &&
          host_.memoryHeaps[other.heapIndex].size > host_.memoryHeaps[type.heapIndex].size) {
        return true;
      }
    }
    return false;
  }

  void add_device_only() {
    // Types that are not host visible first: they are what the driver means for device-only use.
    for (const bool visible : {false, true}) {
      for (std::uint32_t i = 0; i < host_.memoryTypeCount; ++i) {
        const VkMemoryType& type = host_.memoryTypes[i];
        if (((type.propertyFlags & kVisible) != 0) != visible) {
          continue;
        }
        const VkMemoryPropertyFlags flags = type.propertyFlags & ~kHostBits;
        // Each of them, though another type may have the same flags and heap here: a resource may be bound to
        // the mappable one only (NVIDIA's images for VK_EXT_host_image_copy).
        if (visible && ((flags & kLocal) == 0 || is_bar_window(type))) {
          continue;
        }
        types_.push_back({i, type.heapIndex, flags, false});
      }
    }
  }

  void add_arena(bool shadowed) {
    // Plain host memory before device-local memory that happens to be mappable: the pages are system memory.
    for (const bool local : {false, true}) {
      for (std::uint32_t i = 0; i < host_.memoryTypeCount; ++i) {
        const VkMemoryPropertyFlags host_flags = host_.memoryTypes[i].propertyFlags;
        const VkMemoryPropertyFlags needed = kVisible | kCoherent;
        const bool usable = shadowed || ((options_.importable_types >> i) & 1u) != 0;
        if ((host_flags & needed) != needed || !usable || ((host_flags & kLocal) != 0) != local ||
            (host_flags & VK_MEMORY_PROPERTY_PROTECTED_BIT) != 0) {
          continue;
        }
        if (!has_arena(host_flags, shadowed)) {
          types_.push_back({i, kArenaHeap, arena_flags(host_flags), shadowed});
        }
      }
    }
  }

  // Whether the GPU has no memory of its own, so that the arena is as near to it as anything.
  bool shared_memory() const {
    return std::all_of(host_.memoryHeaps, host_.memoryHeaps + host_.memoryHeapCount,
                       [](const VkMemoryHeap& heap) { return (heap.flags & kLocalHeap) != 0; }) &&
           std::all_of(host_.memoryTypes, host_.memoryTypes + host_.memoryTypeCount,
                       [](const VkMemoryType& type) { return (type.propertyFlags & kLocal) != 0; });
  }

  // Every card has a type that is device-local and mappable, and programs rely on it: without one Mesa's Zink
  // takes device-only memory for buffers that stay mapped. It is a part of the arena here.
  void add_window() {
    const auto arena = std::find_if(types_.begin(), types_.end(),
                                    [](const Type& type) { return type.host_heap == kArenaHeap; });
    if (arena == types_.end() || shared_memory()) {
      return;
    }
    types_.push_back({arena->host_type, kWindowHeap, kLocal | kVisible | kCoherent, arena->shadowed});
  }

  std::uint32_t guest_heap(MemoryView& view, std::uint32_t host_heap) const {
    VkPhysicalDeviceMemoryProperties& guest = view.guest_;
    for (std::uint32_t i = 0; i < guest.memoryHeapCount; ++i) {
      if (view.to_host_heap_[i] == host_heap) {
        return i;
      }
    }
    return 0;
  }

  MemoryView describe() const {
    MemoryView view;
    VkPhysicalDeviceMemoryProperties& guest = view.guest_;
    const auto add_heap = [&](std::uint32_t host_heap, const VkMemoryHeap& heap) {
      view.to_host_heap_[guest.memoryHeapCount] = host_heap;
      guest.memoryHeaps[guest.memoryHeapCount++] = heap;
    };
    for (std::uint32_t heap = 0; heap < host_.memoryHeapCount; ++heap) {
      const bool used =
          std::any_of(types_.begin(), types_.end(), [&](const Type& t) { return t.host_heap == heap; });
      if (used && guest.memoryHeapCount < VK_MAX_MEMORY_HEAPS - 2) {
        add_heap(heap, host_.memoryHeaps[heap]);
      }
    }
    if (std::any_of(types_.begin(), types_.end(), [](const Type& t) { return t.host_heap == kWindowHeap; })) {
      add_heap(kWindowHeap, VkMemoryHeap{std::min(options_.arena_size, kWindowSize), kLocalHeap});
    }
    add_heap(kArenaHeap, VkMemoryHeap{options_.arena_size, shared_memory() ? kLocalHeap : 0});

    for (const Type& type : types_) {
      if (guest.memoryTypeCount == VK_MAX_MEMORY_TYPES) {
        break;
      }
      const std::uint32_t index = guest.memoryTypeCount++;
      view.to_host_type_[index] = type.host_type;
      guest.memoryTypes[index] = {type.flags, guest_heap(view, type.host_heap)};
      if (type.host_heap == kArenaHeap || type.host_heap == kWindowHeap) {
        view.arena_bits_ |= 1u << index;
        view.shadowed_bits_ |= type.shadowed ? 1u << index : 0u;
      }
    }
    return view;
  }

  const VkPhysicalDeviceMemoryProperties& host_;
  const MemoryViewOptions& options_;
  std::vector<Type> types_;
};

MemoryView MemoryView::build(const VkPhysicalDeviceMemoryProperties& host, const MemoryViewOptions& options) {
  return Builder(host, options).finish();
}

std::optional<std::uint32_t> MemoryView::host_type(std::uint32_t guest_type) const noexcept {
  if (guest_type >= guest_.memoryTypeCount) {
    return std::nullopt;
  }
  return to_host_type_[guest_type];
}

std::uint32_t MemoryView::guest_bits(std::uint32_t host_bits, Mappable mappable) const noexcept {
  std::uint32_t bits = 0;
  for (std::uint32_t i = 0; i < guest_.memoryTypeCount; ++i) {
    bits |= ((host_bits >> to_host_type_[i]) & 1u) << i;
  }
  const std::uint32_t device_only = bits & ~arena_bits_;
  const std::uint32_t imported = bits & arena_bits_ & ~shadowed_bits_;
  if (mappable == Mappable::kNo) {
    return device_only;
  }
  return device_only | (mappable == Mappable::kImported && imported != 0 ? imported : bits & shadowed_bits_);
}

void MemoryView::translate_budget(VkPhysicalDeviceMemoryBudgetPropertiesEXT& budget,
                                  const TenantMemory& tenant) const noexcept {
  const VkPhysicalDeviceMemoryBudgetPropertiesEXT host = budget;
  budget = {host.sType, host.pNext, {}, {}};
  for (std::uint32_t type = 0; type < guest_.memoryTypeCount; ++type) {
    budget.heapUsage[guest_.memoryTypes[type].heapIndex] += tenant.used[type];
  }
  const std::uint64_t left = tenant.device_limit - std::min(tenant.device_used, tenant.device_limit);
  for (std::uint32_t i = 0; i < guest_.memoryHeapCount; ++i) {
    if (to_host_heap_[i] == kArenaHeap) {
      budget.heapBudget[i] = guest_.memoryHeaps[i].size;
      continue;
    }
    if (to_host_heap_[i] == kWindowHeap) {
      // The window has no memory of its own: what it uses, and what is left of the arena.
      const std::uint32_t arena = guest_.memoryHeapCount - 1;
      const std::uint64_t used = budget.heapUsage[i] + budget.heapUsage[arena];
      const std::uint64_t free =
          guest_.memoryHeaps[arena].size - std::min(used, guest_.memoryHeaps[arena].size);
      budget.heapBudget[i] = std::min(guest_.memoryHeaps[i].size, budget.heapUsage[i] + free);
      continue;
    }
    budget.heapBudget[i] = host.heapBudget[to_host_heap_[i]];
    if (tenant.device_limit != 0) {
      budget.heapBudget[i] = std::min(budget.heapBudget[i], budget.heapUsage[i] + left);
    }
  }
}

}  // namespace viaduct::host
