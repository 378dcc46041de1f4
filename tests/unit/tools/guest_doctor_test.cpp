// viaduct-doctor's judgements, each on what it is given. tests/e2e/doctor/test_guest.py has the whole
// program.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "tools/doctor/driver_checks.hpp"
#include "tools/doctor/gpu_checks.hpp"
#include "tools/doctor/host_check.hpp"
#include "tools/doctor/options.hpp"
#include "tools/doctor/picture.hpp"
#include "tools/doctor/place_checks.hpp"

namespace viaduct::tools {
namespace {

namespace fs = std::filesystem;

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

std::string words_of(const Report& report) { return report_table(report, ""); }

TEST(Picture, has_the_triangle_where_it_covers_and_the_colour_of_the_clear_elsewhere) {
  const auto picture = expected_picture();
  ASSERT_EQ(picture.size(), kPictureBytes);
  const auto pixel = [&](std::size_t x, std::size_t y) {
    std::uint32_t value = 0;
    std::memcpy(&value, picture.data() + (y * kPictureSide + x) * 4, sizeof(value));
    return value;
  };
  constexpr std::uint32_t kClear = 0xff996633u;
  EXPECT_EQ(pixel(0, 0), kClear);
  EXPECT_EQ(pixel(7, 20), kClear);
  EXPECT_EQ(pixel(8, 8), 0xff802020u);
  EXPECT_EQ(pixel(55, 8), 0xff8020dcu);
  EXPECT_EQ(pixel(56, 8), kClear);
  EXPECT_EQ(pixel(8, 55), 0xff80dc20u);
  EXPECT_EQ(pixel(8, 56), kClear);
}

TEST(Picture, its_sum_is_the_one_of_the_manual_of_every_crc) {
  EXPECT_EQ(crc32(std::as_bytes(std::span("123456789", 9))), 0xcbf43926u);
  EXPECT_EQ(crc32(expected_picture()), 0x3cd61013u);
}

class Places : public testing::Test {
 protected:
  Places() {
    std::string name = (fs::temp_directory_path() / "viaduct-doctor-XXXXXX").string();
    folder_ = ::mkdtemp(name.data());
    ::unsetenv("VIADUCT_URL");
    ::unsetenv("XDG_RUNTIME_DIR");
  }
  ~Places() override {
    fs::remove_all(folder_);
    ::unsetenv("VIADUCT_URL");
  }
  std::string write(const std::string& name, const std::string& text) {
    std::ofstream(folder_ / name) << text;
    return folder_ / name;
  }
  fs::path folder_;
  Report report_;
};

TEST_F(Places, of_the_machines_file_are_named_with_it) {
  const std::string file = write("url", "# the host\nvsock://host:7707\ntcp://10.0.2.2:7707\n");
  EXPECT_EQ(check_places(report_, file.c_str()).size(), 2u);
  ASSERT_EQ(report_.findings().size(), 2u);
  EXPECT_EQ(report_.findings()[0].text, "vsock://2:7707 (" + file + ")");
  EXPECT_EQ(report_.exit_status(), 0);
}

TEST_F(Places, that_make_no_sense_are_wrong_and_left_out) {
  const std::string file = write("url", "vsock:/host\n");
  EXPECT_TRUE(check_places(report_, file.c_str()).empty());
  EXPECT_TRUE(has(words_of(report_), "'vsock:/host'")) << words_of(report_);
  EXPECT_TRUE(has(words_of(report_), "> echo vsock://host:7707 >" + file)) << words_of(report_);
  EXPECT_EQ(report_.exit_status(), 1);
}

TEST_F(Places, without_a_file_it_is_the_default) {
  check_places(report_, (folder_ / "none").c_str());
  EXPECT_TRUE(has(words_of(report_), "unix:///run/viaduct/viaduct.sock (no ")) << words_of(report_);
}

TEST_F(Places, of_the_environment_win) {
  ::setenv("VIADUCT_URL", "unix:///tmp/x.sock", 1);
  check_places(report_, write("url", "tcp://10.0.2.2:7707\n").c_str());
  ASSERT_EQ(report_.findings().size(), 1u);
  EXPECT_EQ(report_.findings()[0].text, "unix:///tmp/x.sock (VIADUCT_URL)");
}

TEST_F(Places, without_a_vsock_the_module_and_the_device_are_named) {
  check_vsock(report_, (folder_ / "vsock").c_str());
  EXPECT_EQ(report_.exit_status(), 1);
  EXPECT_TRUE(has(words_of(report_), "modprobe vmw_vsock_virtio_transport")) << words_of(report_);
}

MemoryDevice device(int mapped, bool enabled = true) {
  MemoryDevice made;
  made.found.name = "0000:00:04.0";
  made.found.resource = "/sys/bus/pci/devices/0000:00:04.0/resource2_wc";
  made.found.size = 64u << 20;
  made.found.enabled = enabled;
  made.mapped = mapped;
  return made;
}

Finding judged(const std::vector<MemoryDevice>& devices, const MemorySurroundings& around) {
  Report report;
  check_memory_devices(devices, around, report);
  EXPECT_EQ(report.findings().size(), 1u);
  return report.findings().front();
}

TEST(MemoryDevices, none_is_well_unless_one_is_asked_for) {
  MemorySurroundings around;
  EXPECT_EQ(judged({}, around).state, State::ok);
  around.wanted = true;
  EXPECT_EQ(judged({}, around).state, State::wrong);
}

TEST(MemoryDevices, one_that_maps_is_well) {
  const Finding found = judged({device(0)}, {});
  EXPECT_EQ(found.state, State::ok);
  EXPECT_EQ(found.text, "0000:00:04.0, 64 MiB, can be mapped");
}

TEST(MemoryDevices, a_missing_group_is_named_with_the_command) {
  MemorySurroundings around;
  around.user = "alice";
  around.group = "render";
  const Finding found = judged({device(EACCES)}, around);
  EXPECT_EQ(found.state, State::warning);
  EXPECT_TRUE(has(found.text, "alice may not map it, and is not a member of render")) << found.text;
  EXPECT_TRUE(has(found.mend, "adduser alice render")) << found.mend;
  around.wanted = true;
  EXPECT_EQ(judged({device(EACCES)}, around).state, State::wrong);
}

TEST(MemoryDevices, a_rule_that_was_not_applied_is_named) {
  MemorySurroundings around;
  around.group = "root";
  EXPECT_TRUE(has(judged({device(EACCES)}, around).mend, "udevadm trigger"));
}

TEST(MemoryDevices, the_kernels_lockdown_is_named) {
  MemorySurroundings around;
  around.lockdown = "none [integrity] confidentiality\n";
  const Finding found = judged({device(EPERM)}, around);
  EXPECT_TRUE(has(found.text, "the kernel's lockdown (integrity)")) << found.text;
  EXPECT_TRUE(has(found.mend, "Secure Boot"));
  EXPECT_EQ(chosen_lockdown("[none] integrity confidentiality"), "none");
  EXPECT_EQ(chosen_lockdown(""), "");
}

TEST(MemoryDevices, one_that_is_not_enabled_is_told_where_to_enable_it) {
  EXPECT_TRUE(has(judged({device(0, false)}, {}).mend, "echo 1 >/sys/bus/pci/devices/0000:00:04.0/enable"));
}

TEST(Host, what_mends_a_refusal_depends_on_its_words) {
  const auto tcp = *transport::parse_url("tcp://10.0.2.2:7707");
  const auto vsock = *transport::parse_url("vsock://host:7707");
  EXPECT_TRUE(has(how_to_be_let_in(tcp, "the token is not that of any tenant"), "/etc/viaduct/token"));
  EXPECT_TRUE(
      has(how_to_be_let_in(tcp, "the token's file (VIADUCT_TOKEN_FILE or /etc/viaduct/token): refused"),
          "`token`"));
  EXPECT_TRUE(has(how_to_be_let_in(vsock, "no tenant has CID 7"), "guest-cid"));
  EXPECT_TRUE(
      has(how_to_be_let_in(tcp, "the guest's driver speaks another version"), "install the viaduct-guest"));
  EXPECT_TRUE(has(how_to_be_let_in(tcp, "too many sessions"), "viaductctl doctor"));
}

TEST(Versions, only_the_same_are_well) {
  EXPECT_EQ(compare_versions("Viaduct 0.1.0 on Mesa 22.3.6", "0.1.0").state, State::ok);
  const Finding old = compare_versions("Viaduct 0.2.0 on Mesa 22.3.6", "0.1.0");
  EXPECT_EQ(old.state, State::warning);
  EXPECT_TRUE(has(old.text, "this package is 0.1.0 and the host's is 0.2.0")) << old.text;
  EXPECT_TRUE(has(compare_versions("Mesa", "0.1.0").text, "unknown"));
}

TEST(Log, the_last_line_with_the_words_counts) {
  EXPECT_EQ(said_of("viaduct guest[1] info session: region: a\nviaduct guest[1] info session: region: b\n",
                    "region: "),
            "b");
  EXPECT_EQ(said_of("nothing\n", "region: "), "");
}

TEST_F(Places, a_manifests_library_is_relative_to_it) {
  const std::string relative = write("a.json", R"({"ICD": {"library_path": "../lib/libx.so"}})");
  EXPECT_EQ(library_of(relative), (folder_ / "../lib/libx.so").lexically_normal().string());
  EXPECT_EQ(library_of(write("b.json", R"({"ICD": {"library_path": "libx.so"}})")), "libx.so");
  EXPECT_EQ(library_of(write("c.json", R"({"ICD": {}})")), "");
}

TEST(Options, that_make_no_sense_are_errors) {
  const auto parsed = [](std::vector<const char*> words) {
    words.insert(words.begin(), "viaduct-doctor");
    return parse_guest_doctor_options(static_cast<int>(words.size()), words.data());
  };
  EXPECT_FALSE(parsed({"now"}));
  EXPECT_FALSE(parsed({"--timeout", "0"}));
  EXPECT_FALSE(parsed({"--timeout", "5s"}));
  EXPECT_FALSE(parsed({"--url"}));
  EXPECT_FALSE(parsed({"--json=1"}));
  const auto good = parsed({"--json", "--timeout=5", "--url", "unix:///x"});
  ASSERT_TRUE(good) << good.error();
  EXPECT_TRUE(good->json && good->seconds == 5 && good->url == "unix:///x");
}

}  // namespace
}  // namespace viaduct::tools
