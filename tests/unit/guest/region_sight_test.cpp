// A guest looks for the memory that the host offers, in a folder that looks like a VM's /sys/bus/pci/devices.
#include "guest-icd/session/region_sight.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace viaduct::guest {
namespace {

namespace fs = std::filesystem;
using protocol::Sight;

constexpr std::uint64_t kMiB = 1u << 20;

class RegionSightTest : public ::testing::Test {
 protected:
  RegionSightTest() {
    char name[] = "/tmp/viaduct-sight-test.XXXXXX";
    root_ = ::mkdtemp(name);
    offer_.file_size = 64 * kMiB;
    offer_.slice_offset = 2 * kMiB;
    offer_.slice_size = 24 * kMiB;
    offer_.control_size = 8 * kMiB;
    offer_.nonce_offset = 0x126000;
  }
  ~RegionSightTest() override {
    std::error_code ignored;
    fs::remove_all(root_, ignored);
  }
  fs::path device(const std::string& name, std::uint64_t size, bool enabled = true) {
    const fs::path folder = fs::path(root_) / name;
    fs::create_directory(folder);
    std::ofstream(folder / "vendor") << "0x1af4\n";
    std::ofstream(folder / "device") << "0x1110\n";
    std::ofstream(folder / "enable") << (enabled ? "1\n" : "0\n");
    std::ofstream(folder / "resource2_wc") << "";
    fs::resize_file(folder / "resource2_wc", size);
    return folder / "resource2_wc";
  }
  void write_nonce(const fs::path& memory, const protocol::Nonce& nonce) const {
    std::fstream file(memory, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(offer_.slice_offset + offer_.nonce_offset));
    file.write(reinterpret_cast<const char*>(nonce.data()), static_cast<std::streamsize>(nonce.size()));
  }

  std::string root_;
  protocol::RegionOffer offer_;
};

TEST_F(RegionSightTest, TheDeviceThatShowsTheNonceIsTheOne) {
  device("0000:00:03.0", 32 * kMiB);
  device("0000:00:04.0", 64 * kMiB);
  const fs::path right = device("0000:00:05.0", 64 * kMiB);
  const protocol::Nonce nonce = *protocol::make_nonce();
  write_nonce(right, nonce);
  const RegionSight sight = look_at(offer_, root_);
  EXPECT_EQ(sight.proof.sight, Sight::seen);
  EXPECT_EQ(sight.proof.nonce, nonce);
  ASSERT_EQ(sight.slice.size(), offer_.slice_size);
  sight.slice.data()[0] = std::byte{9};
  std::ifstream file(right, std::ios::binary);
  file.seekg(static_cast<std::streamoff>(offer_.slice_offset));
  EXPECT_EQ(file.get(), 9) << "mapped where the offer says";
}

TEST_F(RegionSightTest, EveryReasonHasItsName) {
  RegionSight sight = look_at(offer_, root_ + "/none");
  EXPECT_EQ(sight.proof.sight, Sight::no_device);
  EXPECT_FALSE(sight.slice);

  device("0000:00:03.0", 32 * kMiB);
  sight = look_at(offer_, root_);
  EXPECT_EQ(sight.proof.sight, Sight::wrong_size);
  EXPECT_NE(sight.proof.message.find("has 32 MiB; the host offers 64 MiB"), std::string::npos)
      << sight.proof.message;

  device("0000:00:04.0", 64 * kMiB);
  sight = look_at(offer_, root_);
  EXPECT_EQ(sight.proof.sight, Sight::other_bytes);

  device("0000:00:04.0", 64 * kMiB, false);
  sight = look_at(offer_, root_);
  EXPECT_EQ(sight.proof.sight, Sight::failed);
  EXPECT_NE(sight.proof.message.find("0000:00:04.0/enable as root"), std::string::npos)
      << sight.proof.message;
}

TEST_F(RegionSightTest, ADeviceThatMayNotBeOpenedSaysWhoMay) {
  if (::geteuid() == 0) GTEST_SKIP() << "root opens everything";
  fs::permissions(device("0000:00:04.0", 64 * kMiB), fs::perms::none);
  const RegionSight sight = look_at(offer_, root_);
  EXPECT_EQ(sight.proof.sight, Sight::no_access);
  EXPECT_NE(sight.proof.message.find("group render"), std::string::npos) << sight.proof.message;
}

}  // namespace
}  // namespace viaduct::guest
