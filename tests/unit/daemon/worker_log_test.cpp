#include "host-renderer/daemon/worker_log.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

namespace viaduct::host::daemon {
namespace {

class WorkerLogTest : public testing::Test {
 protected:
  WorkerLogTest() {
    int pipe[2];
    EXPECT_EQ(::pipe2(pipe, O_CLOEXEC | O_NONBLOCK), 0);
    worker_ = UniqueFd(pipe[1]);
    EXPECT_EQ(::pipe2(out_, O_CLOEXEC | O_NONBLOCK), 0);
    ::fcntl(out_[1], F_SETPIPE_SZ, 1 << 20);
    log_ = WorkerLog::start(loop_, UniqueFd(pipe[0]), out_[1]);
  }
  ~WorkerLogTest() override {
    ::close(out_[0]);
    ::close(out_[1]);
  }
  void print(const std::string& text) {
    ASSERT_EQ(::write(worker_.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
  }
  // Everything that came out once the worker is gone.
  std::string output() {
    worker_.reset();
    loop_.run();
    std::string text(1 << 20, '\0');
    const ssize_t got = ::read(out_[0], text.data(), text.size());
    text.resize(got < 0 ? 0 : static_cast<std::size_t>(got));
    return text;
  }

  boost::asio::io_context loop_;
  std::shared_ptr<WorkerLog> log_;
  UniqueFd worker_;
  int out_[2] = {-1, -1};
};

TEST_F(WorkerLogTest, passes_lines_on_and_ends_the_last_one) {
  print("one\ntwo\nthree");
  EXPECT_EQ(output(), "viaduct driver: one\nviaduct driver: two\nviaduct driver: three\n");
}

TEST_F(WorkerLogTest, joins_a_line_that_comes_in_pieces) {
  print("one ");
  loop_.run_for(std::chrono::milliseconds(20));
  print("line\n");
  EXPECT_EQ(output(), "viaduct driver: one line\n");
}

TEST_F(WorkerLogTest, marks_a_drivers_lines_with_their_session_and_leaves_the_workers_alone) {
  log_->set_label("tenant=alice session=3");
  print("viaduct worker tenant=alice session=3 [2] info x: y\nviaduct daemon: all is well\n");
  EXPECT_EQ(output(),
            "viaduct worker tenant=alice session=3 [2] info x: y\n"
            "viaduct driver tenant=alice session=3: viaduct daemon: all is well\n");
}

TEST_F(WorkerLogTest, takes_the_power_over_a_terminal_out_of_it) {
  print("\x1b]0;owned\x07\r\n");
  EXPECT_EQ(output(), "viaduct driver: ?]0;owned??\n");
}

TEST_F(WorkerLogTest, cuts_a_line_without_an_end) {
  print(std::string(5000, 'x'));
  EXPECT_EQ(output(), "viaduct driver: " + std::string(1024, 'x') + "\n");
}

TEST_F(WorkerLogTest, drops_a_flood_and_says_how_much) {
  std::string flood;
  for (int i = 0; i < 10'000; ++i) flood += "x\n";
  print(flood);
  loop_.run_for(std::chrono::milliseconds(100));
  print("after the flood\n");
  const std::string text = output();
  EXPECT_LT(std::count(text.begin(), text.end(), '\n'), 450);
  EXPECT_NE(text.find(" lines dropped) viaduct driver: after the flood"), std::string::npos)
      << text.substr(text.size() - 100);
}

}  // namespace
}  // namespace viaduct::host::daemon
