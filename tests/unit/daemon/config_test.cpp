#include "host-renderer/daemon/config.hpp"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>

namespace viaduct::host::daemon {
namespace {

TEST(Config, an_empty_file_is_the_defaults) {
  const auto config = parse_config("", "x.toml");
  ASSERT_TRUE(config) << config.error();
  EXPECT_EQ(config->warm_workers, 2u);
  EXPECT_TRUE(config->listen.empty());
  EXPECT_FALSE(config->require_sandbox);
  EXPECT_TRUE(config->limits.compression);
  EXPECT_GE(config->limits.arena_bytes, 16u << 20);
  EXPECT_EQ(config->limits.arena_bytes % (1 << 20), 0u);
}

TEST(Config, a_tenant_can_be_a_vm) {
  const auto config = parse_config(R"(
    allow_public_tcp = true
    compression = false
    [tenants.vm1]
    compression = true
    cid = 42
    token_file = "/etc/viaduct/tokens/vm1"
    memory = "512 MiB"
    memory_owner = "libvirt-qemu"
    doorbell = true
    [tenants.vm2]
  )",
                                   "x.toml");
  ASSERT_TRUE(config) << config.error();
  EXPECT_TRUE(config->allow_public_tcp);
  const TenantConfig& vm = config->tenants.at("vm1");
  EXPECT_EQ(vm.cid, 42u);
  EXPECT_EQ(vm.token_file, "/etc/viaduct/tokens/vm1");
  EXPECT_EQ(vm.memory_bytes, 512u << 20);
  EXPECT_EQ(vm.memory_owner, "libvirt-qemu");
  EXPECT_TRUE(vm.doorbell);
  EXPECT_TRUE(vm.compression);
  const TenantConfig& other = config->tenants.at("vm2");
  EXPECT_FALSE(other.cid.has_value());
  EXPECT_EQ(other.memory_bytes, 0u);
  EXPECT_FALSE(other.doorbell);
  EXPECT_FALSE(other.compression);
}

TEST(Config, mistakes_about_a_vm_are_named_with_their_line) {
  const std::vector<std::pair<std::string, std::string>> mistakes = {
      {"cid = 0", "cid wants a number from 1"},
      {"cid = 4294967295", "cid wants a number from 1"},
      {"cid = \"any\"", "cid wants a number from 1"},
      {"token_file = \"tokens/vm\"", "token_file wants an absolute path"},
      {"memory = \"100 MiB\"", "memory wants a power of two from 32 MiB"},
      {"memory = \"16 MiB\"", "memory wants a power of two from 32 MiB"},
      {"memory_owner = \"libvirt-qemu\"", "memory_owner needs memory"},
      {"doorbell = true", "doorbell needs memory"},
      {"memroy = \"64 MiB\"", "unknown key 'tenants.vm.memroy'"},
  };
  for (const auto& [line, complaint] : mistakes) {
    const auto config = parse_config("\n[tenants.vm]\n" + line + "\n", "x.toml");
    ASSERT_FALSE(config) << line;
    EXPECT_EQ(config.error().find("x.toml:3: "), 0u) << config.error();
    EXPECT_NE(config.error().find(complaint), std::string::npos) << config.error();
  }
}

TEST(Config, a_cid_is_one_tenants) {
  const auto config = parse_config("[tenants.a]\ncid = 5\n[tenants.b]\ncid = 5\n", "x.toml");
  ASSERT_FALSE(config);
  EXPECT_EQ(config.error(), "x.toml:4: cid 5 is that of tenant a already");
}

class TenantFiles : public testing::Test {
 protected:
  TenantFiles() {
    char pattern[] = "/tmp/viaduct-config-XXXXXX";
    folder_ = ::mkdtemp(pattern);
    std::filesystem::create_directory(folder_ + "/tenants.d");
    write("viaductd.toml", "[limits]\nsessions = 3\n[tenants.alice]\ncid = 4\n");
  }
  ~TenantFiles() override { std::filesystem::remove_all(folder_); }
  void write(const std::string& name, const std::string& text) const {
    std::ofstream(folder_ + "/" + name) << text;
  }
  [[nodiscard]] auto load() const { return load_config(folder_ + "/viaductd.toml"); }

