// The file of a VM's memory: made, adopted and refused; and its slices.
#include "host-renderer/vm/vm_memory.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <vector>

#include "base/mapping.hpp"

namespace viaduct::host::vm {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kMiB = 1u << 20;

class VmMemoryTest : public ::testing::Test {
 protected:
  VmMemoryTest() {
    char name[] = "/tmp/viaduct-vm-test.XXXXXX";
    folder_ = ::mkdtemp(name);
  }
  ~VmMemoryTest() override {
    std::error_code ignored;
    fs::remove_all(folder_, ignored);
  }

  MemoryFileOptions options(uint64_t size = 64 * kMiB) const {
    return {.tenant = "vm1",
            .size = size,
            .service_uid = ::geteuid(),
            .service_gid = ::getegid(),
            .opener = {},
            .folder = folder_};
  }
  std::string path() const { return memory_path("vm1", folder_); }
  std::string refusal(const MemoryFileOptions& wanted) {
    const auto opened = open_memory_file(wanted);
    return opened ? "" : opened.error();
  }
  std::shared_ptr<VmMemory> memory(uint64_t size = 64 * kMiB) {
    auto file = open_memory_file(options(size));
    EXPECT_TRUE(file) << file.error();
    return VmMemory::start(std::move(*file));
  }

  std::string folder_;
};

TEST_F(VmMemoryTest, TheFileIsMadeForTheServiceAlone) {
  const auto file = open_memory_file(options());
  ASSERT_TRUE(file) << file.error();
  struct stat info {};
  ASSERT_EQ(::stat(path().c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0600u);
  EXPECT_EQ(static_cast<uint64_t>(info.st_size), 64 * kMiB);
  EXPECT_TRUE(file->check());
}

TEST_F(VmMemoryTest, ItIsAdoptedAgainAndNeverMadeAnew) {
  struct stat before {};
  struct stat after {};
  {
    const auto file = open_memory_file(options());
    ASSERT_TRUE(file);
    ASSERT_EQ(::fstat(file->fd.get(), &before), 0);
  }
  const auto file = open_memory_file(options());
  ASSERT_TRUE(file) << file.error();
  ASSERT_EQ(::fstat(file->fd.get(), &after), 0);
  EXPECT_EQ(before.st_ino, after.st_ino);
}

TEST_F(VmMemoryTest, AnotherSizeIsRefusedWithTheWayOut) {
  ASSERT_TRUE(open_memory_file(options(32 * kMiB)));
  const std::string why = refusal(options());
  EXPECT_NE(why.find("is 32 MiB large and the tenant's `memory` says 64 MiB"), why.npos) << why;
  EXPECT_NE(why.find("rm " + path()), why.npos) << why;
}

TEST_F(VmMemoryTest, LinksAreNotFollowed) {
  std::ofstream(folder_ + "/elsewhere") << "mine";
  fs::create_symlink(folder_ + "/elsewhere", path());
  EXPECT_NE(refusal(options()).find("symbolic link"), std::string::npos);
  fs::remove(path());
  fs::resize_file(folder_ + "/elsewhere", 64 * kMiB);
  fs::create_hard_link(folder_ + "/elsewhere", path());
  EXPECT_NE(refusal(options()).find("hard link"), std::string::npos);
}

TEST_F(VmMemoryTest, OneServiceHasItAtATime) {
  const auto first = open_memory_file(options());
  ASSERT_TRUE(first);
  EXPECT_NE(refusal(options()).find("in use by another viaductd"), std::string::npos);
}

TEST_F(VmMemoryTest, AMappingThatOutlivesTheServiceIsNotInTheNextOnesWay) {
  auto first = open_memory_file(options());
  ASSERT_TRUE(first) << first.error();
  const auto mapped = Mapping::map(first->lent.get(), kMiB);
  ASSERT_TRUE(mapped);
  *first = MemoryFile{};
  EXPECT_TRUE(open_memory_file(options()));
}

TEST_F(VmMemoryTest, AnUnknownUserIsNamed) {
  MemoryFileOptions wanted = options();
  wanted.opener = "nobody-of-that-name";
  EXPECT_NE(refusal(wanted).find("no user 'nobody-of-that-name' (memory_owner)"), std::string::npos);
}

TEST_F(VmMemoryTest, SlicesLieApartAndReadAsZero) {
  const auto vm = memory(256 * kMiB);
  const auto first = vm->take(1024 * kMiB);
  ASSERT_TRUE(first) << first.error();
  EXPECT_EQ((*first)->size(), 128 * kMiB);
  const auto second = vm->take(32 * kMiB);
  ASSERT_TRUE(second) << second.error();
  EXPECT_EQ((*second)->size(), 32 * kMiB);
  EXPECT_GE((*second)->offset(), (*first)->offset() + (*first)->size());
  EXPECT_EQ((*second)->offset() % kSliceAlignment, 0u);

  const std::array<std::byte, 4> secret{std::byte{1}, std::byte{2}, std::byte{3}, std::byte{4}};
  ASSERT_TRUE((*second)->write(0, secret));
  EXPECT_FALSE((*second)->write((*second)->size() - 2, secret)) << "past its end";
}

TEST_F(VmMemoryTest, WhatASessionWroteIsGoneBeforeTheNextOneGetsIt) {
  const auto vm = memory();
  const std::array<std::byte, 4> secret{std::byte{1}, std::byte{2}, std::byte{3}, std::byte{4}};
  uint64_t offset = 0;
  {
    const auto slice = vm->take(32 * kMiB);
    ASSERT_TRUE(slice);
    ASSERT_TRUE((*slice)->write(100, secret));
    offset = (*slice)->offset();
  }
  const auto again = vm->take(32 * kMiB);
  ASSERT_TRUE(again);
  EXPECT_EQ((*again)->offset(), offset);
  std::array<std::byte, 4> read{std::byte{9}};
  ASSERT_EQ(::pread((*again)->fd(), read.data(), read.size(), static_cast<off_t>(offset + 100)), 4);
  EXPECT_EQ(read, (std::array<std::byte, 4>{}));
}

TEST_F(VmMemoryTest, AFullMemorySaysSo) {
  const auto vm = memory();
  std::vector<std::shared_ptr<Slice>> slices;
  auto taken = vm->take(kMinSliceBytes);
  for (; taken; taken = vm->take(kMinSliceBytes)) slices.push_back(*taken);
  EXPECT_EQ(slices.size(), 2u);
  EXPECT_NE(taken.error().find("shared memory is full: 2 sessions have 48 of 64 MiB"), std::string::npos)
      << taken.error();
  slices.pop_back();
  EXPECT_TRUE(vm->take(kMinSliceBytes));
}

TEST_F(VmMemoryTest, WhatAServiceLeftUnfinishedIsInNobodysWay) {
  const std::string unfinished = folder_ + "/.viaduct-vm1.new";
  std::ofstream(unfinished) << "left by a service that was killed";
  EXPECT_TRUE(open_memory_file(options()));
  EXPECT_FALSE(fs::exists(unfinished));
  EXPECT_EQ(fs::file_size(path()), 64 * kMiB);
}

TEST_F(VmMemoryTest, SlicesThatAreComingBackAreCounted) {
  const auto all = memory();
  auto first = *all->take(24 * kMiB);
  const auto second = *all->take(24 * kMiB);
  EXPECT_EQ(all->leaving(), 0u);
  first->set_leaving();
  first->set_leaving();
  EXPECT_EQ(all->leaving(), 1u);
  first.reset();
  EXPECT_EQ(all->leaving(), 0u);
}

TEST_F(VmMemoryTest, AFileThatVanishesOrShrinksIsNoticed) {
  const auto vm = memory();
  ASSERT_EQ(::truncate(path().c_str(), 4096), 0);
  auto taken = vm->take(kMinSliceBytes);
  ASSERT_FALSE(taken);
  EXPECT_NE(taken.error().find("was cut to 4096 bytes"), std::string::npos) << taken.error();
  ASSERT_EQ(::truncate(path().c_str(), static_cast<off_t>(64 * kMiB)), 0);
  fs::remove(path());
  taken = vm->take(kMinSliceBytes);
  ASSERT_FALSE(taken);
  EXPECT_NE(taken.error().find("removed or replaced"), std::string::npos) << taken.error();
}

}  // namespace
}  // namespace viaduct::host::vm
