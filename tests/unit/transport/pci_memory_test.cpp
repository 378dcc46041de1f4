// The devices of a VM, in a folder that looks like /sys/bus/pci/devices; and regions in slices of files.
#include "transport/region/pci_memory.hpp"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "base/switches.hpp"

namespace viaduct::transport {
namespace {

namespace fs = std::filesystem;

class PciMemoryTest : public ::testing::Test {
 protected:
  PciMemoryTest() {
    char name[] = "/tmp/viaduct-pci-test.XXXXXX";
    root_ = ::mkdtemp(name);
  }
  ~PciMemoryTest() override {
    std::error_code ignored;
    fs::remove_all(root_, ignored);
  }
  void device(const std::string& name, const std::string& id, std::uint64_t size, bool combined) {
    const fs::path folder = fs::path(root_) / name;
    fs::create_directory(folder);
    std::ofstream(folder / "vendor") << "0x1af4\n";
    std::ofstream(folder / "device") << id << "\n";
    std::ofstream(folder / "enable") << "1\n";
    for (const char* file : {"resource2", "resource2_wc"}) {
      if (!combined && std::string(file) == "resource2_wc") continue;
      std::ofstream(folder / file) << "";
      fs::resize_file(folder / file, size);
    }
  }
  std::string root_;
};

TEST_F(PciMemoryTest, DevicesAreFoundByTheirIdInOrder) {
  device("0000:00:05.0", "0x1110", 64 << 20, true);
  device("0000:00:04.0", "0x1110", 16 << 20, false);
  device("0000:00:03.0", "0x1000", 16 << 20, true);
  const auto found = find_pci_memory(root_);
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found[0].name, "0000:00:04.0");
  EXPECT_EQ(fs::path(found[0].resource).filename(), "resource2");
  EXPECT_EQ(found[0].size, 16u << 20);
  EXPECT_EQ(fs::path(found[1].resource).filename(), "resource2_wc");
  EXPECT_TRUE(found[1].enabled);
}

TEST_F(PciMemoryTest, NoFolderIsNoDevice) { EXPECT_TRUE(find_pci_memory(root_ + "/none").empty()); }

TEST_F(PciMemoryTest, APartIsMapped) {
  device("0000:00:04.0", "0x1110", 1 << 20, false);
  const auto found = find_pci_memory(root_);
  ASSERT_EQ(found.size(), 1u);
  auto mapped = map_pci_memory(found[0], 8192, 4096);
  ASSERT_TRUE(mapped);
  mapped->data()[0] = std::byte{42};
  std::ifstream file(found[0].resource);
  file.seekg(8192);
  EXPECT_EQ(file.get(), 42);
}

TEST_F(PciMemoryTest, HowItIsCachedIsMeasuredUnlessSwitchedOff) {
  device("0000:00:04.0", "0x1110", 1 << 20, false);
  const auto mapped = map_pci_memory(find_pci_memory(root_).at(0), 0, 4096);
  ASSERT_TRUE(mapped);
  set_switches_for_test("", "no_cached_bar");
  EXPECT_EQ(caching_of(*mapped), Caching::write_combined);
  set_switches_for_test("", "");
  EXPECT_EQ(caching_of(Mapping()), Caching::write_combined) << "nothing is mapped";
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  EXPECT_EQ(caching_of(*mapped), Caching::cached) << "an ordinary file's pages";
#endif
}

class SliceTest : public ::testing::Test {
 protected:
  static constexpr RegionLayout kLayout{kDefaultControlSize + (1u << 20), kDefaultControlSize};
  static constexpr std::uint64_t kOffset = 2u << 20;
  SliceTest() : file_(::memfd_create("slice", MFD_CLOEXEC)) {
    EXPECT_EQ(::ftruncate(file_.get(), 32 << 20), 0);
  }
  UniqueFd file_;
};

TEST_F(SliceTest, BothSidesSeeTheSameRegion) {
  const auto host = Region::initialise_slice(file_.get(), kOffset, kLayout);
  ASSERT_TRUE(host) << to_string(host.error());
  auto mapping = Mapping::map(file_.get(), kLayout.region_size, kOffset);
  ASSERT_TRUE(mapping);
  const auto guest = Region::attach_slice(std::move(*mapping), kLayout, Caching::write_combined);
  ASSERT_TRUE(guest) << to_string(guest.error());
  EXPECT_FALSE(guest->view().cached());
  EXPECT_TRUE(host->view().cached());
  std::byte* const there = host->view().bytes(kLayout.arena_offset());
  there[0] = std::byte{7};
  EXPECT_EQ(*guest->view().bytes(kLayout.arena_offset()), std::byte{7});
  // What is punched reads as zero, on both sides.
  ASSERT_TRUE(host->punch(kLayout.arena_offset(), kPageSize));
  EXPECT_EQ(*guest->view().bytes(kLayout.arena_offset()), std::byte{0});
}

TEST_F(SliceTest, ASliceOutsideItsFileIsRefused) {
  EXPECT_FALSE(Region::initialise_slice(file_.get(), 24u << 20, kLayout)) << "past the end";
  EXPECT_FALSE(Region::initialise_slice(file_.get(), 100, kLayout)) << "not on a page";
  EXPECT_FALSE(Region::initialise_slice(file_.get(), UINT64_MAX - 4095, kLayout)) << "wraps round";
}

TEST_F(SliceTest, AnotherRegionIsNotAttachedTo) {
  auto mapping = Mapping::map(file_.get(), kLayout.region_size, kOffset);
  ASSERT_TRUE(mapping);
  EXPECT_FALSE(Region::attach_slice(std::move(*mapping), kLayout, Caching::cached)) << "there is none";
  auto larger = Mapping::map(file_.get(), kLayout.region_size + kPageSize, kOffset);
  ASSERT_TRUE(larger);
  EXPECT_FALSE(Region::attach_slice(std::move(*larger), kLayout, Caching::cached)) << "of another size";
}

}  // namespace
}  // namespace viaduct::transport
