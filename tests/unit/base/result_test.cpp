#include "base/result.hpp"

#include <gtest/gtest.h>
#include <sys/mman.h>

#include <cerrno>

#include "base/clock.hpp"
#include "base/mapping.hpp"
#include "base/unique_fd.hpp"

namespace viaduct {
namespace {

Result<int> always_fails() { return fail(Errc::refused, "connect", ECONNREFUSED); }

TEST(Result, AnErrorTellsWhereWhatAndWhy) {
  const auto result = always_fails();
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, Errc::refused);
  EXPECT_EQ(to_string(result.error()), "connect: refused (Connection refused)");
}

TEST(UniqueFd, ClosesWhatItOwnsExactlyOnce) {
  const int raw = ::dup(0);
  ASSERT_GE(raw, 0);
  {
    UniqueFd fd(raw);
    UniqueFd moved(std::move(fd));
    EXPECT_FALSE(fd);
    EXPECT_EQ(moved.get(), raw);
  }
  EXPECT_EQ(::fcntl(raw, F_GETFD), -1);
}

TEST(Mapping, TwoMappingsOfOneFileShowTheSameBytes) {
  const UniqueFd fd(::memfd_create("mapping_test", MFD_CLOEXEC));
  ASSERT_EQ(::ftruncate(fd.get(), 8192), 0);
  const auto first = Mapping::map(fd.get(), 8192);
  const auto second = Mapping::map(fd.get(), 4096, 4096, false);
  ASSERT_TRUE(first && second);
  first->span()[5000] = std::byte{42};
  EXPECT_EQ(second->span()[5000 - 4096], std::byte{42});
}

TEST(Mapping, TellsWhyItFailed) {
  const auto mapping = Mapping::map(-1, 4096);
  ASSERT_FALSE(mapping);
  EXPECT_EQ(mapping.error().sys_errno, EBADF);
}

TEST(Deadline, ExpiresAfterItsTimeAndNeverSaturates) {
  EXPECT_TRUE(Deadline::after_ms(0).expired());
  EXPECT_FALSE(Deadline::after_ms(10'000).expired());
  EXPECT_FALSE(Deadline::never().expired());
  EXPECT_EQ(Deadline::never().remaining_ms(), -1);
  EXPECT_TRUE(Deadline::after_ns(~std::uint64_t{0}).is_never());
  const int left = Deadline::after_ms(10'000).remaining_ms();
  EXPECT_GT(left, 5'000);
  EXPECT_LE(left, 10'000);
}

}  // namespace
}  // namespace viaduct
