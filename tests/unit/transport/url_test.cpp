#include "transport/url.hpp"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <fstream>

namespace viaduct::transport {
namespace {

TEST(Url, UnixPlacesAreAbsolutePaths) {
  const auto url = parse_url("unix:///run/viaduct/viaduct.sock");
  ASSERT_TRUE(url);
  EXPECT_EQ(url->kind, UrlKind::unix_socket);
  EXPECT_EQ(url->path, "/run/viaduct/viaduct.sock");
  EXPECT_EQ(url->region, RegionChoice::automatic);
}

TEST(Url, VsockPlacesHaveACidAndAPort) {
  const auto url = parse_url("vsock://3:70000?region=ivshmem");
  ASSERT_TRUE(url);
  EXPECT_EQ(url->kind, UrlKind::vsock);
  EXPECT_EQ(url->cid, 3u);
  EXPECT_EQ(url->port, 70000u);
  EXPECT_EQ(url->region, RegionChoice::ivshmem);
  EXPECT_EQ(parse_url("vsock://host:1")->cid, 2u);
  EXPECT_EQ(parse_url("vsock://any:1")->cid, ~0u);
}

TEST(Url, TcpPlacesHaveNamesOrAddressesAndAPort) {
  EXPECT_EQ(parse_url("tcp://gpu.example:7000")->host, "gpu.example");
  const auto url = parse_url("tcp://[fe80::1]:7000?region=none");
  ASSERT_TRUE(url);
  EXPECT_EQ(url->host, "fe80::1");
  EXPECT_EQ(url->port, 7000u);
  EXPECT_EQ(url->region, RegionChoice::none);
}

TEST(Url, WhatIsPrintedParsesToTheSame) {
  for (const char* text : {"unix:///a%20b%3fc", "unix:///x?region=memfd", "vsock://4:5", "vsock://any:6",
                           "tcp://h:1?region=none", "tcp://[::1]:2"}) {
    const auto url = parse_url(text);
    ASSERT_TRUE(url) << text;
    EXPECT_EQ(to_string(*url), text);
  }
}

TEST(Url, EverythingElseIsRefusedWithAReason) {
  const std::string long_path = "unix:///" + std::string(200, 'x');
  for (const std::string& text : {std::string(""),
                                  std::string("viaduct.sock"),
                                  std::string("unix://"),
                                  std::string("unix://relative"),
                                  std::string("unix:///"),
                                  std::string("unix:///a%0"),
                                  std::string("unix:///a%00b"),
                                  std::string("unix:///a%zz"),
                                  long_path,
                                  std::string("http://a:1"),
                                  std::string("vsock://x:1"),
                                  std::string("vsock://1"),
                                  std::string("vsock://1:"),
                                  std::string("vsock://99999999999:1"),
                                  std::string("tcp://:1"),
                                  std::string("tcp://h:0"),
                                  std::string("tcp://h:65536"),
                                  std::string("tcp://h:-1"),
                                  std::string("tcp://h:1x"),
                                  std::string("tcp://a b:7"),
                                  std::string("unix:///x?region=gpu"),
                                  std::string("unix:///x?"),
                                  std::string("unix:///x?size=1")}) {
    const auto url = parse_url(text);
    ASSERT_FALSE(url) << text;
    EXPECT_EQ(url.error().code, Errc::bad_data) << text;
    EXPECT_STRNE(url.error().where, "") << text;
  }
}

class StandardPlaces : public testing::Test {
 protected:
  void TearDown() override {
    ::unsetenv("VIADUCT_URL");
    ::unsetenv("XDG_RUNTIME_DIR");
  }
};

TEST_F(StandardPlaces, AnExplicitUrlIsTheOnlyPlaceTried) {
  ::setenv("VIADUCT_URL", "unix:///here", 1);
  ::setenv("XDG_RUNTIME_DIR", "/run/user/1", 1);
  EXPECT_EQ(standard_places("/nonexistent"), std::vector<std::string>{"unix:///here"});
}

TEST_F(StandardPlaces, TheUsersRuntimeDirectoryComesBeforeTheSystems) {
  ::unsetenv("VIADUCT_URL");
  ::setenv("XDG_RUNTIME_DIR", "/run/user/1", 1);
  const std::vector<std::string> expected{"unix:///run/user/1/viaduct/viaduct.sock",
                                          "unix:///run/viaduct/viaduct.sock"};
  EXPECT_EQ(standard_places("/nonexistent"), expected);
  ::setenv("XDG_RUNTIME_DIR", "", 1);
  EXPECT_EQ(standard_places("/nonexistent"), std::vector<std::string>{expected[1]});
}

TEST_F(StandardPlaces, TheMachinesFileTakesThePlaceOfTheSystemsSocket) {
  ::unsetenv("VIADUCT_URL");
  ::unsetenv("XDG_RUNTIME_DIR");
  const std::string file = testing::TempDir() + "/viaduct-url-" + std::to_string(::getpid());
  std::ofstream(file) << "# the host\n\n  tcp://10.0.2.2:7777 \r\nvsock://host:7777\n";
  const std::vector<std::string> expected{"tcp://10.0.2.2:7777", "vsock://host:7777"};
  EXPECT_EQ(standard_places(file.c_str()), expected);
  std::ofstream(file) << "# none yet\n";
  EXPECT_EQ(standard_places(file.c_str()), std::vector<std::string>{"unix:///run/viaduct/viaduct.sock"});
  ::setenv("VIADUCT_URL", "unix:///here", 1);
  EXPECT_EQ(standard_places(file.c_str()), std::vector<std::string>{"unix:///here"});
  ::unlink(file.c_str());
}

}  // namespace
}  // namespace viaduct::transport