  std::string folder_;
};

TEST_F(TenantFiles, stand_beside_the_named_file) {
  write("tenants.d/vm1.toml", "[tenants.vm1]\ncid = 5\n");
  write("tenants.d/vm2.toml", "[tenants.vm2]\nsessions = 1\n");
  write("tenants.d/README", "no settings");
  const auto config = load();
  ASSERT_TRUE(config) << config.error();
  EXPECT_EQ(config->tenants.size(), 3u);
  EXPECT_EQ(config->tenants.at("vm1").cid, 5u);
  EXPECT_EQ(config->tenants.at("vm1").sessions, 3u) << "the limits of the main file";
  EXPECT_EQ(config->tenants.at("vm2").sessions, 1u);
}

TEST_F(TenantFiles, are_read_whatever_is_wrong_in_others) {
  write("viaductd.toml", "gpu = 0\n[tenants.alice]\ncid = 4\n");
  write("tenants.d/a.toml", "[tenants.a\n");
  write("tenants.d/b.toml", "[tenants.b]\ncid = 4\n");
  write("tenants.d/c.toml", "[tenants.c]\nfps = 60\n");
  const Settings settings = read_settings(folder_ + "/viaductd.toml");
  std::vector<std::string> places;
  for (const Complaint& complaint : settings.complaints)
    places.push_back(complaint.file.substr(folder_.size() + 1) + ":" + std::to_string(complaint.line));
  EXPECT_EQ(places,
            (std::vector<std::string>{"viaductd.toml:1", "tenants.d/a.toml:1", "tenants.d/b.toml:2"}));
  EXPECT_EQ(settings.files.size(), 4u);
  EXPECT_EQ(settings.config.tenants.at("c").gpu.frames_per_second, 60u);
}

TEST_F(TenantFiles, whose_folder_cannot_be_read_are_not_taken_for_none) {
  std::filesystem::remove_all(folder_ + "/tenants.d");
  EXPECT_TRUE(load()) << "no folder at all is no mistake";
  write("tenants.d", "a file");
  const Settings settings = read_settings(folder_ + "/viaductd.toml");
  ASSERT_EQ(settings.complaints.size(), 1u);
  EXPECT_EQ(to_string(settings.complaints.front()).find(folder_ + "/tenants.d: cannot be read: "), 0u);
  EXPECT_FALSE(load());
}

// What read_settings says of one file, without the file's name.
class AllMistakes : public TenantFiles {
 protected:
  [[nodiscard]] std::vector<std::string> of(const std::string& text) const {
    write("viaductd.toml", text);
    const std::string file = folder_ + "/viaductd.toml:";
    std::vector<std::string> found;
    for (const Complaint& complaint : read_settings(folder_ + "/viaductd.toml").complaints) {
      const std::string line = to_string(complaint);
      EXPECT_EQ(line.find(file), 0u) << line;
      found.push_back(line.substr(file.size()));
    }
    return found;
  }
};

TEST_F(AllMistakes, are_named_in_the_order_of_the_file_with_line_and_column) {
  const auto found =
      of("validate = 1\n"
         "listen = [3, \"unix:///x\", 4]\n"
         "[tenants.z]\n"
         "  fps = 0\n"
         "[tenants.\"../a\"]\n"
         "[tenants.b]\n"
         "cid = 9\n"
         "[tenants.c]\n"
         "cid = 9\n"
         "[pool]\n"
         "warm =   99\n");
  const std::vector<std::string> wanted = {
      "1:12: validate",          "2:11: listen", "2:27: listen", "4:9: fps",
      "5:1: tenant name '../a'", "9:7: cid 9",   "11:10: warm"};
  ASSERT_EQ(found.size(), wanted.size()) << testing::PrintToString(found);
  for (std::size_t i = 0; i < wanted.size(); ++i) EXPECT_EQ(found[i].find(wanted[i]), 0u) << found[i];
}

TEST_F(AllMistakes, are_not_named_twice_where_one_follows_from_the_other) {
  const std::vector<std::string> texts = {
      "[tenants.vm]\nmemory = \"1 parsec\"\ndoorbell = true\nmemory_owner = \"root\"\n",
      "[http]\nlisten = \"0.0.0.0:9477\"\ntoken_file = 3\n", "policy = 3\n", "gl = false\n",
      "[tenants.a]\ntoken_file = 3\n"};
  for (const std::string& text : texts) EXPECT_EQ(of(text).size(), 1u) << testing::PrintToString(of(text));
  EXPECT_EQ(of("[tenants.a]\ncid = 0\n[tenants.b]\ncid = 0\n").size(), 2u) << "no two tenants have the CID 0";
}

TEST_F(AllMistakes, in_a_keys_name_suggest_the_nearest_one) {
  const auto suggested = [this](const std::string& text) {
    const auto found = of(text);
    if (found.size() != 1) return testing::PrintToString(found);
    const std::size_t begin = found[0].find("(did you mean '");
    return begin == std::string::npos ? "none"
                                      : found[0].substr(begin + 15, found[0].find("'?)") - begin - 15);
  };
  EXPECT_EQ(suggested("listn = []\n"), "listen");
  EXPECT_EQ(suggested("require-sandbox = true\n"), "require_sandbox");
  EXPECT_EQ(suggested("[tenants.a]\nmemroy = \"64 MiB\"\n"), "tenants.a.memory");
  EXPECT_EQ(suggested("[tenants.a]\nsocketowner = \"root\"\n"), "tenants.a.socket_owner");
  EXPECT_EQ(suggested("[pool]\nhandshake_timout = 1\n"), "pool.handshake_timeout_ms");
  EXPECT_EQ(suggested("[limits]\nzzzzzzz = 1\n"), "none");
  EXPECT_EQ(suggested("xy = 1\n"), "none") << "a word of which nothing is right is near nothing";
}

TEST_F(AllMistakes, are_counted_for_who_sees_the_first_alone) {
  EXPECT_EQ(of("gpu = 1\ndriver = 2\nvalidate = 3\n").size(), 3u);
  const auto config = load();
  ASSERT_FALSE(config);
  const std::string file = folder_ + "/viaductd.toml";
  EXPECT_EQ(config.error(),
            file + ":1: gpu wants a string, like \"…\" (2 more: viaductctl config check " + file + ")");
}

TEST_F(TenantFiles, name_themselves_in_complaints) {
  const auto complaint = [this](const std::string& text) {
    write("tenants.d/vm.toml", text);
    const auto config = load();
    return config ? "none" : config.error();
  };
  const std::string file = folder_ + "/tenants.d/vm.toml";
  EXPECT_EQ(complaint("[tenants.vm]\ncid = 4\n"), file + ":2: cid 4 is that of tenant alice already");
  EXPECT_EQ(complaint("[tenants.alice]\n").find(file + ":1: tenant alice stands in " + folder_), 0u);
  EXPECT_EQ(complaint("gpu = \"0\"\n").find(file + ":1: unknown key 'gpu'"), 0u);
  EXPECT_EQ(complaint("[tenants.vm\n").find(file + ":1: "), 0u);
}

TEST(Config, everything_can_be_said) {
  const auto config = parse_config(R"(
    listen = ["unix:///run/a.sock", "unix:///run/b.sock"]
    driver = "/x.json"
    gpu = "1"
    require_sandbox = true
    validate = true
    expose = ["/opt/driver"]
    [pool]
    warm = 5
    start_timeout_ms = 1500
    handshake_timeout_ms = 700
    [limits]
    arena = "64 MiB"
    sessions = 9
    [tenants.alice]
    socket_owner = "root"
    socket_group = "video"
    socket_mode = "0660"
    device_memory = "1GiB"
    max_objects = 2048
    [tenants."b.o-b_2"]
    sessions = 1
  )",
                                   "x.toml");
  ASSERT_TRUE(config) << config.error();
  EXPECT_EQ(config->listen.size(), 2u);
  EXPECT_EQ(config->driver, "/x.json");
  EXPECT_EQ(config->gpu, "1");
  EXPECT_TRUE(config->require_sandbox);
  EXPECT_TRUE(config->validate);
  EXPECT_EQ(config->expose, std::vector<std::string>{"/opt/driver"});
  EXPECT_EQ(config->warm_workers, 5u);
  EXPECT_EQ(config->start_timeout_ms, 1500u);
  EXPECT_EQ(config->handshake_timeout_ms, 700u);
  const TenantConfig& alice = config->tenants.at("alice");
  EXPECT_EQ(alice.socket_owner, "root");
  EXPECT_EQ(alice.socket_group, "video");
  EXPECT_EQ(alice.socket_mode, mode_t{0660});
  EXPECT_EQ(alice.arena_bytes, 64u << 20) << "what a tenant does not say comes from [limits]";
  EXPECT_EQ(alice.device_memory_bytes, 1u << 30);
  EXPECT_EQ(alice.max_objects, 2048u);
  EXPECT_EQ(alice.sessions, 9u);
  EXPECT_EQ(config->tenants.at("b.o-b_2").sessions, 1u);
}

