#include "host-renderer/vm/vm_memory.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "base/log.hpp"

namespace viaduct::host::vm {

Slice::~Slice() {
  if (leaving_) --memory_->leaving_;
  memory_->give_back(offset_, size_);
}

void Slice::set_leaving() {
  if (!std::exchange(leaving_, true)) ++memory_->leaving_;
}

uint64_t Slice::file_size() const { return memory_->file_.size; }

int Slice::fd() const { return memory_->file_.lent.get(); }

Result<> Slice::write(uint64_t at, std::span<const std::byte> bytes) const {
  if (at > size_ || bytes.size() > size_ - at) return fail(Errc::internal, "write to a slice");
  const ssize_t written = ::pwrite(fd(), bytes.data(), bytes.size(), static_cast<off_t>(offset_ + at));
  if (written != static_cast<ssize_t>(bytes.size())) return fail(Errc::io, "write to the VM's memory", errno);
  return {};
}

VmMemory::VmMemory(MemoryFile file) : file_(std::move(file)), slices_(0, file_.size) {}

std::shared_ptr<VmMemory> VmMemory::start(MemoryFile file) {
  std::shared_ptr<VmMemory> memory(new VmMemory(std::move(file)));
  (void)memory->punch(0, memory->file_.size);
  return memory;
}

tl::expected<std::shared_ptr<Slice>, std::string> VmMemory::take(uint64_t wanted) {
  if (auto checked = file_.check(); !checked) return tl::unexpected(checked.error());
  const uint64_t largest = slices_.largest_free();
  uint64_t size = std::min(std::max(largest / 2, kMinSliceBytes), wanted);
  size = std::max(size / kSliceAlignment * kSliceAlignment, kMinSliceBytes);
  const auto offset = slices_.allocate(size, kSliceAlignment);
  if (!offset) {
    return tl::unexpected("the VM's shared memory is full: " + std::to_string(live_) + " sessions have " +
                          std::to_string(slices_.used() >> 20) + " of " +
                          std::to_string(slices_.capacity() >> 20) +
                          " MiB; end one, or give the tenant more `memory`");
  }
  auto slice = std::make_shared<Slice>(shared_from_this(), *offset, size);
  ++live_;
  if (!punch(*offset, size))
    return tl::unexpected(std::string("the VM's shared memory could not be cleared"));
  return slice;
}

bool VmMemory::punch(uint64_t offset, uint64_t size) const {
  if (::fallocate(file_.fd.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, static_cast<off_t>(offset),
                  static_cast<off_t>(size)) == 0) {
    return true;
  }
  VIADUCT_LOG_ERROR("daemon", "%s: a slice could not be cleared (errno %d)", file_.path.c_str(), errno);
  return false;
}

void VmMemory::give_back(uint64_t offset, uint64_t size) {
  --live_;
  // The memory goes back to the host at once; it is cleared again when somebody gets it.
  (void)punch(offset, size);
  slices_.free(offset);
}

}  // namespace viaduct::host::vm
