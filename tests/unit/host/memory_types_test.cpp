// The re-description of memory types, on the layouts of real GPUs.
#include "host-renderer/memory/memory_types.hpp"

#include <gtest/gtest.h>

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

TEST_P(EveryLayout, GivesHostVisibleMemoryOnlyFromTheArenaHeap) {
  const MemoryView v = view();
  const VkPhysicalDeviceMemoryProperties& guest = v.properties();
  const std::uint32_t arena_heap = guest.memoryHeapCount - 1;
  EXPECT_EQ(guest.memoryHeaps[arena_heap].size, kArena);
  EXPECT_EQ(guest.memoryHeaps[arena_heap].flags, 0u);
  ASSERT_NE(v.arena_type_bits(), 0u) << layout().name;
  for (std::uint32_t i = 0; i < guest.memoryTypeCount; ++i) {
    const bool visible = (guest.memoryTypes[i].propertyFlags & kVisible) != 0;
    EXPECT_EQ(visible, v.is_arena_type(i));
    EXPECT_EQ(visible, guest.memoryTypes[i].heapIndex == arena_heap);
  }
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
    const VkMemoryPropertyFlags promised = guest.memoryTypes[i].propertyFlags;
    EXPECT_EQ(host.memoryTypes[host_type].propertyFlags & promised, promised);
    if (v.is_arena_type(i) && std::get<1>(GetParam()) == SharingMode::kImport) {
      EXPECT_NE((layout().importable >> host_type) & 1u, 0u);
    }
  }
  EXPECT_FALSE(v.host_type(guest.memoryTypeCount).has_value());
}

TEST_P(EveryLayout, ABufferThatTheHostPutsAnywhereFindsDeviceAndArenaTypes) {
  const MemoryView v = view();
  const std::uint32_t all = v.guest_bits(0xffffffffu);
  EXPECT_EQ(all, (1u << v.properties().memoryTypeCount) - 1);
  const std::uint32_t device_only = v.guest_bits(0xffffffffu, false);
  EXPECT_EQ(device_only, all & ~v.arena_type_bits());
  EXPECT_NE(device_only, 0u);
  EXPECT_EQ(v.guest_bits(0), 0u);
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
  ASSERT_EQ(v.properties().memoryTypeCount, 2u);
  EXPECT_EQ(v.properties().memoryTypes[0].propertyFlags, kLocal);
  EXPECT_EQ(v.properties().memoryTypes[1].propertyFlags, kMapped | kCached);
  EXPECT_EQ(v.arena_type_bits(), 0b10u);
  EXPECT_EQ(v.host_type(0), 0u);
  EXPECT_EQ(v.host_type(1), 0u);
  EXPECT_EQ(v.guest_bits(0b1), 0b11u);
}

TEST(MemoryView, HidesTheBarWindowButNotTheMemoryBehindIt) {
  const MemoryView v = view_of(1, SharingMode::kImport);
  std::uint64_t local_heaps = 0;
  for (std::uint32_t i = 0; i < v.properties().memoryHeapCount; ++i) {
    local_heaps += (v.properties().memoryHeaps[i].flags & kDeviceHeap) != 0 ? 1 : 0;
  }
  EXPECT_EQ(local_heaps, 1u);
  EXPECT_EQ(v.guest_bits(1u << 4), 0u) << "a resource only for the window has no type";
}

TEST(MemoryView, NeverOffersMemoryThatIsNotCoherent) {
  const MemoryView v = view_of(6, SharingMode::kImport);
  for (std::uint32_t i = 0; i < v.properties().memoryTypeCount; ++i) {
    const VkMemoryPropertyFlags flags = v.properties().memoryTypes[i].propertyFlags;
    EXPECT_EQ((flags & kVisible) != 0, (flags & kCoherent) != 0);
  }
}

TEST(MemoryView, PutsEachBudgetWhereItsHeapWent) {
  const MemoryView v = view_of(3, SharingMode::kImport);  // heaps 0 and (not 2); the arena last
  VkPhysicalDeviceMemoryBudgetPropertiesEXT budget{};
  for (std::uint32_t i = 0; i < VK_MAX_MEMORY_HEAPS; ++i) {
    budget.heapBudget[i] = 100 + i;
    budget.heapUsage[i] = 10 + i;
  }
  const std::uint32_t arena = v.properties().memoryHeapCount - 1;
  TenantMemory tenant;
  for (std::uint32_t i = 0; i < v.properties().memoryTypeCount; ++i) {
    if (v.properties().memoryTypes[i].heapIndex == arena) tenant.used[i] = 4096;
    if (v.properties().memoryTypes[i].heapIndex == arena) break;
  }
  v.translate_budget(budget, tenant);
  EXPECT_EQ(budget.heapBudget[0], 100u);
  EXPECT_EQ(budget.heapUsage[0], 0u) << "what others on the machine use is not this tenant's";
  EXPECT_EQ(budget.heapBudget[arena], kArena);
  EXPECT_EQ(budget.heapUsage[arena], 4096u);
  EXPECT_EQ(budget.heapBudget[arena + 1], 0u);
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
