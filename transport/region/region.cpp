#include "transport/region/region.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace viaduct::transport {

namespace {

constexpr int kSeals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;

Result<> check_file(int fd, const RegionLayout& layout) {
  if (!layout.valid()) return fail(Errc::bad_data, "region: sizes make no region");
  struct stat info;
  if (::fstat(fd, &info) != 0) return fail(Errc::io, "region: fstat", errno);
  if (static_cast<std::uint64_t>(info.st_size) != layout.region_size) {
    return fail(Errc::bad_data, "region: the file's size is not the region's");
  }
  const int seals = ::fcntl(fd, F_GET_SEALS);
  if (seals < 0 || (seals & F_SEAL_SHRINK) == 0)
    return fail(Errc::bad_data, "region: not sealed against shrinking");
  return {};
}

RegionHeader header_of(const RegionLayout& layout) {
  RegionHeader header{};
  header.magic = kRegionMagic;
  header.version = kRegionVersion;
  header.region_size = layout.region_size;
  header.control_size = layout.control_size;
  header.completion_offset = RegionLayout::kCompletionOffset;
  header.ring_offset = RegionLayout::kRingOffset;
  header.reply_offset = RegionLayout::kReplyOffset;
  header.chunk_offset = RegionLayout::kChunkOffset;
  header.ring_capacity = kRingCapacity;
  header.completion_slots = kCompletionSlots;
  header.reply_slots = kReplySlots;
  header.chunk_size = kChunkSize;
  return header;
}

}  // namespace

Result<UniqueFd> Region::create_memfd(const char* name, const RegionLayout& layout) {
  if (!layout.valid()) return fail(Errc::bad_data, "region: sizes make no region");
  UniqueFd fd(::memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!fd) return fail(Errc::io, "memfd_create", errno);
  if (::ftruncate(fd.get(), static_cast<off_t>(layout.region_size)) != 0) {
    return fail(Errc::io, "region: ftruncate", errno);
  }
  if (::fcntl(fd.get(), F_ADD_SEALS, kSeals) != 0) return fail(Errc::io, "region: F_ADD_SEALS", errno);
  return fd;
}

Result<Region> Region::initialise(UniqueFd fd, const RegionLayout& layout) {
  if (auto checked = check_file(fd.get(), layout); !checked) return tl::unexpected(checked.error());
  auto mapping = Mapping::map(fd.get(), layout.region_size);
  if (!mapping) return tl::unexpected(mapping.error());
  auto region = initialise_mapping(std::move(*mapping), layout);
  if (region) region->fd_ = std::move(fd);
  return region;
}

Result<Region> Region::initialise_mapping(Mapping mapping, const RegionLayout& layout) {
  Region region;
  region.mapping_ = std::move(mapping);
  region.layout_ = layout;
  region.view().header() = header_of(layout);
  return region;
}

Result<Region> Region::initialise_slice(int file, std::uint64_t offset, const RegionLayout& layout) {
  struct stat info;
  if (::fstat(file, &info) != 0) return fail(Errc::io, "region: fstat", errno);
  const auto size = static_cast<std::uint64_t>(info.st_size);
  if (!layout.valid() || offset % kPageSize != 0 || layout.region_size > size ||
      offset > size - layout.region_size) {
    return fail(Errc::bad_data, "region: the slice does not lie in its file");
  }
  auto mapping = Mapping::map(file, layout.region_size, offset);
  if (!mapping) return tl::unexpected(mapping.error());
  return initialise_mapping(std::move(*mapping), layout);
}

Result<Region> Region::create_private(const RegionLayout& layout) {
  if (!layout.valid()) return fail(Errc::bad_data, "region: sizes make no region");
  auto mapping = Mapping::reserve(layout.region_size);
  if (!mapping) return tl::unexpected(mapping.error());
  auto region = initialise_mapping(std::move(*mapping), layout);
  if (region) region->private_ = true;
  return region;
}

Result<Region> Region::attach(UniqueFd fd, const RegionLayout& layout) {
  if (auto checked = check_file(fd.get(), layout); !checked) return tl::unexpected(checked.error());
  auto mapping = Mapping::map(fd.get(), layout.region_size);
  if (!mapping) return tl::unexpected(mapping.error());
  auto region = attach_mapping(std::move(*mapping), layout, Caching::cached);
  if (region) region->fd_ = std::move(fd);
  return region;
}

Result<Region> Region::attach_slice(Mapping slice, const RegionLayout& layout, Caching caching) {
  if (!layout.valid() || slice.size() != layout.region_size) {
    return fail(Errc::bad_data, "region: the slice's size is not the region's");
  }
  return attach_mapping(std::move(slice), layout, caching);
}

Result<Region> Region::attach_mapping(Mapping mapping, const RegionLayout& layout, Caching caching) {
  Region region;
  region.mapping_ = std::move(mapping);
  region.layout_ = layout;
  region.caching_ = caching;
  const RegionHeader header = region.view().header();
  const RegionHeader expected = header_of(layout);
  if (header.magic != expected.magic) return fail(Errc::bad_data, "region: wrong magic");
  if (header.version != expected.version) return fail(Errc::incompatible, "region: unknown version");
  if (std::memcmp(&header, &expected, sizeof(header)) != 0) {
    return fail(Errc::bad_data, "region: the header does not fit the sizes");
  }
  return region;
}

Result<> Region::punch(std::uint64_t offset, std::uint64_t size) const noexcept {
  if (offset % kPageSize != 0 || size % kPageSize != 0 || size == 0 || !view().arena_contains(offset, size)) {
    return fail(Errc::bad_data, "region: punch outside the arena");
  }
  if (!fd_) {
    const int advice = private_ ? MADV_DONTNEED : MADV_REMOVE;
    if (::madvise(mapping_.data() + offset, size, advice) == 0) return {};
    return fail(Errc::io, "region: madvise", errno);
  }
  if (::fallocate(fd_.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, static_cast<off_t>(offset),
                  static_cast<off_t>(size)) != 0) {
    return fail(Errc::io, "region: fallocate", errno);
  }
  return {};
}

}  // namespace viaduct::transport
