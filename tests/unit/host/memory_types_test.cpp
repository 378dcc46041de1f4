// The re-description of memory types, on the layouts of real GPUs.
#include "host-renderer/memory/memory_types.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <vector>

namespace viaduct::host {
namespace {

constexpr VkMemoryPropertyFlags kLocal = VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT;
constexpr VkMemoryPropertyFlags kVisible = VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT;
constexpr VkMemoryPropertyFlags kCoherent = VK_MEMORY_PROPERTY_HOST_COHERENT_BIT;
constexpr VkMemoryPropertyFlags kCached = VK_MEMORY_PROPERTY_HOST_CACHED_BIT;
constexpr VkMemoryPropertyFlags kMapped = kVisible | kCoherent;
constexpr std::uint64_t kMiB = std::uint64_t{1} << 20;
constexpr std::uint64_t kGiB = std::uint64_t{1} << 30;
constexpr std::uint64_t kArena = 2 * kGiB;

struct Layout {
  const char* name;
  std::vector<VkMemoryHeap> heaps;
  std::vector<VkMemoryType> types;
  std::uint32_t importable;  // what VK_EXT_external_memory_host gives for ordinary pages
};

VkPhysicalDeviceMemoryProperties properties(const Layout& layout) {
  VkPhysicalDeviceMemoryProperties p{};
  for (const VkMemoryHeap& heap : layout.heaps) p.memoryHeaps[p.memoryHeapCount++] = heap;
  for (const VkMemoryType& type : layout.types) p.memoryTypes[p.memoryTypeCount++] = type;
  return p;
}

constexpr auto kDeviceHeap = VK_MEMORY_HEAP_DEVICE_LOCAL_BIT;

// As their drivers report them (vulkan.gpuinfo.org).
const std::vector<Layout>& layouts() {
  static const std::vector<Layout> all = {
      {"software: one type that is everything",
       {{4 * kGiB, kDeviceHeap}},
       {{kLocal | kMapped | kCached, 0}},
       0b1},
      {"NVIDIA with a 256 MiB BAR",
       {{8 * kGiB, kDeviceHeap}, {24 * kGiB, 0}, {246 * kMiB, kDeviceHeap}},
       {{0, 1}, {kLocal, 0}, {kMapped, 1}, {kMapped | kCached, 1}, {kLocal | kMapped, 2}},
       0b01100},
      {"NVIDIA with a resizable BAR",
       {{8 * kGiB, kDeviceHeap}, {24 * kGiB, 0}},
       {{0, 1}, {kLocal, 0}, {kMapped, 1}, {kMapped | kCached, 1}, {kLocal | kMapped, 0}},
       0b01100},
      {"AMD without a resizable BAR",
       {{8 * kGiB - 256 * kMiB, kDeviceHeap}, {16 * kGiB, 0}, {256 * kMiB, kDeviceHeap}},
       {{kLocal, 0},
        {kLocal, 0},
        {kMapped, 1},
        {kLocal | kMapped, 2},
        {kLocal | kMapped, 2},
        {kMapped | kCached, 1},
        {kMapped | kCached, 1}},
       0b1100100},
      {"AMD with a resizable BAR",
       {{16 * kGiB, 0}, {8 * kGiB, kDeviceHeap}},
       {{kLocal, 1}, {kMapped, 0}, {kLocal | kMapped, 1}, {kMapped | kCached, 0}},
       0b1010},
      {"Intel, shared memory",
       {{12 * kGiB, kDeviceHeap}},
       {{kLocal, 0}, {kLocal | kMapped, 0}, {kLocal | kMapped | kCached, 0}},
       0b110},
      {"Intel without a shared cache: cached is not coherent",
       {{12 * kGiB, kDeviceHeap}},
       {{kLocal | kMapped, 0}, {kLocal | kVisible | kCached, 0}},
       0b11},
      // As tests/e2e/layers has it.
      {"the processor's cached memory is not snooped",
       {{4 * kGiB, kDeviceHeap}, {8 * kGiB, 0}},
       {{kLocal, 0}, {kVisible | kCached, 1}, {kMapped, 1}},
       0b110},
  };
  return all;
}

class EveryLayout : public testing::TestWithParam<std::tuple<std::size_t, SharingMode>> {
 protected:
  const Layout& layout() const { return layouts()[std::get<0>(GetParam())]; }
  MemoryView view() const {
    return MemoryView::build(properties(layout()), {std::get<1>(GetParam()), layout().importable, kArena});
  }
};

// Where some memory is not device-local, the GPU has memory of its own, and the arena's window is a heap too.
bool has_window(const Layout& layout) {
  return std::any_of(layout.types.begin(), layout.types.end(),
                     [](const VkMemoryType& type) { return (type.propertyFlags & kLocal) == 0; });
}

TEST_P(EveryLayout, GivesHostVisibleMemoryOnlyFromTheArena) {
  const MemoryView v = view();
  const VkPhysicalDeviceMemoryProperties& guest = v.properties();
  const std::uint32_t arena_heap = guest.memoryHeapCount - 1;
  const std::uint32_t window_heap = has_window(layout()) ? arena_heap - 1 : arena_heap;
  EXPECT_EQ(guest.memoryHeaps[arena_heap].size, kArena);
  EXPECT_EQ(guest.memoryHeaps[arena_heap].flags, has_window(layout()) ? 0u : unsigned{kDeviceHeap});
  EXPECT_EQ(guest.memoryHeaps[window_heap].flags, kDeviceHeap);
  ASSERT_NE(v.arena_type_bits(), 0u) << layout().name;
  for (std::uint32_t i = 0; i < guest.memoryTypeCount; ++i) {
    const bool visible = (guest.memoryTypes[i].propertyFlags & kVisible) != 0;
    EXPECT_EQ(visible, v.is_arena_type(i));
    EXPECT_EQ(visible, guest.memoryTypes[i].heapIndex >= window_heap);
  }
}

// Mesa's Zink takes memory that cannot be mapped for buffers that stay mapped where there is no such type.
TEST_P(EveryLayout, HasADeviceLocalTypeThatCanBeMapped) {
  const VkPhysicalDeviceMemoryProperties guest = view().properties();
  EXPECT_TRUE(std::any_of(guest.memoryTypes, guest.memoryTypes + guest.memoryTypeCount, [](const auto& type) {
    return (type.propertyFlags & (kLocal | kMapped)) == (kLocal | kMapped);
  }));
}

// The specification's demands on every implementation (11.2.1).
TEST_P(EveryLayout, KeepsTheSpecificationsRules) {
  const VkPhysicalDeviceMemoryProperties guest = view().properties();
  bool coherent = false;
  bool local = false;
  for (std::uint32_t i = 0; i < guest.memoryTypeCount; ++i) {
    const VkMemoryPropertyFlags flags = guest.memoryTypes[i].propertyFlags;
    coherent = coherent || (flags & kMapped) == kMapped;
    local = local || (flags & kLocal) != 0;
    ASSERT_LT(guest.memoryTypes[i].heapIndex, guest.memoryHeapCount);
    const bool heap_local = (guest.memoryHeaps[guest.memoryTypes[i].heapIndex].flags & kDeviceHeap) != 0;
    EXPECT_EQ((flags & kLocal) != 0, heap_local) << "type " << i;
    for (std::uint32_t j = 0; j < i; ++j) {
      const VkMemoryPropertyFlags earlier = guest.memoryTypes[j].propertyFlags;
      EXPECT_FALSE(flags != earlier && (flags & earlier) == flags)
          << "type " << i << " must come before " << j;
    }
  }
  EXPECT_TRUE(coherent);
  EXPECT_TRUE(local);
}

TEST_P(EveryLayout, TranslatesTypesBackToTypesOfTheHostThatFit) {
  const MemoryView v = view();
  const VkPhysicalDeviceMemoryProperties host = properties(layout());
  const VkPhysicalDeviceMemoryProperties guest = v.properties();
  for (std::uint32_t i = 0; i < guest.memoryTypeCount; ++i) {
    ASSERT_TRUE(v.host_type(i).has_value());
    const std::uint32_t host_type = *v.host_type(i);
    ASSERT_LT(host_type, host.memoryTypeCount);
    VkMemoryPropertyFlags promised = guest.memoryTypes[i].propertyFlags;
    if (v.is_arena_type(i)) promised &= ~kLocal;  // the window is device-local by name only
    EXPECT_EQ(host.memoryTypes[host_type].propertyFlags & promised, promised);
    if (v.is_arena_type(i) && !v.is_shadowed_type(i)) {
      EXPECT_EQ(std::get<1>(GetParam()), SharingMode::kImport);
      EXPECT_NE((layout().importable >> host_type) & 1u, 0u);
    }
  }
  EXPECT_FALSE(v.host_type(guest.memoryTypeCount).has_value());
}

TEST_P(EveryLayout, ABufferThatTheHostPutsAnywhereFindsDeviceAndArenaTypes) {
  const MemoryView v = view();
  const std::uint32_t all = (1u << v.properties().memoryTypeCount) - 1;
  const bool imports = std::get<1>(GetParam()) == SharingMode::kImport;
  EXPECT_EQ(v.guest_bits(0xffffffffu), imports ? all & ~v.shadowed_type_bits() : all);
  const std::uint32_t device_only = v.guest_bits(0xffffffffu, Mappable::kNo);
  EXPECT_EQ(device_only, all & ~v.arena_type_bits());
  EXPECT_NE(device_only, 0u);
  EXPECT_EQ(v.guest_bits(0xffffffffu, Mappable::kShadowed), device_only | v.shadowed_type_bits());
  EXPECT_EQ(v.guest_bits(0), 0u);
}

// 12.7, "Resource Memory Association": buffers and linear images, importable or not, wherever the driver puts
// them.
TEST_P(EveryLayout, WhatCanBeMappedOnTheHostCanBeMappedInTheGuest) {
  const MemoryView v = view();
  for (std::uint32_t type = 0; type < layout().types.size(); ++type) {
    if ((layout().types[type].propertyFlags & kMapped) != kMapped) continue;
    for (const Mappable mappable : {Mappable::kShadowed, Mappable::kImported}) {
      // Types of the same flags stand for each other, as drivers list duplicates.
      std::uint32_t same = 0;
      for (std::uint32_t other = 0; other < layout().types.size(); ++other) {
        const bool equal = layout().types[other].propertyFlags == layout().types[type].propertyFlags;
        same |= equal ? 1u << other : 0u;
      }
      EXPECT_NE(v.guest_bits(same, mappable) & v.arena_type_bits(), 0u) << "host type " << type;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Gpus, EveryLayout,
                         testing::Combine(testing::Range<std::size_t>(0, layouts().size()),
                                          testing::Values(SharingMode::kImport, SharingMode::kShadow)));

MemoryView view_of(std::size_t index, SharingMode mode) {
  const Layout& layout = layouts()[index];
  return MemoryView::build(properties(layout), {mode, layout.importable, kArena});
}

TEST(MemoryView, SplitsASingleTypeIntoADeviceTypeAndAnArenaType) {
  const MemoryView v = view_of(0, SharingMode::kImport);
  ASSERT_EQ(v.properties().memoryTypeCount, 3u);
  EXPECT_EQ(v.properties().memoryTypes[0].propertyFlags, kLocal);
  EXPECT_EQ(v.properties().memoryTypes[1].propertyFlags, kLocal | kMapped | kCached);
  EXPECT_EQ(v.properties().memoryTypes[2].propertyFlags, kLocal | kMapped | kCached);
  EXPECT_EQ(v.arena_type_bits(), 0b110u);
  EXPECT_EQ(v.shadowed_type_bits(), 0b100u);
  for (std::uint32_t i = 0; i < 3; ++i) EXPECT_EQ(v.host_type(i), 0u);
  EXPECT_EQ(v.guest_bits(0b1, Mappable::kImported), 0b011u);
  EXPECT_EQ(v.guest_bits(0b1, Mappable::kShadowed), 0b101u);
  EXPECT_EQ(v.guest_bits(0b1, Mappable::kNo), 0b001u);
}

TEST(MemoryView, HidesTheBarWindowButNotTheMemoryBehindIt) {
  const MemoryView v = view_of(1, SharingMode::kImport);
  std::uint64_t local_heaps = 0;
  for (std::uint32_t i = 0; i < v.properties().memoryHeapCount; ++i) {
    local_heaps += (v.properties().memoryHeaps[i].flags & kDeviceHeap) != 0 ? 1 : 0;
  }
  EXPECT_EQ(local_heaps, 2u) << "the card's memory, and the arena's own window";
  EXPECT_EQ(v.guest_bits(1u << 4, Mappable::kNo), 0u);
  // A resource that is only for the window gets it as the shadow's memory.
  const std::uint32_t bits = v.guest_bits(1u << 4);
  EXPECT_EQ(bits, bits & v.shadowed_type_bits());
  EXPECT_NE(bits, 0u);
}

// NVIDIA's driver with a resizable BAR demands the mappable type for images that the host copies into.
TEST(MemoryView, AnImageThatIsOnlyForTheMappableTypeOfVideoMemoryHasADeviceType) {
  const MemoryView v = view_of(2, SharingMode::kImport);
  const std::uint32_t bits = v.guest_bits(1u << 4, Mappable::kNo);
  ASSERT_NE(bits, 0u);
  EXPECT_EQ(bits & v.arena_type_bits(), 0u);
  // Who takes the first type that fits takes the driver's own device type.
  const std::uint32_t plain = v.guest_bits(1u << 1, Mappable::kNo);
  EXPECT_LT(std::countr_zero(plain), std::countr_zero(bits));
}

TEST(MemoryView, NeverOffersMemoryThatIsNotCoherent) {
  for (const std::size_t layout : {6, 7}) {
    for (const SharingMode mode : {SharingMode::kImport, SharingMode::kShadow}) {
      const MemoryView v = view_of(layout, mode);
      for (std::uint32_t i = 0; i < v.properties().memoryTypeCount; ++i) {
        const VkMemoryPropertyFlags flags = v.properties().memoryTypes[i].propertyFlags;
        EXPECT_EQ((flags & kVisible) != 0, (flags & kCoherent) != 0);
        EXPECT_EQ((flags & kCached) != 0 && (flags & kVisible) == 0, false);
      }
      // Nothing that a resource is bound to is mapped without being coherent on the host as well.
      const std::uint32_t non_coherent = layouts()[layout].types[1].propertyFlags & kCoherent ? 0u : 0b10u;
      EXPECT_EQ(v.guest_bits(non_coherent) & v.arena_type_bits(), 0u);
    }
  }
}

TEST(MemoryView, PutsEachBudgetWhereItsHeapWent) {
  const MemoryView v =
      view_of(3, SharingMode::kImport);  // heaps 0 and (not 2); the window and the arena last
  VkPhysicalDeviceMemoryBudgetPropertiesEXT budget{};
  for (std::uint32_t i = 0; i < VK_MAX_MEMORY_HEAPS; ++i) {
    budget.heapBudget[i] = 100 + i;
    budget.heapUsage[i] = 10 + i;
  }
  const std::uint32_t arena = v.properties().memoryHeapCount - 1;
  const auto type_in = [&](std::uint32_t heap) {
    std::uint32_t type = 0;
    while (v.properties().memoryTypes[type].heapIndex != heap) ++type;
    return type;
  };
  TenantMemory tenant;
  tenant.used[type_in(arena)] = 4096;
  v.translate_budget(budget, tenant);
  EXPECT_EQ(budget.heapBudget[0], 100u);
  EXPECT_EQ(budget.heapUsage[0], 0u) << "what others on the machine use is not this tenant's";
  EXPECT_EQ(budget.heapBudget[arena], kArena);
  EXPECT_EQ(budget.heapUsage[arena], 4096u);
  EXPECT_EQ(budget.heapBudget[arena + 1], 0u);
  const std::uint64_t window = v.properties().memoryHeaps[arena - 1].size;
  EXPECT_EQ(budget.heapBudget[arena - 1], window);
  EXPECT_EQ(budget.heapUsage[arena - 1], 0u);
  tenant.used[type_in(arena)] = kArena - 100;
  v.translate_budget(budget, tenant);
  EXPECT_EQ(budget.heapBudget[arena - 1], 100u) << "no more than what is left of the arena";
  tenant.used[type_in(arena - 1)] = 40;
  v.translate_budget(budget, tenant);
  EXPECT_EQ(budget.heapUsage[arena - 1], 40u);
  EXPECT_EQ(budget.heapBudget[arena - 1], 100u) << "40 of them in use already";
}

TEST(MemoryView, ATenantsBudgetEndsAtItsLimit) {
  const MemoryView v = view_of(3, SharingMode::kImport);
  VkPhysicalDeviceMemoryBudgetPropertiesEXT budget{};
  for (std::uint64_t& heap : budget.heapBudget) heap = 10'000;
  std::uint32_t type = 0;
  while (v.is_arena_type(type)) ++type;
  const std::uint32_t heap = v.properties().memoryTypes[type].heapIndex;
  TenantMemory tenant;
  tenant.used[type] = 300;
  tenant.device_used = 500;  // 200 of them elsewhere
  tenant.device_limit = 1000;
  v.translate_budget(budget, tenant);
  EXPECT_EQ(budget.heapUsage[heap], 300u);
  EXPECT_EQ(budget.heapBudget[heap], 800u);
}

}  // namespace
}  // namespace viaduct::host
