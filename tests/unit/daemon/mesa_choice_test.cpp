#include "tools/glvnd/mesa_choice.hpp"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <string>

namespace viaduct::tools {
namespace {

constexpr const char* kNames[] = {"MESA_LOADER_DRIVER_OVERRIDE", "GALLIUM_DRIVER",  "LIBGL_ALWAYS_SOFTWARE",
                                  "LIBGL_KOPPER_DRI2",           "VK_DRIVER_FILES", "VK_ICD_FILENAMES",
                                  "__GLX_VENDOR_LIBRARY_NAME",   "VIADUCT_GL_SET",  "VIADUCT_ZINK_DEVICE",
                                  "ZINK_INLINE_UNIFORMS"};

std::string variable(const char* name) {
  const char* value = ::getenv(name);
  return value == nullptr ? "(unset)" : value;
}

class MesaChoice : public testing::Test {
 protected:
  void SetUp() override { TearDown(); }
  void TearDown() override {
    for (const char* name : kNames) ::unsetenv(name);
  }
};

TEST_F(MesaChoice, AChildForgetsWhatItsParentChoseAndNothingElse) {
  apply_choice(gl_environment(GlDevice::gpu_as_cpu, "/vendor.json"), "/icd.json");
  EXPECT_EQ(variable("MESA_LOADER_DRIVER_OVERRIDE"), "zink");
  EXPECT_EQ(variable("VK_DRIVER_FILES"), "/icd.json");
  ::setenv("LIBGL_KOPPER_DRI2", "the user's", 1);
  forget_inherited();
  for (const char* name : kNames) {
    EXPECT_EQ(variable(name), std::string(name) == "LIBGL_KOPPER_DRI2" ? "the user's" : "(unset)") << name;
  }
}

TEST_F(MesaChoice, TheVendorLibrariesAreNotChosenAgainInChildren) {
  apply_choice(gl_environment(GlDevice::gpu, "/vendor.json"), "");
  EXPECT_EQ(variable("__GLX_VENDOR_LIBRARY_NAME"), "(unset)");
  EXPECT_EQ(variable("__EGL_VENDOR_LIBRARY_FILENAMES"), "(unset)");
  EXPECT_EQ(variable("LIBGL_KOPPER_DRI2"), "1");
}

TEST_F(MesaChoice, AVariableOfTheUsersOwnIsNotOurs) {
  EXPECT_FALSE(set_by_user());
  apply_choice(gl_environment(GlDevice::cpu, ""), "");
  forget_inherited();
  EXPECT_FALSE(set_by_user()) << "what an ancestor chose is not the user's choice";
  ::setenv("GALLIUM_DRIVER", "softpipe", 1);
  forget_inherited();
  EXPECT_TRUE(set_by_user());
}

TEST_F(MesaChoice, TheUsersVulkanDriverStays) {
  ::setenv("VK_DRIVER_FILES", "/other.json", 1);
  apply_choice(gl_environment(GlDevice::gpu, ""), "/icd.json");
  EXPECT_EQ(variable("VK_DRIVER_FILES"), "/other.json");
  forget_inherited();
  EXPECT_EQ(variable("VK_DRIVER_FILES"), "/other.json");
}

}  // namespace
}  // namespace viaduct::tools
