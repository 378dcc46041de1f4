#include <gtest/gtest.h>

#include "base/log_buckets.hpp"
#include "host-renderer/daemon/config.hpp"
#include "host-renderer/http/endpoints.hpp"
#include "host-renderer/http/http_place.hpp"
#include "host-renderer/http/metrics.hpp"

namespace viaduct::host::http {
namespace {

TEST(HttpPlace, is_an_address_with_a_port) {
  const auto four = parse_place("127.0.0.1:9477");
  ASSERT_TRUE(four) << four.error();
  EXPECT_EQ(four->address, "127.0.0.1");
  EXPECT_EQ(four->port, 9477);
  EXPECT_TRUE(four->loopback);
  const auto six = parse_place("[::1]:80");
  ASSERT_TRUE(six) << six.error();
  EXPECT_EQ(six->address, "::1");
  EXPECT_TRUE(six->loopback);
  EXPECT_FALSE(parse_place("0.0.0.0:9477")->loopback);
  EXPECT_FALSE(parse_place("[::]:9477")->loopback);
  for (const char* wrong :
       {"", ":", "127.0.0.1", "127.0.0.1:", "127.0.0.1:0", "127.0.0.1:65536", "127.0.0.1:x", "localhost:9477",
        "::1:9477", "[::1]", "[::1]x", "[::1:9477", "127.0.0.1:94 77"})
    EXPECT_FALSE(parse_place(wrong)) << wrong;
}

TEST(HttpPlace, a_plain_host_is_no_name_but_localhost) {
  for (const char* plain :
       {"localhost", "localhost:9477", "127.0.0.1", "10.0.0.1:1", "[::1]", "[fe80::1]:9477"})
    EXPECT_TRUE(is_plain_host(plain)) << plain;
  for (const char* name :
       {"", "example.org", "127.0.0.1.example.org", "localhost.example.org:1", "a:b:c", "[x]"})
    EXPECT_FALSE(is_plain_host(name)) << name;
}

TEST(HttpSettings, are_off_unless_told) {
  EXPECT_EQ(daemon::parse_config("", "x.toml")->http.listen, "");
  const auto config = daemon::parse_config(
      "[http]\nlisten = \"10.0.0.1:9477\"\ntoken_file = \"/etc/viaduct/http-token\"\n", "x.toml");
  ASSERT_TRUE(config) << config.error();
  EXPECT_EQ(config->http.listen, "10.0.0.1:9477");
  EXPECT_EQ(config->http.token_file, "/etc/viaduct/http-token");
}

TEST(HttpSettings, mistakes_are_named_with_their_line) {
  const std::vector<std::pair<std::string, std::string>> mistakes = {
      {"listen = \"9477\"", "x.toml:2: http.listen: '9477' is no IP address with a port"},
      {"listen = 9477", "x.toml:2: listen wants a string"},
      {"listen = \"0.0.0.0:9477\"",
       "x.toml:2: other machines may reach 0.0.0.0:9477: http wants a token_file"},
      {"token_file = \"token\"", "x.toml:2: token_file wants an absolute path"},
      {"port = 1", "x.toml:2: unknown key 'http.port'"}};
  for (const auto& [line, complaint] : mistakes) {
    const auto config = daemon::parse_config("[http]\n" + line + "\n", "x.toml");
    ASSERT_FALSE(config) << line;
    EXPECT_EQ(config.error().substr(0, complaint.size()), complaint);
  }
}

control::Status one_session() {
  control::Status status;
  status.set_version("1.2");
  control::TenantStatus& tenant = *status.add_tenants();
  tenant.set_name("alice");
  control::SessionStatus& session = *tenant.add_sessions();
  session.set_session_id(7);
  session.set_program("a \"b\\c\"\nd");
  session.set_kind("vulkan");
  session.set_frames(5);
  return status;
}

TEST(Metrics, names_cannot_break_out_of_their_labels) {
  EXPECT_EQ(escaped_label("a \"b\\c\"\nd"), "a \\\"b\\\\c\\\"\\nd");
  EXPECT_NE(metrics_text(one_session())
                .find("\nviaduct_session_frames_total{tenant=\"alice\",program=\"a "
                      "\\\"b\\\\c\\\"\\nd\",session=\"7\"} 5\n"),
            std::string::npos);
}

TEST(Metrics, the_histogram_counts_every_time_once) {
  control::Status status = one_session();
  control::FrameTimes& times = *status.mutable_tenants(0)->mutable_sessions(0)->mutable_frame_times();
  times.set_sum_ns(1'500'000'000);
  for (std::size_t i = 0; i < LogBuckets::kCount + 10; ++i) times.add_counts(1);
  const std::string text = metrics_text(status);
  const auto has = [&](const std::string& end) {
    return text.find(",session=\"7\"" + end + "\n") != std::string::npos;
  };
  // 16.78 ms is 2^24 ns: eight doublings above 2^16, and the bucket of what is shorter.
  EXPECT_TRUE(has(",le=\"0.016777216\"} " + std::to_string(1 + 8 * LogBuckets::kOfDoubling))) << text;
  EXPECT_TRUE(has(",le=\"+Inf\"} " + std::to_string(LogBuckets::kCount))) << text;
  EXPECT_TRUE(has("} " + std::to_string(LogBuckets::kCount))) << text;
  EXPECT_TRUE(has("} 1.5")) << text;
}

TEST(Metrics, times_are_in_seconds) {
  control::Status status = one_session();
  status.mutable_tenants(0)->mutable_sessions(0)->set_gpu_busy_ns(2'250'000'000);
  const std::string text = metrics_text(status);
  const std::size_t at = text.find("\nviaduct_session_gpu_busy_seconds_total{");
  ASSERT_NE(at, std::string::npos);
  EXPECT_TRUE(text.substr(at + 1, text.find('\n', at + 1) - at - 1).ends_with("} 2.25")) << text;
}

TEST(Metrics, what_nobody_counts_is_not_there) {
  control::Status status = one_session();
  status.mutable_tenants(0)->mutable_sessions(0)->set_kind("virgl");
  const std::string text = metrics_text(status);
  EXPECT_NE(text.find("viaduct_session_info{"), std::string::npos);
  EXPECT_EQ(text.find("viaduct_session_frames_total"), std::string::npos);
  EXPECT_EQ(text.find("viaduct_session_frame_time"), std::string::npos);
}

TEST(HealthAnswer, is_503_with_its_reason_unless_well) {
  const Answer well = health_answer({}, one_session());
  EXPECT_EQ(well.status, 200u);
  EXPECT_EQ(well.body.find("{\"status\": \"ok\", \"reason\": \"\", \"version\": \"1.2\""), 0u) << well.body;
  EXPECT_NE(well.body.find("\"sessions\": 1"), std::string::npos) << well.body;
  const Answer failing = health_answer({Health::failing, "no \"driver\""}, one_session());
  EXPECT_EQ(failing.status, 503u);
  EXPECT_EQ(failing.body.find("{\"status\": \"failing\", \"reason\": \"no \\\"driver\\\"\""), 0u)
      << failing.body;
  EXPECT_EQ(health_answer({Health::starting, ""}, one_session()).status, 503u);
}

}  // namespace
}  // namespace viaduct::host::http
