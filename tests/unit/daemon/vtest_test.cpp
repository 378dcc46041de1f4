// What tells a connection of Mesa's virpipe from a frame, and what its server says when it begins.
#include "host-renderer/daemon/vtest.hpp"

#include <gtest/gtest.h>

#include "generated/protocol/control/control.pb.h"
#include "host-renderer/gl/ready_message.hpp"
#include "transport/stream/frame.hpp"

namespace viaduct::host::daemon {
namespace {

std::vector<std::byte> opening(uint32_t length, uint32_t command, const std::string& body) {
  std::vector<std::byte> bytes(8 + body.size());
  std::memcpy(bytes.data(), &length, 4);
  std::memcpy(bytes.data() + 4, &command, 4);
  std::memcpy(bytes.data() + 8, body.data(), body.size());
  return bytes;
}

using Kind = VtestOpening::Kind;

TEST(Vtest, an_opening_names_the_program) {
  const auto found = look_for_vtest(opening(8, 8, std::string("glxinfo\0", 8)));
  EXPECT_EQ(found.kind, Kind::vtest);
  EXPECT_EQ(found.program, "glxinfo");
}

TEST(Vtest, nothing_is_decided_before_the_name_is_there) {
  const auto whole = opening(8, 8, std::string("glxinfo\0", 8));
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_EQ(look_for_vtest(std::span(whole).first(size)).kind, Kind::unknown_yet) << size;
  }
}

TEST(Vtest, a_name_is_cut_and_made_printable) {
  const auto found = look_for_vtest(opening(4096, 8, "a\x1b[31m" + std::string(200, 'x')));
  EXPECT_EQ(found.kind, Kind::vtest);
  EXPECT_EQ(found.program.size(), 63u);
  EXPECT_EQ(found.program.substr(0, 6), "a?[31m");
}

TEST(Vtest, a_frame_is_none) {
  const auto header = transport::make_frame_header(transport::FrameKind::session_hello, 100);
  EXPECT_EQ(look_for_vtest(std::as_bytes(std::span(&header, 1))).kind, Kind::something_else);
}

TEST(Vtest, other_commands_and_absurd_lengths_are_none) {
  EXPECT_EQ(look_for_vtest(opening(0, 8, "")).kind, Kind::something_else);
  EXPECT_EQ(look_for_vtest(opening(4097, 8, "x")).kind, Kind::something_else);
  EXPECT_EQ(look_for_vtest(opening(2, 6, "x")).kind, Kind::something_else);
}

TEST(Vtest, the_servers_word_is_what_the_daemon_reads) {
  control::ToDaemon message;
  ASSERT_TRUE(message.ParseFromString(gl::ready_message("")));
  EXPECT_TRUE(message.ready().locked_down());
  ASSERT_TRUE(message.ParseFromString(gl::ready_message(std::string(500, 'e'))));
  EXPECT_FALSE(message.ready().locked_down());
  EXPECT_EQ(message.ready().lockdown_error(), std::string(120, 'e'));
}

}  // namespace
}  // namespace viaduct::host::daemon
