// A VM's shared memory, divided among its sessions.
//
// A session gets half of the largest free stretch, but no more than it asks for and no less than
// kMinSliceBytes: the first programs of a VM get large slices and many still fit. Slices are aligned to 2 MiB
// and read as zero when they are given. Whoever holds the last reference to a slice gives it back, so it must
// be held for as long as anybody may write there: its worker, and the guest's process.
//
// Event loop only. A slice keeps the memory alive.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <tl/expected.hpp>

#include "base/result.hpp"
#include "host-renderer/vm/memory_file.hpp"
#include "transport/region/arena_allocator.hpp"

namespace viaduct::host::vm {

inline constexpr uint64_t kSliceAlignment = 2u << 20;
inline constexpr uint64_t kMinSliceBytes = 24u << 20;

class VmMemory;

class Slice {
 public:
  Slice(std::shared_ptr<VmMemory> memory, uint64_t offset, uint64_t size)
      : memory_(std::move(memory)), offset_(offset), size_(size) {}
  ~Slice();
  Slice(const Slice&) = delete;
  Slice& operator=(const Slice&) = delete;

  [[nodiscard]] uint64_t offset() const { return offset_; }
  [[nodiscard]] uint64_t size() const { return size_; }
  [[nodiscard]] uint64_t file_size() const;
  [[nodiscard]] int fd() const;  // of the whole file
  // Its guest has gone: it comes back as soon as its worker has gone too.
  void set_leaving();
  // Writes through the file: a mapping would die with a file that somebody cuts.
  [[nodiscard]] Result<> write(uint64_t at, std::span<const std::byte> bytes) const;

 private:
  std::shared_ptr<VmMemory> memory_;
  uint64_t offset_;
  uint64_t size_;
  bool leaving_ = false;
};

class VmMemory : public std::enable_shared_from_this<VmMemory> {
 public:
  // Takes the file over; what sessions of an earlier service left in it is gone.
  static std::shared_ptr<VmMemory> start(MemoryFile file);

  // The error is for the guest: the memory is full, or the file is not what it was.
  [[nodiscard]] tl::expected<std::shared_ptr<Slice>, std::string> take(uint64_t wanted);
  // Slices that come back in a moment: who wants a large one waits for them.
  [[nodiscard]] uint32_t leaving() const { return leaving_; }
  [[nodiscard]] const MemoryFile& file() const { return file_; }

 private:
  friend class Slice;
  explicit VmMemory(MemoryFile file);
  [[nodiscard]] bool punch(uint64_t offset, uint64_t size) const;
  void give_back(uint64_t offset, uint64_t size);

  MemoryFile file_;
  transport::ArenaAllocator slices_;
  uint32_t live_ = 0;
  uint32_t leaving_ = 0;
};

}  // namespace viaduct::host::vm
