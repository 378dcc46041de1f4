#include "host-renderer/daemon/listen_sockets.hpp"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace viaduct::host::daemon {
namespace {

namespace fs = std::filesystem;

class ListenSockets : public testing::Test {
 protected:
  ListenSockets() {
    char pattern[] = "/tmp/viaduct-listen-XXXXXX";
    folder_ = ::mkdtemp(pattern);
    base_ = folder_ + "/v.sock";
    config_.listen = {"unix://" + base_};
    config_.tenants["alice"].socket_mode = 0640;
  }
  ~ListenSockets() override { fs::remove_all(folder_); }

  static mode_t mode(const std::string& path) {
    struct stat info {};
    return ::stat(path.c_str(), &info) == 0 ? info.st_mode & 07777 : 0;
  }

  std::string folder_;
  std::string base_;
  Config config_;
};

TEST_F(ListenSockets, one_a_tenant_with_its_mode) {
  const auto set = bind_all(config_, ::geteuid(), ::getegid());
  ASSERT_TRUE(set) << set.error();
  ASSERT_EQ(set->sockets.size(), 2u);
  EXPECT_EQ(set->sockets[0].tenant, "alice");
  EXPECT_EQ(set->sockets[0].path, base_ + ".d/alice.sock");
  EXPECT_EQ(set->sockets[1].tenant, "default") << "who can connect to the first finds all the others";
  EXPECT_EQ(set->sockets[1].path, base_);
  EXPECT_EQ(mode(base_ + ".d/alice.sock"), mode_t{0640});
  EXPECT_EQ(mode(base_) & 007, 0u) << "nobody else by default";
}

TEST_F(ListenSockets, are_removed_with_their_folder) {
  const auto set = bind_all(config_, ::geteuid(), ::getegid());
  ASSERT_TRUE(set);
  remove_leftovers(set->leftovers);
  EXPECT_TRUE(fs::is_empty(folder_));
}

TEST_F(ListenSockets, a_socket_that_somebody_else_put_there_since_is_left_alone) {
  auto first = bind_all(config_, ::geteuid(), ::getegid());
  ASSERT_TRUE(first);
  const Leftovers old = first->leftovers;
  first->sockets.clear();  // that daemon is dead
  const auto kept = bind_socket(folder_ + "/other.sock", {::geteuid(), ::getegid(), 0600});
  ASSERT_TRUE(kept);
  fs::rename(folder_ + "/other.sock", base_);
  remove_leftovers(old);
  EXPECT_TRUE(fs::exists(base_));
}

TEST_F(ListenSockets, a_file_that_is_no_socket_is_not_replaced) {
  std::ofstream(base_) << "precious";
  const auto set = bind_all(config_, ::geteuid(), ::getegid());
  ASSERT_FALSE(set);
  EXPECT_NE(set.error().find("no socket"), std::string::npos);
  EXPECT_TRUE(fs::exists(base_));
}

TEST_F(ListenSockets, a_failure_leaves_no_half_of_them) {
  config_.tenants["zoe"].socket_owner = "no-such-user-anywhere";
  const auto set = bind_all(config_, ::geteuid(), ::getegid());
  ASSERT_FALSE(set);
  EXPECT_NE(set.error().find("no-such-user-anywhere"), std::string::npos);
  EXPECT_TRUE(fs::is_empty(folder_));
}

TEST_F(ListenSockets, users_and_groups_without_a_name_are_given_by_number) {
  if (::geteuid() != 0) GTEST_SKIP() << "not root";
  config_.tenants["zoe"].socket_owner = "61001";
  config_.tenants["yan"].socket_group = "61002";
  const auto set = bind_all(config_, ::geteuid(), ::getegid());
  ASSERT_TRUE(set) << set.error();
  struct stat info {};
  ASSERT_EQ(::stat(tenant_path(base_, "zoe").c_str(), &info), 0);
  EXPECT_EQ(info.st_uid, 61001u);
  EXPECT_EQ(info.st_mode & 07777, 0600u);
  ASSERT_EQ(::stat(tenant_path(base_, "yan").c_str(), &info), 0);
  EXPECT_EQ(info.st_gid, 61002u);
  EXPECT_EQ(info.st_mode & 07777, 0660u);
}

TEST_F(ListenSockets, a_number_that_is_no_user_is_refused) {
  for (const char* text : {"-1", "4294967295", "12x", "99999999999"}) {
    config_.tenants["zoe"].socket_owner = text;
    EXPECT_FALSE(bind_all(config_, ::geteuid(), ::getegid())) << text;
  }
}

TEST_F(ListenSockets, a_path_too_long_for_a_socket_is_named) {
  const auto bound = bind_socket("/tmp/" + std::string(200, 'x'), {});
  ASSERT_FALSE(bound);
  EXPECT_NE(bound.error().find("107 bytes"), std::string::npos);
}

}  // namespace
}  // namespace viaduct::host::daemon
