// Guests of other machines: over TCP, whose tenant is known by its token.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <filesystem>
#include <fstream>

#include "tests/unit/daemon/daemon_process.hpp"

namespace viaduct::daemon_test {
namespace {

using protocol::RefusalCode;
using transport::FrameKind;

constexpr const char* kToken = "the-token-of-vm1-0123456789";

std::string free_port() {
  const UniqueFd socket(::socket(AF_INET, SOCK_STREAM, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), size);
  ::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &size);
  return std::to_string(ntohs(address.sin_port));
}

class Network : public testing::Test {
 protected:
  Network() : url_("tcp://127.0.0.1:" + free_port()) {
    char pattern[] = "/tmp/viaduct-network-XXXXXX";
    folder_ = ::mkdtemp(pattern);
    std::ofstream(folder_ + "/vm1") << kToken << "\n";
    daemon_ = std::make_unique<Daemon>(Daemon::Options{
        .arguments = {"--listen", url_},
        .environment = {},
        .config =
            "[pool]\nhandshake_timeout_ms = 1000\n[tenants.vm1]\ntoken_file = \"" + folder_ + "/vm1\"\n"});
  }
  ~Network() override { std::filesystem::remove_all(folder_); }

  [[nodiscard]] Guest hello(const std::string& token,
                            protocol::RegionKind takes = protocol::RegionKind::memfd) const {
    protocol::Hello hello;
    hello.pid = 77;
    hello.program = "ok";
    hello.regions = static_cast<uint32_t>(takes);
    hello.commands = {{1, 1}};
    hello.token = token;
    return Daemon::send_first(url_, FrameKind::session_hello, protocol::encode_hello(hello));
  }
  [[nodiscard]] Guest query(const std::string& token) const {
    return Daemon::send_first(url_, FrameKind::device_query, protocol::encode_device_query({.token = token}));
  }

  std::string url_;
  std::string folder_;
  std::unique_ptr<Daemon> daemon_;
};

TEST_F(Network, a_guest_without_the_token_is_told_what_to_do) {
  for (const std::string token : {"", "the-token-of-vm1-012345678X", "the-token-of-vm1"}) {
    const Guest guest = hello(token);
    EXPECT_EQ(guest.refusal_code(), RefusalCode::not_allowed) << daemon_->log();
    EXPECT_NE(guest.refusal().find("/etc/viaduct/token"), std::string::npos) << guest.refusal();
    EXPECT_TRUE(guest.hung_up_within(3000));
    EXPECT_EQ(query(token).refusal_code(), RefusalCode::not_allowed);
  }
  EXPECT_NE(daemon_->log().find("127.0.0.1 port "), std::string::npos) << daemon_->log();
}

TEST_F(Network, tokens_are_in_no_log) {
  (void)hello(kToken);
  (void)hello("a-wrong-token-nobody-has");
  EXPECT_TRUE(daemon_->wait_log("refused: the token is not that of any tenant")) << daemon_->log();
  EXPECT_EQ(daemon_->log().find(kToken), std::string::npos);
  EXPECT_EQ(daemon_->log().find("a-wrong-token-nobody-has"), std::string::npos);
}

TEST_F(Network, the_right_token_is_its_tenants) {
  const Guest guest = query(kToken);
  ASSERT_TRUE(guest.answered) << daemon_->log();
  EXPECT_EQ(guest.answer.kind, FrameKind::device_info) << guest.refusal();
}

TEST_F(Network, a_memfd_cannot_be_had_and_that_is_said) {
  const Guest guest = hello(kToken);
  EXPECT_EQ(guest.refusal_code(), RefusalCode::no_region) << daemon_->log();
  EXPECT_NE(guest.refusal().find("the guest takes memfd"), std::string::npos) << guest.refusal();
  EXPECT_TRUE(daemon_->wait_log("tenant vm1: 127.0.0.1 port ")) << daemon_->log();
}

TEST_F(Network, administration_is_not_done_from_there) {
  control::AdminRequest request;
  request.mutable_status();
  const std::string bytes = request.SerializeAsString();
  const Guest guest = Daemon::send_first(url_, FrameKind::admin_request, std::as_bytes(std::span(bytes)));
  ASSERT_TRUE(guest.answered);
  control::AdminReply reply;
  ASSERT_TRUE(
      reply.ParseFromArray(guest.answer.payload.data(), static_cast<int>(guest.answer.payload.size())));
  EXPECT_FALSE(reply.has_status());
  EXPECT_NE(reply.error().find("run viaductctl on the host itself"), std::string::npos) << reply.error();
}

TEST_F(Network, a_tenants_socket_on_this_machine_stays_as_it_is) {
  EXPECT_EQ(daemon_->guest("ok", "vm1").driver_name(), "fake driver of vm1") << daemon_->log();
}

TEST_F(Network, status_tells_by_which_doors_a_tenant_may_come) {
  const control::Status status = daemon_->status();
  std::vector<std::string> doors;
  for (const control::TenantStatus& tenant : status.tenants()) {
    if (tenant.name() == "vm1") doors.push_back(tenant.socket());
  }
  EXPECT_EQ(doors, (std::vector<std::string>{daemon_->socket() + ".d/vm1.sock", url_}));
}

TEST_F(Network, garbage_and_crowds_keep_nobody_out) {
  std::vector<std::unique_ptr<transport::Stream>> crowd;
  for (int i = 0; i < 100; ++i) {
    auto stream = transport::connect(*transport::parse_url(url_), Deadline::after_ms(5000));
    ASSERT_TRUE(stream);
    const std::string garbage = i % 2 == 0 ? "GET / HTTP/1.1\r\n\r\n and more" : "VD";
    (void)(*stream)->send(std::as_bytes(std::span(garbage)), {}, Deadline::after_ms(1000));
    crowd.push_back(std::move(*stream));
  }
  EXPECT_EQ(query(kToken).answer.kind, FrameKind::device_info) << daemon_->log();
  EXPECT_TRUE(daemon_->wait_log("too many unfinished handshakes")) << daemon_->log();
}

}  // namespace
}  // namespace viaduct::daemon_test
