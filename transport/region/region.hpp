// Region: a session's shared memory, mapped. The host makes and initialises it, the guest attaches to it.
//
// The memory is a memfd, sparse, sealed against shrinking and growing (F_SEAL_SHRINK | F_SEAL_GROW |
// F_SEAL_SEAL), so neither side can make the other's loads fault; or a slice of a file that is a VM's shared
// memory, which the guest maps as a device's (transport/region/pci_memory.hpp); or, where a session shares
// none, it is memory of one process. A Region owns its mapping (and its descriptor, if it was given one);
// RegionView is a cheap copyable way to reach into it and must not outlive it. The views' pointers name
// memory that the peer writes at the same time: use transport/wait/atomics.hpp on the words.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/mapping.hpp"
#include "base/result.hpp"
#include "base/unique_fd.hpp"
#include "transport/region/layout.hpp"
#include "transport/wait/atomics.hpp"

namespace viaduct::transport {

// How this side's mapping reaches memory. Where it is not cached, stores may be combined and overtake each
// other, and loads may: publishing and reading what was published takes fences (RegionView::order_*), and
// reading much takes streaming loads (base/uncached.hpp).
enum class Caching : std::uint8_t { cached, write_combined };

class RegionView {
 public:
  RegionView() noexcept = default;
  // For tests and other kinds of region: any memory of layout.region_size bytes, aligned to a cache line.
  RegionView(std::byte* base, const RegionLayout& layout, Caching caching = Caching::cached) noexcept
      : base_(base), layout_(layout), caching_(caching) {}

  std::byte* base() const noexcept { return base_; }
  bool cached() const noexcept { return caching_ == Caching::cached; }
  // Before the word that publishes what this thread has stored, and after the word that says that something
  // may be loaded: cached memory orders both by itself, which costs a branch here.
  void order_stores() const noexcept {
    if (!cached()) [[unlikely]]
      store_fence();
  }
  void order_loads() const noexcept {
    if (!cached()) [[unlikely]]
      load_fence();
  }
  const RegionLayout& layout() const noexcept { return layout_; }

  RegionHeader& header() const noexcept { return at<RegionHeader>(0); }
  GuestWords& guest() const noexcept { return at<GuestWords>(RegionLayout::kGuestWordsOffset); }
  HostWords& host() const noexcept { return at<HostWords>(RegionLayout::kHostWordsOffset); }
  // Indexes must be in range: below kCompletionSlots, kReplySlots.
  CompletionSlot& completion(std::uint32_t index) const noexcept {
    return at<CompletionSlot>(RegionLayout::kCompletionOffset +
                              std::uint64_t{index} * sizeof(CompletionSlot));
  }
  ReplySlot& reply(std::uint32_t index) const noexcept {
    return at<ReplySlot>(RegionLayout::kReplyOffset + std::uint64_t{index} * sizeof(ReplySlot));
  }
  // The ring entry of the descriptor with this sequence number (from 1).
  RingDescriptor& descriptor(std::uint64_t sequence) const noexcept {
    return at<RingDescriptor>(RegionLayout::kRingOffset +
                              ((sequence - 1) & (kRingCapacity - 1)) * sizeof(RingDescriptor));
  }
  std::byte* chunk(std::uint32_t index) const noexcept { return base_ + layout_.chunk_offset(index); }
  // offset must lie in the region; the caller has checked.
  std::byte* bytes(std::uint64_t offset) const noexcept { return base_ + offset; }
  // Whether [offset, offset + size) lies in the region; for numbers from the peer.
  bool contains(std::uint64_t offset, std::uint64_t size) const noexcept {
    return offset <= layout_.region_size && size <= layout_.region_size - offset;
  }
  bool arena_contains(std::uint64_t offset, std::uint64_t size) const noexcept {
    return offset >= layout_.arena_offset() && contains(offset, size);
  }

 private:
  template <class T>
  T& at(std::uint64_t offset) const noexcept {
    return *reinterpret_cast<T*>(base_ + offset);
  }
  std::byte* base_ = nullptr;
  RegionLayout layout_;
  Caching caching_ = Caching::cached;
};

class Region {
 public:
  Region() noexcept = default;

  // The memfd of a region of these sizes, sealed, close-on-exec, all zero. Host side (viaductd).
  static Result<UniqueFd> create_memfd(const char* name, const RegionLayout& layout);

  // Maps a fresh region and writes its header. Host side (worker). The file must have the layout's size
  // exactly and be sealed against shrinking.
  static Result<Region> initialise(UniqueFd fd, const RegionLayout& layout);

  // Maps a region that the host has initialised. Guest side. Fails with bad_data if the sizes, the seals or
  // the header do not fit, incompatible if the region's version is another.
  static Result<Region> attach(UniqueFd fd, const RegionLayout& layout);

  // The same two for a slice of a larger file: [offset, offset + layout.region_size) of it, page-aligned. The
  // descriptor stays the caller's and may be closed; the file is not sealed, so whoever may cut it can end
  // the session. attach_slice takes the mapping that was made to see the offer.
  static Result<Region> initialise_slice(int file, std::uint64_t offset, const RegionLayout& layout);
  static Result<Region> attach_slice(Mapping slice, const RegionLayout& layout, Caching caching);

  // Of this process alone, without a file, initialised.
  static Result<Region> create_private(const RegionLayout& layout);

  RegionView view() const noexcept { return RegionView(mapping_.data(), layout_, caching_); }
  const RegionLayout& layout() const noexcept { return layout_; }
  int fd() const noexcept { return fd_.get(); }
  explicit operator bool() const noexcept { return static_cast<bool>(mapping_); }

  // Gives the pages of [offset, offset + size) back to the system; they read as zero afterwards.
  // Page-aligned, inside the arena. Any thread. The caller knows that nobody uses the bytes.
  Result<> punch(std::uint64_t offset, std::uint64_t size) const noexcept;

 private:
  UniqueFd fd_;
  static Result<Region> initialise_mapping(Mapping mapping, const RegionLayout& layout);
  static Result<Region> attach_mapping(Mapping mapping, const RegionLayout& layout, Caching caching);

  Mapping mapping_;
  RegionLayout layout_;
  Caching caching_ = Caching::cached;
  bool private_ = false;
};

}  // namespace viaduct::transport
