// Where Zink is found, and what Mesa is told for which kind of device.
#include "tools/viaductctl/opengl.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <string>

namespace viaduct {
namespace {

namespace fs = std::filesystem;

// A system that has only these files.
class Root {
 public:
  explicit Root(const std::vector<std::string>& files) {
    char pattern[] = "/tmp/viaduct-root-XXXXXX";
    path_ = ::mkdtemp(pattern);
    for (const std::string& file : files) {
      fs::create_directories((path_ / file).parent_path());
      std::ofstream(path_ / file) << "";
    }
  }
  ~Root() { fs::remove_all(path_); }
  [[nodiscard]] const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

bool found(const std::vector<std::string>& files) {
  const Root root(files);
  return tools::has_zink(root.path(), "");
}

std::string value(const tools::GlEnvironment& environment, const std::string& name) {
  for (const auto& [known, value] : environment.set)
    if (known == name) return value;
  return "";
}

bool unsets(const tools::GlEnvironment& environment, const std::string& name) {
  return std::find(environment.unset.begin(), environment.unset.end(), name) != environment.unset.end();
}

TEST(Zink, is_found_where_distributions_keep_it) {
  EXPECT_TRUE(found({"usr/lib/x86_64-linux-gnu/dri/zink_dri.so"}));
  EXPECT_TRUE(found({"usr/lib/aarch64-linux-gnu/dri/zink_dri.so"}));
  EXPECT_TRUE(found({"usr/lib64/dri/zink_dri.so"}));
  EXPECT_TRUE(found({"usr/local/lib/dri/zink_dri.so"}));
  EXPECT_TRUE(found({"usr/lib/x86_64-linux-gnu/libgallium-25.0.7-2.so"}));
}

TEST(Zink, is_not_found_where_only_other_drivers_are) {
  EXPECT_FALSE(found({}));
  EXPECT_FALSE(found({"usr/lib/x86_64-linux-gnu/dri/swrast_dri.so"}));
  EXPECT_FALSE(found({"usr/lib/x86_64-linux-gnu/libgallium.txt"}));
}

TEST(Zink, is_looked_for_in_the_users_own_place_if_one_is_named) {
  const Root root({"usr/lib/dri/zink_dri.so", "own/zink_dri.so"});
  const std::string own = (root.path() / "own").string();
  EXPECT_TRUE(tools::has_zink(root.path(), "/nonexistent:" + own));
  EXPECT_FALSE(tools::has_zink(root.path(), "/nonexistent"));
}

TEST(GlEnvironment, says_software_for_cpus_only) {
  const auto cpu = tools::gl_environment(tools::gl_device(true, false), "");
  EXPECT_EQ(value(cpu, "LIBGL_ALWAYS_SOFTWARE"), "1");
  EXPECT_TRUE(unsets(cpu, "LIBGL_KOPPER_DRI2"));
  EXPECT_TRUE(unsets(cpu, "VIADUCT_ZINK_DEVICE"));
  EXPECT_EQ(tools::gl_environment(tools::gl_device(true, true), "").set, cpu.set);
  const auto gpu = tools::gl_environment(tools::gl_device(false, false), "");
  EXPECT_EQ(value(gpu, "LIBGL_KOPPER_DRI2"), "1");
  EXPECT_TRUE(unsets(gpu, "LIBGL_ALWAYS_SOFTWARE"));
  EXPECT_TRUE(unsets(gpu, "VIADUCT_ZINK_DEVICE"));
}

TEST(GlEnvironment, has_the_driver_call_a_gpu_a_cpu_where_there_is_wayland) {
  const auto wanted = tools::gl_environment(tools::gl_device(false, true), "");
  EXPECT_EQ(value(wanted, "LIBGL_ALWAYS_SOFTWARE"), "1");
  EXPECT_EQ(value(wanted, "VIADUCT_ZINK_DEVICE"), "cpu");
  EXPECT_EQ(value(wanted, "ZINK_INLINE_UNIFORMS"), "0");
  EXPECT_TRUE(unsets(wanted, "LIBGL_KOPPER_DRI2"));
}

TEST(Wayland, is_found_where_libwayland_looks) {
  const Root root({"wayland-0"});
  const Root empty({});
  ::unsetenv("WAYLAND_SOCKET");
  ::unsetenv("WAYLAND_DISPLAY");
  ::setenv("XDG_RUNTIME_DIR", empty.path().c_str(), 1);
  EXPECT_FALSE(tools::has_wayland());
  ::setenv("XDG_RUNTIME_DIR", root.path().c_str(), 1);
  EXPECT_TRUE(tools::has_wayland());
  ::unsetenv("XDG_RUNTIME_DIR");
  EXPECT_FALSE(tools::has_wayland());
  ::setenv("WAYLAND_DISPLAY", "wayland-7", 1);
  EXPECT_TRUE(tools::has_wayland());
  ::unsetenv("WAYLAND_DISPLAY");
}

TEST(GlEnvironment, names_mesas_egl_only_where_its_file_is) {
  EXPECT_EQ(
      value(tools::gl_environment(tools::GlDevice::cpu, "/x/50_mesa.json"), "__EGL_VENDOR_LIBRARY_FILENAMES"),
      "/x/50_mesa.json");
  EXPECT_EQ(value(tools::gl_environment(tools::GlDevice::cpu, ""), "__EGL_VENDOR_LIBRARY_FILENAMES"), "");
}

}  // namespace
}  // namespace viaduct
