#include "host-renderer/daemon/worker_setup.hpp"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

namespace viaduct::host::daemon {
namespace {

bool has(const std::vector<std::string>& list, const std::string& wanted) {
  return std::find(list.begin(), list.end(), wanted) != list.end();
}

TEST(WorkerSetup, a_worker_sees_drivers_variables_and_no_secrets) {
  EXPECT_TRUE(passes_to_worker("VIADUCT_PERF=no_import"));
  EXPECT_TRUE(passes_to_worker("MESA_DEBUG=1"));
  EXPECT_TRUE(passes_to_worker("LP_NUM_THREADS=2"));
  EXPECT_TRUE(passes_to_worker("LD_LIBRARY_PATH=/x"));
  // NVIDIA's Vulkan driver finds its other half through EGL.
  EXPECT_TRUE(passes_to_worker("__EGL_VENDOR_LIBRARY_FILENAMES=/x.json"));
  EXPECT_FALSE(passes_to_worker("LD_PRELOAD=/x.so"));
  EXPECT_FALSE(passes_to_worker("AWS_SECRET_ACCESS_KEY=x"));
  EXPECT_FALSE(passes_to_worker("SSH_AUTH_SOCK=/x"));
  EXPECT_FALSE(passes_to_worker("VIADUCT_TOKEN_FILE=/x"));
  EXPECT_FALSE(passes_to_worker("VIADUCT_URL=unix:///x"));
}

TEST(WorkerSetup, the_chosen_driver_is_the_only_one) {
  ::setenv("VK_ICD_FILENAMES", "/elsewhere.json", 1);
  Config config;
  config.driver = "/proc/self/status";  // any readable file
  const auto launch = make_launch_config(config, "/bin/true");
  ::unsetenv("VK_ICD_FILENAMES");
  ASSERT_TRUE(launch) << launch.error();
  EXPECT_TRUE(has(launch->environment, "VK_DRIVER_FILES=/proc/self/status"));
  EXPECT_TRUE(has(launch->environment, "VK_ICD_FILENAMES=/proc/self/status"));
  for (const std::string& entry : launch->environment) EXPECT_EQ(entry.find("elsewhere"), std::string::npos);
}

class Layers : public testing::Test {
 protected:
  Layers() {
    config_.driver = "/proc/self/status";  // any readable file
    config_.validate = true;
    std::string pattern = testing::TempDir() + "layersXXXXXX";
    folder_ = ::mkdtemp(pattern.data());
    std::ofstream(folder_ + "/VkLayer_khronos_validation.json")
        << R"({"layer": {"library_path": "./liblayer.so"}})";
    std::ofstream(folder_ + "/liblayer.so") << "";
  }
  ~Layers() override { std::filesystem::remove_all(folder_); }

  Config config_;
  std::string folder_;
};

TEST_F(Layers, the_validation_layer_is_shown_to_workers_that_shall_load_it) {
  const auto launch = make_launch_config(config_, "/bin/true", {"/nonexistent", folder_});
  ASSERT_TRUE(launch) << launch.error();
  EXPECT_TRUE(has(launch->environment, "VIADUCT_VALIDATE=1"));
  const auto shows = [&](const std::string& path) {
    const auto& entries = launch->view.entries;
    return std::any_of(entries.begin(), entries.end(), [&](const auto& entry) {
      return entry.path == path || path.rfind(entry.path + "/", 0) == 0;
    });
  };
  EXPECT_TRUE(shows(folder_ + "/VkLayer_khronos_validation.json"));
  EXPECT_TRUE(shows(folder_ + "/liblayer.so"));
}

TEST_F(Layers, the_validation_layer_is_found_beside_layers_that_the_environment_names) {
  ::setenv("VK_LAYER_PATH", "/some/layers", 1);
  const auto launch = make_launch_config(config_, "/bin/true", {folder_});
  ::unsetenv("VK_LAYER_PATH");
  ASSERT_TRUE(launch) << launch.error();
  EXPECT_TRUE(has(launch->environment, "VK_LAYER_PATH=/some/layers:" + folder_));
}

TEST_F(Layers, a_missing_validation_layer_is_told_with_its_package) {
  const auto launch = make_launch_config(config_, "/bin/true", {"/nonexistent"});
  ASSERT_FALSE(launch);
  EXPECT_NE(launch.error().find("vulkan-validationlayers"), std::string::npos) << launch.error();
  config_.validate = false;
  EXPECT_TRUE(make_launch_config(config_, "/bin/true", {"/nonexistent"}));
}

TEST(WorkerSetup, validation_is_not_the_environments_to_choose) {
  EXPECT_FALSE(passes_to_worker("VIADUCT_VALIDATE=1"));
}

TEST(WorkerSetup, a_missing_driver_is_named) {
  Config config;
  config.driver = "/nonexistent_icd.json";
  const auto launch = make_launch_config(config, "/bin/true");
  ASSERT_FALSE(launch);
  EXPECT_NE(launch.error().find("/nonexistent_icd.json"), std::string::npos);
}

TEST(WorkerSetup, a_missing_worker_is_named) {
  const auto launch = make_launch_config(Config{}, "/nonexistent/viaduct-worker");
  ASSERT_FALSE(launch);
  EXPECT_NE(launch.error().find("/nonexistent/viaduct-worker"), std::string::npos);
}

}  // namespace
}  // namespace viaduct::host::daemon
