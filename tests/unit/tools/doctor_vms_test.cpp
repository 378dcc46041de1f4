// viaductctl doctor on settings: tokens, the files that are VMs' memory, listeners, users.
// tests/e2e/doctor/test_host.py has it with a service that runs.
#include "tools/viaductctl/doctor_vms.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace viaduct::tools {
namespace {

namespace fs = std::filesystem;

class Settings : public testing::Test {
 protected:
  Settings() {
    std::string name = (fs::temp_directory_path() / "viaduct-doctor-XXXXXX").string();
    folder_ = ::mkdtemp(name.data());
  }
  ~Settings() override { fs::remove_all(folder_); }

  SettingsCheck check() {
    SettingsCheck made{.config = config_, .file = "viaductd.toml", .tenants = {}, .stream_only = {}};
    made.service_uid = ::geteuid();
    made.memory_folder = folder_;
    return made;
  }
  std::string write(const std::string& name, const std::string& text, mode_t mode = 0600) {
    const fs::path path = folder_ / name;
    std::ofstream(path) << text;
    ::chmod(path.c_str(), mode);
    return path;
  }
  void make_memory(const std::string& tenant, off_t size) {
    const std::string path = write("viaduct-" + tenant, "");
    ASSERT_EQ(::truncate(path.c_str(), size), 0);
  }