struct Mistake {
  const char* text;
  const char* complaint;
};

class Mistakes : public testing::TestWithParam<Mistake> {};

TEST_P(Mistakes, are_named_with_their_line) {
  const auto config = parse_config(GetParam().text, "x.toml");
  ASSERT_FALSE(config);
  EXPECT_NE(config.error().find(GetParam().complaint), std::string::npos) << config.error();
  EXPECT_EQ(config.error().rfind("x.toml:2: ", 0), 0u) << config.error();
}

INSTANTIATE_TEST_SUITE_P(
    Config, Mistakes,
    testing::Values(Mistake{"\nlisten = 3", "listen wants a list"},
                    Mistake{"\nlisten = [3]", "strings in its list"},
                    Mistake{"\ndriver = 7", "driver wants a string"},
                    Mistake{"\ntypo = 1", "unknown key 'typo'"},
                    Mistake{"\nrequire_sandbox = 1", "true or false"}, Mistake{"\npool = 1", "[pool]"},
                    Mistake{"\npool.warm = 65", "from 0 to 64"}, Mistake{"\npool.warm = -1", "from 0 to 64"},
                    Mistake{"\npool.hot = 1", "unknown key 'pool.hot'"},
                    Mistake{"\nlimits.arena = \"1 parsec\"", "wants a size"},
                    Mistake{"\nlimits.arena = 4096", "wants a size"},
                    Mistake{"\ntenants.a = 1", "tenants.a wants a table"},
                    Mistake{"\ntenants.\"../x\" = {}", "tenant name '../x'"},
                    Mistake{"\ntenants.a.sockt_mode = \"1\"", "unknown key 'tenants.a.sockt_mode'"},
                    Mistake{"\ntenants.a.socket_mode = \"9\"", "octal"},
                    Mistake{"\ntenants.a.socket_mode = \"10000\"", "octal"}, Mistake{"\n= nonsense", ""}));

