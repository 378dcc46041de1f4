#include "base/log.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <string>

#include "base/unique_fd.hpp"

namespace viaduct {
namespace {

class Log : public testing::Test {
 protected:
  void SetUp() override {
    int fds[2];
    ASSERT_EQ(::pipe2(fds, O_NONBLOCK | O_CLOEXEC), 0);
    read_end_.reset(fds[0]);
    write_end_.reset(fds[1]);
  }
  void TearDown() override { log_configure_for_test("", STDERR_FILENO); }

  void configure(const char* filter) { log_configure_for_test(filter, write_end_.get()); }
  std::string written() {
    std::string text(65536, '\0');
    const ssize_t n = ::read(read_end_.get(), text.data(), text.size());
    text.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
    return text;
  }

  UniqueFd read_end_;
  UniqueFd write_end_;
};

TEST_F(Log, WritesWarningsAndLeavesOutInformationByDefault) {
  configure("");
  VIADUCT_LOG_WARN("ring", "number %d", 7);
  VIADUCT_LOG_INFO("ring", "not this");
  const std::string text = written();
  EXPECT_NE(text.find("warn ring: number 7\n"), std::string::npos) << text;
  EXPECT_EQ(text.find("not this"), std::string::npos);
}

TEST_F(Log, FiltersByComponent) {
  configure("error,ring:debug");
  VIADUCT_LOG_DEBUG("ring", "in the ring");
  VIADUCT_LOG_WARN("daemon", "in the daemon");
  const std::string text = written();
  EXPECT_NE(text.find("in the ring"), std::string::npos);
  EXPECT_EQ(text.find("in the daemon"), std::string::npos);
}

TEST_F(Log, CarriesSideTenantAndSession) {
  configure("");
  log_set_context("worker", "alice", 17);
  VIADUCT_LOG_ERROR("decoder", "x");
  log_set_context("", "", 0);
  EXPECT_NE(written().find("viaduct worker tenant=alice session=17 ["), std::string::npos);
}

TEST_F(Log, CannotBeFloodedFromOneCallSite) {
  configure("");
  for (int i = 0; i < 10000; ++i) VIADUCT_LOG_WARN("ring", "line %d", i);
  const std::string text = written();
  const auto lines = std::count(text.begin(), text.end(), '\n');
  EXPECT_GE(lines, 1);
  EXPECT_LE(lines, 3 * kLogBurst);  // the loop may straddle seconds
}

TEST_F(Log, KeepsAHostileTextOnOneLineOfBoundedLength) {
  configure("");
  const std::string evil = "a\nviaductd: all is well\x1b[2J" + std::string(5000, 'b');
  VIADUCT_LOG_WARN("decoder", "%s", evil.c_str());
  const std::string text = written();
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 1);
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
  EXPECT_LE(text.size(), 1024u);
}

}  // namespace
}  // namespace viaduct