  host::daemon::Config config_;
  fs::path folder_;
  Report report_;
};

void expect_one(const Report& report, State state, const std::string& text, const std::string& mend) {
  ASSERT_EQ(report.findings().size(), 1u) << report_table(report, "");
  const Finding& found = report.findings().front();
  EXPECT_EQ(found.state, state) << found.text;
  EXPECT_NE(found.text.find(text), std::string::npos) << found.text;
  EXPECT_NE(found.mend.find(mend), std::string::npos) << found.mend;
}

TEST_F(Settings, a_token_of_its_owner_alone_is_well) {
  config_.tenants["vm1"].token_file = write("token", "a-token-that-is-long-enough\n");
  check_tokens(check(), report_);
  expect_one(report_, State::ok, "its owner's alone", "");
}

TEST_F(Settings, a_token_that_others_may_read_is_wrong) {
  config_.tenants["vm1"].token_file = write("token", "a-token-that-is-long-enough\n", 0644);
  check_tokens(check(), report_);
  expect_one(report_, State::wrong, "others on this host", "chmod 0600 " + (folder_ / "token").string());
}

TEST_F(Settings, a_missing_token_and_a_short_one_are_wrong) {
  config_.tenants["vm1"].token_file = folder_ / "none";
  check_tokens(check(), report_);
  expect_one(report_, State::wrong, "no such file", "/dev/urandom");
  config_.tenants["vm1"].token_file = write("token", "short\n");
  Report second;
  check_tokens(check(), second);
  expect_one(second, State::wrong, "shorter than 16 bytes", "/dev/urandom");
}

TEST_F(Settings, two_tenants_with_one_token_are_named) {
  config_.tenants["vm1"].token_file = write("one", "a-token-that-is-long-enough\n");
  config_.tenants["vm2"].token_file = write("two", "a-token-that-is-long-enough\n");
  check_tokens(check(), report_);
  ASSERT_EQ(report_.findings().size(), 2u);
  EXPECT_EQ(report_.findings()[1].state, State::wrong);
  EXPECT_NE(report_.findings()[1].text.find("the same as that of vm1"), std::string::npos);
}

TEST_F(Settings, no_finding_has_a_token_in_it) {
  config_.tenants["vm1"].token_file = write("one", "a-token-that-is-long-enough\n", 0644);
  config_.tenants["vm2"].token_file = write("two", "a-token-that-is-long-enough\n");
  check_tokens(check(), report_);
  EXPECT_EQ(report_json(report_).find("long-enough"), std::string::npos);
}

TEST_F(Settings, memory_of_the_right_size_is_well) {
  config_.tenants["vm1"].memory_bytes = 32u << 20;
  make_memory("vm1", 32 << 20);
  check_memory(check(), report_);
  expect_one(report_, State::ok, "32 MiB, 0 MiB of it in use", "");
}

TEST_F(Settings, memory_that_sessions_do_without_is_worth_knowing) {
  config_.tenants["vm1"].memory_bytes = 32u << 20;
  make_memory("vm1", 32 << 20);
  SettingsCheck running = check();
  running.stream_only["vm1"] = 2;
  check_memory(running, report_);
  expect_one(report_, State::warning, "sessions that run without it: 2", "grep 'without shared memory'");
}

TEST_F(Settings, memory_of_another_size_is_wrong) {
  config_.tenants["vm1"].memory_bytes = 64u << 20;
  make_memory("vm1", 32 << 20);
  check_memory(check(), report_);
  expect_one(report_, State::wrong, "is 32 MiB large and the tenant's `memory` says 64 MiB",
             "rm " + (folder_ / "viaduct-vm1").string());
}

TEST_F(Settings, missing_memory_is_wrong_where_the_service_makes_it) {
  config_.tenants["vm1"].memory_bytes = 32u << 20;
  check_memory(check(), report_);
  expect_one(report_, State::wrong, "is not there", "systemctl restart viaductd");
}

TEST_F(Settings, memory_with_a_second_name_or_behind_a_link_is_wrong) {
  config_.tenants["vm1"].memory_bytes = 32u << 20;
  make_memory("vm1", 32 << 20);
  fs::create_hard_link(folder_ / "viaduct-vm1", folder_ / "viaduct-vm2");
  check_memory(check(), report_);
  expect_one(report_, State::wrong, "two tenants may share it", "rm ");
  fs::remove(folder_ / "viaduct-vm1");
  fs::create_symlink(folder_ / "viaduct-vm2", folder_ / "viaduct-vm1");
  Report second;
  check_memory(check(), second);
  expect_one(second, State::wrong, "no ordinary file", "rm ");
}

TEST_F(Settings, a_vm_without_a_listener_is_told_the_line_that_is_missing) {
  config_.tenants["vm1"].cid = 42;
  check_listeners(check(), report_);
  expect_one(report_, State::wrong, "vm1 is a VM, and no listener", "listen = [\"vsock://any:7707\"]");
}

TEST_F(Settings, a_listener_where_nobody_answers_is_wrong) {
  config_.listen = {"tcp://127.0.0.1:1"};
  check_listeners(check(), report_);
  expect_one(report_, State::wrong, "nobody answers", "systemctl restart viaductd");
}

TEST_F(Settings, a_missing_vhost_device_names_the_module) {
  config_.listen = {"vsock://any:7707"};
  SettingsCheck without = check();
  without.vhost_vsock = folder_ / "vhost-vsock";
  check_listeners(without, report_);
  ASSERT_EQ(report_.findings().size(), 2u);
  EXPECT_EQ(report_.findings()[0].state, State::wrong);
  EXPECT_NE(report_.findings()[0].mend.find("modprobe vhost_vsock"), std::string::npos);
}

TEST_F(Settings, unknown_users_and_groups_are_named) {
  config_.tenants["a"].socket_owner = "nobody-of-this-name";
  config_.tenants["b"].socket_group = "no-group-of-this-name";
  config_.tenants["c"].socket_owner = "12345";
  check_users(check(), report_);
  ASSERT_EQ(report_.findings().size(), 2u);
  EXPECT_NE(report_.findings()[0].text.find("no user 'nobody-of-this-name'"), std::string::npos);
  EXPECT_NE(report_.findings()[1].text.find("no group 'no-group-of-this-name'"), std::string::npos);
}

TEST_F(Settings, a_tenant_that_the_running_service_does_not_know_wants_a_restart) {
  config_.tenants["vm1"].socket_mode = 0600;
  SettingsCheck running = check();
  running.tenants = std::set<std::string>{"default"};
  check_users(running, report_);
  expect_one(report_, State::warning, "does not know it", "systemctl restart viaductd");
}

}  // namespace
}  // namespace viaduct::tools