TEST(Config, a_missing_file_is_named) {
  const auto config = load_config("/nonexistent/viaductd.toml");
  ASSERT_FALSE(config);
  EXPECT_NE(config.error().find("/nonexistent/viaductd.toml"), std::string::npos);
}

TEST(Config, sizes_are_read_with_their_unit) {
  EXPECT_EQ(parse_size("17"), 17u);
  EXPECT_EQ(parse_size("2KiB"), 2048u);
  EXPECT_EQ(parse_size("3 MiB"), 3u << 20);
  EXPECT_EQ(parse_size("1 gib"), 1u << 30);
  EXPECT_EQ(parse_size("1 TiB"), 1ull << 40);
  EXPECT_EQ(parse_size("512M"), 512u << 20);
  EXPECT_EQ(parse_size("2g"), 2ull << 30);
  EXPECT_EQ(parse_size("1 Mi"), std::nullopt);
  EXPECT_EQ(parse_size(""), std::nullopt);
  EXPECT_EQ(parse_size("MiB"), std::nullopt);
  EXPECT_EQ(parse_size("-1"), std::nullopt);
  EXPECT_EQ(parse_size("1 MB"), std::nullopt);
  EXPECT_EQ(parse_size("99999999999999 TiB"), std::nullopt);
}

TEST(Config, tenant_names_cannot_leave_their_folder) {
  EXPECT_TRUE(valid_tenant_name("alice"));
  EXPECT_TRUE(valid_tenant_name("vm-1_b.2"));
  for (const char* bad : {"", ".", "..", ".hidden", "a/b", "a b", "a\n", "ä"})
    EXPECT_FALSE(valid_tenant_name(bad)) << bad;
  EXPECT_FALSE(valid_tenant_name(std::string(65, 'a')));
}

}  // namespace
}  // namespace viaduct::host::daemon
