#include "host-renderer/sandbox/view.hpp"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

namespace viaduct::host::sandbox {
namespace {

namespace fs = std::filesystem;

class ViewTest : public testing::Test {
 protected:
  ViewTest() {
    std::string pattern = testing::TempDir() + "viewXXXXXX";
    root_ = ::mkdtemp(pattern.data());
  }
  ~ViewTest() override { fs::remove_all(root_); }

  std::string write(const std::string& name, const std::string& text) {
    const fs::path path = root_ / name;
    fs::create_directories(path.parent_path());
    std::ofstream(path) << text;
    return path.string();
  }
  fs::path root_;
};

// What a worker could open, by the entry that shows it.
bool shows(const View& view, const std::string& path) {
  return std::any_of(view.entries.begin(), view.entries.end(), [&](const ViewEntry& entry) {
    return entry.path == path || path.rfind(entry.path + "/", 0) == 0;
  });
}

TEST_F(ViewTest, holds_the_system_and_nobodys_data) {
  const View view = make_view({});
  EXPECT_TRUE(shows(view, "/usr/lib"));
  EXPECT_TRUE(shows(view, "/dev/null"));
  for (const char* path : {"/etc/passwd", "/etc/shadow", "/root", "/home", "/tmp", "/var", "/run/x",
                           "/dev/shm", "/dev/tty", "/dev/vda", "/proc", "/srv", "/mnt"}) {
    EXPECT_FALSE(shows(view, path)) << path;
  }
}

TEST_F(ViewTest, shows_a_driver_of_the_build_tree_but_not_what_lies_beside_its_manifest) {
  const std::string manifest = write(
      "conf/driver.json", R"({"ICD": {"library_path" : "../lib/libdriver.so", "api_version": "1.3.0"}})");
  const std::string library = write("lib/libdriver.so", "");
  const std::string helper = write("lib/libhelper.so", "");
  const std::string secret = write("conf/secret", "");
  EXPECT_EQ(manifest_library(manifest), library);
  const View view = make_view({{manifest}, {}});
  EXPECT_TRUE(shows(view, manifest));
  EXPECT_TRUE(shows(view, library));
  EXPECT_TRUE(shows(view, helper)) << "a driver's library may load its neighbours";
  EXPECT_FALSE(shows(view, secret));
}

TEST_F(ViewTest, follows_a_manifest_that_is_a_link) {
  const std::string real = write("real/driver.json", "{}");
  fs::create_symlink(real, root_ / "link.json");
  const View view = make_view({{(root_ / "link.json").string()}, {}});
  EXPECT_TRUE(shows(view, (root_ / "link.json").string()));
  EXPECT_TRUE(shows(view, real));
}

TEST_F(ViewTest, leaves_a_library_to_the_dynamic_linker_if_only_its_name_is_given) {
  EXPECT_EQ(manifest_library(write("a.json", R"({"library_path": "libvulkan_lvp.so"})")), "");
  EXPECT_EQ(manifest_library(write("b.json", "nonsense")), "");
  EXPECT_EQ(manifest_library("/nonexistent.json"), "");
}

TEST_F(ViewTest, shows_what_it_is_told_to) {
  const std::string file = write("extra/data", "");
  EXPECT_TRUE(shows(make_view({{}, {file}}), file));
  EXPECT_FALSE(shows(make_view({}), file));
  EXPECT_FALSE(shows(make_view({{}, {"/"}}), "/etc/passwd")) << "never everything";
}

TEST_F(ViewTest, parents_come_before_children_and_nothing_twice) {
  const View view = make_view({{}, {"/usr/lib", "/usr/lib", root_.string()}});
  for (std::size_t i = 1; i < view.entries.size(); ++i)
    EXPECT_LT(view.entries[i - 1].path, view.entries[i].path);
}

}  // namespace
}  // namespace viaduct::host::sandbox
