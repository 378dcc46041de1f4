#include <gtest/gtest.h>

#include "guest-icd/session/memo_cache.hpp"

#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace viaduct::guest {
namespace {

std::span<const std::byte> bytes(const std::string& text) { return std::as_bytes(std::span(text)); }

std::string found(const MemoCache& memo, const std::string& key) {
  std::string reply = "(nothing)";
  memo.find(bytes(key), [&](std::span<const std::byte> got) {
    reply.assign(reinterpret_cast<const char*>(got.data()), got.size());
  });
  return reply;
}

TEST(MemoCache, AnswersExactlyTheKeysItWasGiven) {
  auto memo = std::make_unique<MemoCache>();
  memo->insert(bytes("format 37"), bytes("features"));
  memo->insert(bytes("format 38"), bytes(""));
  EXPECT_EQ(found(*memo, "format 37"), "features");
  EXPECT_EQ(found(*memo, "format 38"), "");
  EXPECT_EQ(found(*memo, "format 3"), "(nothing)");
}

TEST(MemoCache, RepliesAreAlignedForA64BitReader) {
  auto memo = std::make_unique<MemoCache>();
  for (std::size_t size = 1; size < 20; ++size) {
    const std::string key(size, 'k');
    memo->insert(bytes(key), bytes("12345678"));
    EXPECT_TRUE(memo->find(bytes(key), [](std::span<const std::byte> reply) {
      EXPECT_EQ(reinterpret_cast<std::uintptr_t>(reply.data()) % 8, 0u);
    }));
  }
}

TEST(MemoCache, StopsRememberingAtItsLimitAndKeepsWhatItHas) {
  auto memo = std::make_unique<MemoCache>(1024);
  for (int i = 0; i < 100; ++i) memo->insert(bytes("key " + std::to_string(i)), bytes(std::string(64, 'x')));
  EXPECT_LE(memo->bytes(), 1024u);
  EXPECT_EQ(found(*memo, "key 0"), std::string(64, 'x'));
  EXPECT_EQ(found(*memo, "key 99"), "(nothing)");
}

TEST(MemoCache, SwitchedOffRemembersNothing) {
  auto memo = std::make_unique<MemoCache>(1024, false);
  memo->insert(bytes("key"), bytes("value"));
  EXPECT_EQ(found(*memo, "key"), "(nothing)");
}

TEST(MemoCache, ReadersNeverSeeAnEntryHalfWritten) {
  auto memo = std::make_unique<MemoCache>();
  std::thread writer([&] {
    for (int i = 0; i < 2000; ++i)
      memo->insert(bytes("k" + std::to_string(i)), bytes("v" + std::to_string(i)));
  });
  std::vector<std::thread> readers;
  for (int r = 0; r < 2; ++r) {
    readers.emplace_back([&] {
      for (int i = 0; i < 2000; ++i) {
        const std::string reply = found(*memo, "k" + std::to_string(i));
        EXPECT_TRUE(reply == "(nothing)" || reply == "v" + std::to_string(i));
      }
    });
  }
  writer.join();
  for (auto& reader : readers) reader.join();
  EXPECT_EQ(found(*memo, "k1999"), "v1999");
}

}  // namespace
}  // namespace viaduct::guest
