#include "host-renderer/daemon/config.hpp"

#include <gtest/gtest.h>

namespace viaduct::host::daemon {
namespace {

TEST(Config, an_empty_file_is_the_defaults) {
  const auto config = parse_config("", "x.toml");
  ASSERT_TRUE(config) << config.error();
  EXPECT_EQ(config->warm_workers, 2u);
  EXPECT_TRUE(config->listen.empty());
  EXPECT_FALSE(config->require_sandbox);
  EXPECT_GE(config->limits.arena_bytes, 16u << 20);
  EXPECT_EQ(config->limits.arena_bytes % (1 << 20), 0u);
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
