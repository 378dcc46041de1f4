#include "host-renderer/daemon/net_sockets.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>

#include <cstring>
#include <filesystem>
#include <fstream>

#include "transport/stream/net_stream.hpp"

namespace viaduct::host::daemon {
namespace {

namespace fs = std::filesystem;

bool is_private(const char* text) {
  sockaddr_storage storage{};
  auto& four = reinterpret_cast<sockaddr_in&>(storage);
  auto& six = reinterpret_cast<sockaddr_in6&>(storage);
  if (::inet_pton(AF_INET, text, &four.sin_addr) == 1) {
    four.sin_family = AF_INET;
  } else if (::inet_pton(AF_INET6, text, &six.sin6_addr) == 1) {
    six.sin6_family = AF_INET6;
  } else {
    ADD_FAILURE() << text;
  }
  return is_private_address(reinterpret_cast<const sockaddr&>(storage));
}

TEST(PrivateAddresses, are_loopback_rfc_1918_unique_local_and_link_local) {
  for (const char* text :
       {"127.0.0.1", "127.255.0.9", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.122.1",
        "169.254.1.1", "::1", "fc00::1", "fd12:3456::1", "fe80::1", "::ffff:10.1.2.3"}) {
    EXPECT_TRUE(is_private(text)) << text;
  }
}

TEST(PrivateAddresses, are_no_others_and_not_every_address) {
  for (const char* text :
       {"0.0.0.0", "8.8.8.8", "11.0.0.1", "172.15.0.1", "172.32.0.1", "192.169.0.1", "100.64.0.1",
        "169.253.0.1", "::", "2001:db8::1", "fe00::1", "ff02::1", "::ffff:8.8.8.8"}) {
    EXPECT_FALSE(is_private(text)) << text;
  }
}

transport::Url url_of(const std::string& text) { return *transport::parse_url(text); }

// The port that the system chose.
uint32_t port_of(int socket) {
  sockaddr_in address{};
  socklen_t size = sizeof(address);
  ::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size);
  return ntohs(address.sin_port);
}

TEST(ListenOnNet, takes_a_loopback_address_and_knows_its_peers) {
  transport::Url url = url_of("tcp://127.0.0.1:1");
  url.port = 0;
  const auto socket = listen_on_net(url, false);
  ASSERT_TRUE(socket) << socket.error();
  const auto client =
      transport::NetStream::connect_tcp("127.0.0.1", port_of(socket->get()), Deadline::after_ms(5000));
  ASSERT_TRUE(client);
  const UniqueFd accepted(::accept(socket->get(), nullptr, nullptr));
  const NetPeer peer = net_peer_of(accepted.get());
  EXPECT_EQ(peer.machine, "127.0.0.1");
  EXPECT_EQ(peer.text.find("127.0.0.1 port "), 0u) << peer.text;
  EXPECT_FALSE(peer.cid.has_value());
}

TEST(ListenOnNet, refuses_what_anybody_may_reach_unless_told) {
  const auto refused = listen_on_net(url_of("tcp://0.0.0.0:7707"), false);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().find("allow_public_tcp = true"), std::string::npos) << refused.error();
  EXPECT_FALSE(listen_on_net(url_of("tcp://8.8.8.8:7707"), false));
  transport::Url any = url_of("tcp://0.0.0.0:7707");
  any.port = 0;
  EXPECT_TRUE(listen_on_net(any, true));
}

TEST(ListenOnNet, says_what_is_wrong) {
  const auto error = [](const transport::Url& url, bool allow_public = false) {
    const auto socket = listen_on_net(url, allow_public);
    return socket ? "none" : socket.error();
  };
  EXPECT_NE(error(url_of("tcp://gpu.example:7707")).find("is no IP address"), std::string::npos);
  EXPECT_NE(error(url_of("tcp://192.0.2.77:7707"), true).find("no interface of this machine"),
            std::string::npos);
  transport::Url url = url_of("tcp://127.0.0.1:1");
  url.port = 0;
  const auto first = listen_on_net(url, false);
  ASSERT_TRUE(first);
  url.port = port_of(first->get());
  EXPECT_NE(error(url).find("another service listens there"), std::string::npos);
  EXPECT_NE(error(url_of("vsock://3:7707")).find("vsock://any:7707"), std::string::npos);
}

class TokenFiles : public testing::Test {
 protected:
  TokenFiles() {
    char pattern[] = "/tmp/viaduct-tokens-XXXXXX";
    folder_ = ::mkdtemp(pattern);
  }
  ~TokenFiles() override { fs::remove_all(folder_); }
  void tenant(const std::string& name, const std::string& token) {
    const std::string path = folder_ + "/" + name;
    std::ofstream(path) << token << "\n";
    config_.tenants[name].token_file = path;
  }

  std::string folder_;
  Config config_;
};

TEST_F(TokenFiles, are_read_for_the_tenants_that_have_one) {
  tenant("a", "0123456789abcdef-a");
  tenant("b", "0123456789abcdef-b");
  config_.tenants["c"];
  const auto tokens = load_tokens(config_);
  ASSERT_TRUE(tokens) << tokens.error();
  EXPECT_EQ(*tokens, (Tokens{{"a", "0123456789abcdef-a"}, {"b", "0123456789abcdef-b"}}));
}

TEST_F(TokenFiles, that_are_wrong_are_named_and_their_content_is_not) {
  tenant("a", "short-secret");
  auto tokens = load_tokens(config_);
  ASSERT_FALSE(tokens);
  EXPECT_NE(tokens.error().find("tenant a: token_file " + folder_ + "/a"), std::string::npos);
  EXPECT_EQ(tokens.error().find("short-secret"), std::string::npos);

  config_.tenants["a"].token_file = folder_ + "/missing";
  tokens = load_tokens(config_);
  ASSERT_FALSE(tokens);
  EXPECT_NE(tokens.error().find("viaductctl vm add"), std::string::npos) << tokens.error();

  tenant("a", "0123456789abcdef");
  tenant("b", "0123456789abcdef");
  tokens = load_tokens(config_);
  ASSERT_FALSE(tokens);
  EXPECT_EQ(tokens.error(), "tenants a and b have the same token; each needs one of its own");
}

}  // namespace
}  // namespace viaduct::host::daemon
