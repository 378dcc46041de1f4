#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <random>
#include <string>
#include <thread>

#include "transport/stream/connect.hpp"
#include "transport/stream/frame.hpp"
#include "transport/stream/unix_stream.hpp"

namespace viaduct::transport {
namespace {

std::span<const std::byte> bytes_of(const std::string& text) { return std::as_bytes(std::span(text)); }

struct StreamPair {
  explicit StreamPair(int type = SOCK_STREAM) {
    auto pair = make_socket_pair(type);
    a = std::make_unique<UnixStream>(std::move(pair->first));
    b = std::make_unique<UnixStream>(std::move(pair->second));
  }
  std::unique_ptr<UnixStream> a;
  std::unique_ptr<UnixStream> b;
};

Deadline soon() { return Deadline::after_ms(5000); }

int open_descriptors() {
  int count = 0;
  for (int fd = 0; fd < 1024; ++fd) count += ::fcntl(fd, F_GETFD) != -1 ? 1 : 0;
  return count;
}

class UnixSocketFile : public testing::Test {
 protected:
  void TearDown() override { ::unlink(path_.c_str()); }
  const std::string path_ =
      testing::TempDir() + "viaduct_stream_test_" + std::to_string(::getpid()) + ".sock";
};

TEST_F(UnixSocketFile, ConnectsToAListenerAndTellsWhoThePeerIs) {
  auto listener = UnixListener::listen(path_);
  ASSERT_TRUE(listener) << to_string(listener.error());
  Url url;
  url.path = path_;
  auto client = connect(url, soon());
  ASSERT_TRUE(client) << to_string(client.error());
  auto server = listener->accept(soon());
  ASSERT_TRUE(server);
  ASSERT_TRUE((*client)->send(bytes_of("hello"), {}, soon()));
  std::byte buffer[5];
  ASSERT_TRUE((*server)->receive_all(buffer, nullptr, soon()));
  EXPECT_EQ(std::memcmp(buffer, "hello", 5), 0);
  const auto peer = (*server)->peer();
  ASSERT_TRUE(peer);
  EXPECT_EQ(peer->pid, ::getpid());
  EXPECT_EQ(peer->uid, ::getuid());
}

TEST_F(UnixSocketFile, NobodyThereIsAnErrorAtOnce) {
  EXPECT_EQ(UnixStream::connect(path_, soon()).error().code, Errc::not_found);
  EXPECT_EQ(UnixStream::connect(std::string(300, 'x'), soon()).error().code, Errc::limit);
  { ASSERT_TRUE(UnixListener::listen(path_)); }
  EXPECT_EQ(::access(path_.c_str(), F_OK), -1) << "the listener leaves no file behind";
}

TEST_F(UnixSocketFile, AListenerWithAFullQueueCannotHoldAConnectBeyondItsDeadline) {
  ListenOptions options;
  options.backlog = 1;
  auto listener = UnixListener::listen(path_, options);
  ASSERT_TRUE(listener);
  std::vector<std::unique_ptr<UnixStream>> clients;
  const std::uint64_t start = now_ns();
  Errc code = Errc::ok;
  for (int i = 0; i < 8 && code == Errc::ok; ++i) {
    auto client = UnixStream::connect(path_, Deadline::after_ms(50));
    if (client) {
      clients.push_back(std::move(*client));
    } else {
      code = client.error().code;
    }
  }
  EXPECT_EQ(code, Errc::timeout);
  EXPECT_LT(now_ns() - start, 5'000'000'000u);
}

TEST_F(UnixSocketFile, ALiveListenerIsNotReplacedAndAStaleFileIs) {
  auto first = UnixListener::listen(path_);
  ASSERT_TRUE(first);
  EXPECT_EQ(UnixListener::listen(path_).error().code, Errc::refused);
  // A crash leaves the file: a child that listens and exits without clean-up.
  *first = UnixListener();
  const pid_t child = ::fork();
  if (child == 0) {
    auto listener = UnixListener::listen(path_);
    ::_exit(listener ? 0 : 1);
  }
  int status = 1;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_EQ(status, 0);
  ASSERT_EQ(::access(path_.c_str(), F_OK), 0);
  EXPECT_EQ(UnixStream::connect(path_, soon()).error().code, Errc::refused);
  auto second = UnixListener::listen(path_, {.mode = 0660});
  ASSERT_TRUE(second) << to_string(second.error());
  struct stat info;
  ASSERT_EQ(::stat(path_.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0660u);
}

TEST(Stream, DescriptorsTravelAndNameTheSameFile) {
  StreamPair pair;
  const UniqueFd memory(::memfd_create("stream_test", MFD_CLOEXEC));
  ASSERT_EQ(::ftruncate(memory.get(), 12345), 0);
  const int fds[] = {memory.get(), memory.get(), memory.get()};
  ASSERT_TRUE(pair.a->send(bytes_of("with three"), fds, soon()));
  std::vector<UniqueFd> received;
  std::byte buffer[10];
  ASSERT_TRUE(pair.b->receive_all(buffer, &received, soon()));
  ASSERT_EQ(received.size(), 3u);
  for (const UniqueFd& fd : received) {
    struct stat info;
    ASSERT_EQ(::fstat(fd.get(), &info), 0);
    EXPECT_EQ(info.st_size, 12345);
    EXPECT_NE(::fcntl(fd.get(), F_GETFD) & FD_CLOEXEC, 0);
  }
}

TEST(Stream, DescriptorsThatNobodyAskedForDoNotStay) {
  StreamPair pair;
  const int fds[] = {0, 0, 0, 0};
  const int before = open_descriptors();
  ASSERT_TRUE(pair.a->send(bytes_of("take these"), fds, soon()));
  std::byte buffer[10];
  ASSERT_TRUE(pair.b->receive_all(buffer, nullptr, soon()));
  EXPECT_EQ(open_descriptors(), before);
}

TEST(Stream, MessagesKeepTheirBoundsOnASequencedSocket) {
  StreamPair pair(SOCK_SEQPACKET);
  ASSERT_TRUE(pair.a->send(bytes_of("first"), {}, soon()));
  ASSERT_TRUE(pair.a->send(bytes_of("the second"), {}, soon()));
  std::byte buffer[64];
  EXPECT_EQ(pair.b->receive(buffer, nullptr, soon()).value(), 5u);
  EXPECT_EQ(pair.b->receive(buffer, nullptr, soon()).value(), 10u);
  ASSERT_TRUE(pair.a->send(bytes_of("too long"), {}, soon()));
  EXPECT_EQ(pair.b->receive(std::span(buffer).first(3), nullptr, soon()).error().code, Errc::bad_data);
}

TEST(Stream, ReceivingFromASilentPeerTimesOut) {
  StreamPair pair;
  std::byte buffer[1];
  const std::uint64_t start = now_ns();
  EXPECT_EQ(pair.a->receive(buffer, nullptr, Deadline::after_ms(30)).error().code, Errc::timeout);
  EXPECT_GE(now_ns() - start, 30'000'000u);
}

TEST(Stream, SendingToAPeerThatNeverReadsTimesOut) {
  StreamPair pair;
  const std::vector<std::byte> much(8 << 20);
  EXPECT_EQ(pair.a->send(much, {}, Deadline::after_ms(30)).error().code, Errc::timeout);
}

TEST(Stream, APeerThatClosesIsNoticedByEveryCall) {
  StreamPair pair;
  EXPECT_FALSE(pair.a->hung_up());
  pair.b.reset();
  EXPECT_TRUE(pair.a->hung_up());
  std::byte buffer[1];
  EXPECT_EQ(pair.a->receive(buffer, nullptr, soon()).error().code, Errc::closed);
  EXPECT_EQ(pair.a->send(bytes_of("x"), {}, soon()).error().code, Errc::closed);
}

TEST(Stream, LargeMessagesArriveWhole) {
  StreamPair pair;
  std::vector<std::byte> sent(4 << 20);
  for (std::size_t i = 0; i < sent.size(); ++i) sent[i] = static_cast<std::byte>(i >> 3);
  std::thread sender([&] { EXPECT_TRUE(pair.a->send(sent, {}, soon())); });
  std::vector<std::byte> received(sent.size());
  EXPECT_TRUE(pair.b->receive_all(received, nullptr, soon()));
  sender.join();
  EXPECT_EQ(sent, received);
}

TEST(FrameTest, ArrivesWithItsKindPayloadAndDescriptors) {
  StreamPair pair;
  const int fds[] = {0};
  ASSERT_TRUE(write_frame(*pair.a, FrameKind::welcome, bytes_of("payload"), fds, soon()));
  ASSERT_TRUE(write_frame(*pair.a, FrameKind::refused, {}, {}, soon()));
  const auto first = read_frame(*pair.b, soon(), {.accept_fds = true});
  ASSERT_TRUE(first) << to_string(first.error());
  EXPECT_EQ(first->kind, FrameKind::welcome);
  EXPECT_EQ(first->payload.size(), 7u);
  EXPECT_EQ(std::memcmp(first->payload.data(), "payload", 7), 0);
  EXPECT_EQ(first->fds.size(), 1u);
  const auto second = read_frame(*pair.b, soon());
  ASSERT_TRUE(second);
  EXPECT_EQ(second->kind, FrameKind::refused);
  EXPECT_TRUE(second->payload.empty());
}

TEST(FrameTest, EachWrongHeaderFieldIsRefused) {
  const FrameHeader good = make_frame_header(FrameKind::session_hello, 16);
  const auto check = [](FrameHeader header) {
    std::array<std::byte, sizeof(header)> bytes;
    std::memcpy(bytes.data(), &header, sizeof(header));
    return check_frame_header(bytes);
  };
  EXPECT_TRUE(check(good));
  FrameHeader bad = good;
  bad.magic ^= 1;
  EXPECT_EQ(check(bad).error().code, Errc::bad_data);
  bad = good;
  bad.version = 2;
  EXPECT_EQ(check(bad).error().code, Errc::incompatible);
  bad = good;
  bad.payload_size = kMaxFramePayload + 1;
  EXPECT_EQ(check(bad).error().code, Errc::bad_data);
  bad = good;
  bad.reserved = 1;
  EXPECT_EQ(check(bad).error().code, Errc::bad_data);
}

TEST(FrameTest, RandomBytesAreRefused) {
  std::mt19937 random(3);
  for (int i = 0; i < 200; ++i) {
    StreamPair pair;
    std::vector<std::byte> garbage(1 + random() % 200);
    for (auto& byte : garbage) byte = static_cast<std::byte>(random());
    ASSERT_TRUE(pair.a->send(garbage, {}, soon()));
    pair.a.reset();
    EXPECT_FALSE(read_frame(*pair.b, soon()));
  }
}

TEST(FrameTest, AFrameThatEndsTooEarlyIsAClosedStreamAndOneThatStallsTimesOut) {
  const FrameHeader header = make_frame_header(FrameKind::session_hello, 100);
  {
    StreamPair pair;
    ASSERT_TRUE(pair.a->send(std::as_bytes(std::span(&header, 1)), {}, soon()));
    EXPECT_EQ(read_frame(*pair.b, Deadline::after_ms(30)).error().code, Errc::timeout);
  }
  StreamPair pair;
  ASSERT_TRUE(pair.a->send(std::as_bytes(std::span(&header, 1)), {}, soon()));
  pair.a.reset();
  EXPECT_EQ(read_frame(*pair.b, soon()).error().code, Errc::closed);
}

}  // namespace
}  // namespace viaduct::transport
