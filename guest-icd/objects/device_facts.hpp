// What a physical device answers for ever: its properties, features, queue families and formats, fetched in
// bulk when it is enumerated (DESIGN decision 6), so that the queries which follow cost no round trip and
// have their answers after a loss of the session too.
//
// Written once, under the instance's enumeration lock; read by any thread after that.
#pragma once

#include <vulkan/vulkan.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "generated/guest/chain_structs.hpp"

namespace viaduct::guest {

/// The structs that extend one query, each as the host filled it.
class ChainAnswers {
 public:
  ChainAnswers() = default;
  /// Makes room for those of `known` that a device with this version and these extensions fills. May throw
  /// bad_alloc.
  ChainAnswers(std::span<const ChainStruct> known, std::uint32_t api_version,
               std::span<const VkExtensionProperties> extensions);

  /// The structs as a chain for the query. Valid until this object is moved or destroyed.
  void* chain() noexcept;
  /// Copies what was fetched into the structs of an application's chain. False when the chain has a struct of
  /// `known` that was not fetched; structs that this build does not know are left alone, as any driver does.
  bool fill(void* application_chain) const noexcept;

 private:
  struct Entry {
    VkStructureType type;
    std::uint32_t size;
    std::size_t offset;
  };
  std::span<const ChainStruct> known_;
  std::vector<Entry> entries_;  // by type
  std::vector<std::uint64_t> bytes_;
};

struct QueueFamilyFacts {
  VkQueueFamilyProperties properties{};
  ChainAnswers chain;
};

struct DeviceFacts {
  VkPhysicalDeviceProperties properties{};
  VkPhysicalDeviceFeatures features{};
  ChainAnswers property_chain;
  ChainAnswers feature_chain;
  std::vector<QueueFamilyFacts> families;
  std::vector<VkFormatProperties> formats;    ///< in the order of fetched_formats()
  std::vector<VkFormatProperties3> formats3;  ///< the same; empty where the device has no such struct
};

/// The formats that a device of this version must know, in rising order.
std::vector<VkFormat> fetched_formats(std::uint32_t api_version);
/// A format's place in that list; -1 where it has none.
std::ptrdiff_t fetched_index(VkFormat format, std::uint32_t api_version) noexcept;

bool provides(const ChainStruct& entry, std::uint32_t api_version,
              std::span<const VkExtensionProperties> extensions) noexcept;

}  // namespace viaduct::guest
