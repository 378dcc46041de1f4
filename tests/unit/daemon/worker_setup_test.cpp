#include "host-renderer/daemon/worker_setup.hpp"

#include <gtest/gtest.h>

#include <cstdlib>

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
