#include "host-renderer/daemon/options.hpp"

#include <gtest/gtest.h>

#include "tools/viaductctl/options.hpp"

namespace viaduct {
namespace {

template <class... Words>
auto daemon_options(Words... words) {
  const char* arguments[] = {"viaductd", words...};
  return host::daemon::parse_options(static_cast<int>(std::size(arguments)), arguments);
}

template <class... Words>
auto ctl_options(Words... words) {
  const char* arguments[] = {"viaductctl", words...};
  return tools::parse_ctl_options(static_cast<int>(std::size(arguments)), arguments);
}

TEST(DaemonOptions, may_be_written_with_a_space_or_an_equals_sign) {
  const auto options =
      daemon_options("--listen", "unix:///a", "--listen=unix:///b", "--gpu=0", "--driver", "x.json",
                     "--config", "c.toml", "--expose=/opt", "--require-sandbox", "--validate", "--list-gpus");
  ASSERT_TRUE(options) << options.error();
  EXPECT_EQ(options->listen, (std::vector<std::string>{"unix:///a", "unix:///b"}));
  EXPECT_EQ(options->gpu, "0");
  EXPECT_EQ(options->driver, "x.json");
  EXPECT_EQ(options->config, "c.toml");
  EXPECT_EQ(options->expose, std::vector<std::string>{"/opt"});
  EXPECT_TRUE(options->require_sandbox);
  EXPECT_TRUE(options->validate);
  EXPECT_TRUE(options->list_gpus);
}

TEST(DaemonOptions, opengl_is_lent_by_virgl_or_not_at_all) {
  EXPECT_EQ(daemon_options("--gl", "virgl")->gl, "virgl");
  EXPECT_EQ(daemon_options("--gl=none")->gl, "none");
  EXPECT_NE(daemon_options("--gl", "opengl").error().find("\"virgl\""), std::string::npos);
  host::daemon::Config config;
  config.gl = "virgl";
  host::daemon::overlay(*daemon_options(), config);
  EXPECT_EQ(config.gl, "virgl");
  host::daemon::overlay(*daemon_options("--gl=none"), config);
  EXPECT_EQ(config.gl, "none");
}

TEST(DaemonOptions, mistakes_are_named) {
  EXPECT_NE(daemon_options("--lisen", "x").error().find("--lisen"), std::string::npos);
  EXPECT_NE(daemon_options("--listen").error().find("wants a value"), std::string::npos);
  EXPECT_NE(daemon_options("--gpu=").error().find("wants a value"), std::string::npos);
  EXPECT_NE(daemon_options("--help=yes").error().find("takes no value"), std::string::npos);
  EXPECT_FALSE(daemon_options("stray"));
}

TEST(DaemonOptions, the_command_line_wins_over_the_file) {
  host::daemon::Config config;
  config.listen = {"unix:///file"};
  config.driver = "file.json";
  config.gpu = "1";
  host::daemon::Options options;
  options.listen = {"unix:///line"};
  options.gpu = "0";
  host::daemon::overlay(options, config);
  EXPECT_EQ(config.listen, std::vector<std::string>{"unix:///line"});
  EXPECT_EQ(config.gpu, "0");
  EXPECT_EQ(config.driver, "file.json");
}

TEST(CtlOptions, run_leaves_the_programs_own_options_alone) {
  const auto options =
      ctl_options("run", "--tenant", "alice", "--url=unix:///x", "--", "prog", "--json", "-x", "--");
  ASSERT_TRUE(options) << options.error();
  EXPECT_EQ(options->verb, tools::Verb::run);
  EXPECT_EQ(options->tenant, "alice");
  EXPECT_EQ(options->url, "unix:///x");
  EXPECT_EQ(options->program, (std::vector<std::string>{"prog", "--json", "-x", "--"}));
}

TEST(CtlOptions, run_works_without_the_two_dashes) {
  const auto options = ctl_options("run", "vkcube", "--c", "100");
  ASSERT_TRUE(options) << options.error();
  EXPECT_EQ(options->program, (std::vector<std::string>{"vkcube", "--c", "100"}));
}

TEST(CtlOptions, opengl_is_set_up_unless_told_otherwise) {
  EXPECT_TRUE(ctl_options("run", "--", "glxgears")->gl);
  EXPECT_FALSE(ctl_options("run", "--no-gl", "--", "glxgears")->gl);
  EXPECT_EQ(ctl_options("run", "--", "prog", "--no-gl")->program,
            (std::vector<std::string>{"prog", "--no-gl"}));
  EXPECT_FALSE(ctl_options("status", "--no-gl"));
}

TEST(CtlOptions, the_way_of_opengl_can_be_chosen) {
  EXPECT_EQ(ctl_options("run", "--", "glxgears")->gl_by, "");
  EXPECT_EQ(ctl_options("run", "--gl", "virgl", "--", "glxgears")->gl_by, "virgl");
  EXPECT_EQ(ctl_options("run", "--gl=zink", "--", "glxgears")->gl_by, "zink");
  EXPECT_NE(ctl_options("run", "--gl", "x", "--", "p").error().find("zink or virgl"), std::string::npos);
  EXPECT_FALSE(ctl_options("run", "--gl=virgl", "--no-gl", "--", "p"));
  EXPECT_FALSE(ctl_options("status", "--gl", "virgl"));
}

TEST(CtlOptions, verbs_are_recognised) {
  EXPECT_EQ(ctl_options("status")->verb, tools::Verb::status);
  EXPECT_TRUE(ctl_options("status", "--json")->json);
  EXPECT_EQ(ctl_options("gpus")->verb, tools::Verb::gpus);
  EXPECT_EQ(ctl_options("kill", "12")->session, 12u);
  EXPECT_EQ(ctl_options("--help")->verb, tools::Verb::help);
  EXPECT_EQ(ctl_options("--version")->verb, tools::Verb::version);
}

TEST(CtlOptions, config_check_looks_where_the_service_reads_unless_told_otherwise) {
  const auto paths = [](const auto& options) {
    return options ? options->check_paths : std::vector<std::string>{};
  };
  EXPECT_EQ(ctl_options("config", "check")->verb, tools::Verb::config);
  EXPECT_EQ(paths(ctl_options("config", "check")), std::vector<std::string>{"/etc/viaduct/viaductd.toml"});
  EXPECT_EQ(paths(ctl_options("config", "check", "--config-dir", "/x")),
            std::vector<std::string>{"/x/viaductd.toml"});
  EXPECT_EQ(paths(ctl_options("config", "check", "a", "b")), (std::vector<std::string>{"a", "b"}));
  EXPECT_FALSE(ctl_options("config"));
  EXPECT_FALSE(ctl_options("config", "chek"));
  EXPECT_FALSE(ctl_options("config", "check", "--json"));
  EXPECT_FALSE(ctl_options("config", "check", "--url", "unix:///x"));
  EXPECT_FALSE(ctl_options("config", "check", "a", "--config-dir", "/x"));
}

TEST(CtlOptions, mistakes_are_named) {
  EXPECT_FALSE(ctl_options());
  EXPECT_FALSE(ctl_options("run"));
  EXPECT_FALSE(ctl_options("run", "--"));
  EXPECT_FALSE(ctl_options("kill"));
  EXPECT_FALSE(ctl_options("kill", "0"));
  EXPECT_FALSE(ctl_options("kill", "1x"));
  EXPECT_FALSE(ctl_options("status", "more"));
  EXPECT_FALSE(ctl_options("status", "--tenant", "a"));
  EXPECT_NE(ctl_options("dance").error().find("'dance'"), std::string::npos);
  EXPECT_NE(ctl_options("status", "--jsn").error().find("--jsn"), std::string::npos);
}

}  // namespace
}  // namespace viaduct
