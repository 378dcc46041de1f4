// OpenGL servers: their setting, where they are looked for, their bounds; and the guest's end of it.
#include "host-renderer/daemon/gl_setup.hpp"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "tools/viaductctl/opengl.hpp"
#include "tools/viaductctl/vtest_socket.hpp"

namespace viaduct {
namespace {

namespace fs = std::filesystem;

class Folder {
 public:
  Folder() {
    char pattern[] = "/tmp/viaduct-gl-XXXXXX";
    path_ = ::mkdtemp(pattern);
  }
  ~Folder() { fs::remove_all(path_); }
  [[nodiscard]] const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

TEST(GlSetting, is_read_from_the_file) {
  EXPECT_EQ(host::daemon::parse_config("", "c")->gl, "none");
  EXPECT_EQ(host::daemon::parse_config("gl = \"virgl\"", "c")->gl, "virgl");
  const auto wrong = host::daemon::parse_config("\ngl = \"zink\"", "c");
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error(), "c:2: gl wants \"virgl\" or \"none\"");
}

TEST(GlSetting, a_missing_server_is_named_with_its_package) {
  const Folder empty;
  const std::string before = std::getenv("PATH");
  ::setenv("PATH", empty.path().c_str(), 1);
  const auto launch = host::daemon::make_gl_launch_config({});
  ::setenv("PATH", before.c_str(), 1);
  ASSERT_FALSE(launch);
  EXPECT_NE(launch.error().find("apt install virgl-server"), std::string::npos) << launch.error();
}

TEST(GlSetting, a_servers_bound_is_the_tenants_memory_and_its_own_needs) {
  host::daemon::TenantConfig small;
  small.arena_bytes = 1 << 30;
  host::daemon::TenantConfig large = small;
  large.device_memory_bytes = 1 << 30;
  EXPECT_EQ(host::daemon::gl_address_space(large) - host::daemon::gl_address_space(small), 1u << 30);
  large.device_memory_bytes = INT64_MAX;
  EXPECT_EQ(host::daemon::gl_address_space(large), static_cast<uint64_t>(INT64_MAX));
}

TEST(GlGuest, virpipe_is_told_where_the_server_is_and_zinks_settings_go) {
  const auto wanted = tools::virgl_environment("/vendor.json", "/run/v.sock");
  const auto has = [&](const std::string& name, const std::string& value) {
    return std::find(wanted.set.begin(), wanted.set.end(), std::pair(name, value)) != wanted.set.end();
  };
  EXPECT_TRUE(has("GALLIUM_DRIVER", "virpipe"));
  EXPECT_TRUE(has("LIBGL_ALWAYS_SOFTWARE", "1"));
  EXPECT_TRUE(has("VTEST_SOCKET_NAME", "/run/v.sock"));
  EXPECT_TRUE(has("__EGL_VENDOR_LIBRARY_FILENAMES", "/vendor.json"));
  EXPECT_EQ(wanted.unset, (std::vector<std::string>{"MESA_LOADER_DRIVER_OVERRIDE", "LIBGL_KOPPER_DRI2"}));
}

TEST(GlGuest, a_mesa_is_asked_whether_it_takes_the_sockets_name) {
  const Folder root;
  const fs::path drivers = root.path() / "usr/lib/x86_64-linux-gnu/dri";
  fs::create_directories(drivers);
  EXPECT_FALSE(tools::mesa_takes_socket_name(root.path()));
  std::ofstream(drivers / "swrast_dri.so") << "...\0/tmp/.virgl_test...";
  EXPECT_FALSE(tools::mesa_takes_socket_name(root.path()));
  std::ofstream(drivers.parent_path() / "libgallium-25.0.so") << "/tmp/.virgl_test VTEST_SOCKET_NAME";
  EXPECT_TRUE(tools::mesa_takes_socket_name(root.path()));
}

TEST(GlGuest, a_place_that_leads_to_the_socket_is_left_as_it_is) {
  const Folder folder;
  const std::string socket = folder.path() / "socket";
  std::ofstream(socket) << "";
  fs::create_symlink(socket, folder.path() / "place");
  EXPECT_EQ(tools::mount_vtest_socket(socket, folder.path() / "place"), "");
}

// In processes of their own, which leave their namespaces behind.
TEST(GlGuest, the_socket_is_mounted_for_this_process_alone) {
  const Folder folder;
  const std::string socket = folder.path() / "socket";
  const std::string place = folder.path() / "place";
  std::ofstream(socket) << "the socket";
  EXPECT_EXIT(
      {
        const std::string trouble = tools::mount_vtest_socket(socket, place);
        if (!trouble.empty()) ::_exit(trouble.find("namespace of the program's own") != trouble.npos ? 7 : 1);
        ::_exit(fs::file_size(place) == 10 ? 7 : 2);
      },
      testing::ExitedWithCode(7), "");
  EXPECT_EQ(fs::file_size(place), 0u) << "nobody else sees it";
}

TEST(GlGuest, somebodys_link_in_the_way_is_not_followed) {
  const Folder folder;
  const std::string socket = folder.path() / "socket";
  const std::string place = folder.path() / "place";
  std::ofstream(socket) << "the socket";
  std::ofstream(folder.path() / "elsewhere") << "";
  fs::create_symlink(folder.path() / "elsewhere", place);
  EXPECT_EXIT(
      ::_exit(tools::mount_vtest_socket(socket, place).find("ln -s " + socket) != std::string::npos ? 7 : 1),
      testing::ExitedWithCode(7), "");
}

}  // namespace
}  // namespace viaduct
