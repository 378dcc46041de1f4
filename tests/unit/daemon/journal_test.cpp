#include "host-renderer/daemon/journal.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>

#include "base/unique_fd.hpp"

namespace viaduct::host::daemon {
namespace {

TEST(JournalFields, of_a_line_about_a_session_name_it) {
  EXPECT_EQ(journal_fields({LogLevel::warn, "session",
                            "viaduct daemon [1] warn session: session 3 (tenant alice, x",
                            "session 3 (tenant alice, cube (tenant bob, 1), pid 7) ended"}),
            "MESSAGE=viaduct daemon [1] warn session: session 3 (tenant alice, x\n"
            "PRIORITY=4\nSYSLOG_IDENTIFIER=viaductd\nVIADUCT_SIDE=daemon\nVIADUCT_COMPONENT=session\n"
            "VIADUCT_TENANT=alice\nVIADUCT_SESSION=3\n");
  EXPECT_EQ(journal_fields({LogLevel::info, "daemon", "line", "listening on (tenant x, y"}),
            "MESSAGE=line\nPRIORITY=6\nSYSLOG_IDENTIFIER=viaductd\nVIADUCT_SIDE=daemon\nVIADUCT_COMPONENT="
            "daemon\n");
}

TEST(JournalFields, of_a_workers_line_have_its_level_and_the_session_that_the_daemon_knows) {
  EXPECT_EQ(
      journal_fields("viaduct worker tenant=bob session=9 [2] error decode: bad data",
                     "tenant=alice session=3"),
      "MESSAGE=viaduct worker tenant=bob session=9 [2] error decode: bad data\nPRIORITY=3\n"
      "SYSLOG_IDENTIFIER=viaductd\nVIADUCT_SIDE=worker\nVIADUCT_COMPONENT=decode\nVIADUCT_TENANT=alice\n"
      "VIADUCT_SESSION=3\n");
  EXPECT_EQ(
      journal_fields("viaduct driver tenant=alice session=3: MESA: hello", "tenant=alice session=3"),
      "MESSAGE=viaduct driver tenant=alice session=3: MESA: hello\nPRIORITY=6\nSYSLOG_IDENTIFIER=viaductd\n"
      "VIADUCT_SIDE=driver\nVIADUCT_TENANT=alice\nVIADUCT_SESSION=3\n");
}

TEST(JournalFields, of_an_odd_line_are_few) {
  for (const char* line :
       {"viaduct worker ", "viaduct worker [", "viaduct worker [2] ", "viaduct worker [2] error",
        "viaduct worker [2] error decode", "viaduct worker [2] off x: y"}) {
    const std::string fields = journal_fields(line, "");
    EXPECT_EQ(fields.find(std::string("MESSAGE=") + line + "\nPRIORITY="), 0u) << fields;
    EXPECT_EQ(fields.find("VIADUCT_COMPONENT"), std::string::npos) << fields;
  }
}

TEST(Journal, is_standard_errors_where_the_variable_names_it) {
  ::unsetenv("JOURNAL_STREAM");
  EXPECT_FALSE(stderr_is_the_journals());
  struct stat status {};
  ASSERT_EQ(::fstat(STDERR_FILENO, &status), 0);
  ::setenv("JOURNAL_STREAM", (std::to_string(status.st_dev) + ":" + std::to_string(status.st_ino)).c_str(),
           1);
  EXPECT_TRUE(stderr_is_the_journals());
  ::setenv("JOURNAL_STREAM",
           (std::to_string(status.st_dev) + ":" + std::to_string(status.st_ino + 1)).c_str(), 1);
  EXPECT_FALSE(stderr_is_the_journals());
  ::unsetenv("JOURNAL_STREAM");
}

TEST(Journal, takes_lines_and_what_it_does_not_take_is_written) {
  EXPECT_FALSE(log_to_journal("/nonexistent/journal"));
  EXPECT_FALSE(journal_take("line", ""));
  char pattern[] = "/tmp/viaduct-journal-XXXXXX";
  const std::string folder = ::mkdtemp(pattern);
  UniqueFd journal(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strcpy(address.sun_path, (folder + "/socket").c_str());
  ASSERT_EQ(::bind(journal.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  ASSERT_TRUE(log_to_journal(folder + "/socket"));
  const auto received = [&] {
    std::string text(4096, '\0');
    const ssize_t got = ::recv(journal.get(), text.data(), text.size(), 0);
    return got < 0 ? std::string() : text.substr(0, static_cast<std::size_t>(got));
  };

  VIADUCT_LOG_WARN("session", "session %d (tenant %s, x) ended\nMESSAGE=forged", 4, "alice");
  const std::string fields = received();
  EXPECT_NE(fields.find(" warn session: session 4 (tenant alice, x) ended?MESSAGE=forged\nPRIORITY=4\n"),
            std::string::npos)
      << fields;
  EXPECT_NE(fields.find("\nVIADUCT_TENANT=alice\nVIADUCT_SESSION=4\n"), std::string::npos) << fields;
  EXPECT_TRUE(journal_take("viaduct driver: hello", ""));
  EXPECT_EQ(received().find("MESSAGE=viaduct driver: hello\n"), 0u);

  journal.reset();
  int pipe[2];
  ASSERT_EQ(::pipe2(pipe, O_CLOEXEC), 0);
  log_configure_for_test("", pipe[1]);
  VIADUCT_LOG_WARN("daemon", "nobody takes this");
  char written[512];
  const ssize_t got = ::read(pipe[0], written, sizeof(written));
  EXPECT_NE(
      std::string(written, static_cast<std::size_t>(std::max<ssize_t>(got, 0))).find("nobody takes this\n"),
      std::string::npos);
  log_configure_for_test("", STDERR_FILENO);
  log_set_sink(nullptr);
  ::close(pipe[0]);
  ::close(pipe[1]);
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace viaduct::host::daemon
