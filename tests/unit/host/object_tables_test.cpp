#include "host-renderer/objects/object_tables.hpp"

#include <gtest/gtest.h>

namespace viaduct::host {
namespace {

using protocol::make_id;
using protocol::ObjectId;
using protocol::ObjectType;

ObjectId id(std::uint32_t index, std::uint32_t generation, ObjectType type = ObjectType::kBuffer) {
  return make_id(type, std::uint64_t{generation} << 32 | index);
}

TEST(ObjectTables, FindsWhatWasInsertedUntilItIsErased) {
  ObjectTables tables;
  int object = 0;
  ASSERT_TRUE(tables.insert(ObjectType::kBuffer, id(7, 1), 0xabc, &object));
  ASSERT_NE(tables.find(ObjectType::kBuffer, id(7, 1)), nullptr);
  EXPECT_EQ(tables.find(ObjectType::kBuffer, id(7, 1))->driver, 0xabcu);
  EXPECT_EQ(tables.object<int>(ObjectType::kBuffer, id(7, 1)), &object);
  EXPECT_EQ(tables.live(), 1u);
  tables.erase(ObjectType::kBuffer, id(7, 1));
  EXPECT_EQ(tables.find(ObjectType::kBuffer, id(7, 1)), nullptr);
  EXPECT_EQ(tables.live(), 0u);
}

TEST(ObjectTables, AnOldGenerationIsStaleAfterItsIndexWasUsedAgain) {
  ObjectTables tables;
  ASSERT_TRUE(tables.insert(ObjectType::kBuffer, id(3, 1), 1));
  tables.erase(ObjectType::kBuffer, id(3, 1));
  ASSERT_TRUE(tables.insert(ObjectType::kBuffer, id(3, 2), 2));
  EXPECT_EQ(tables.find(ObjectType::kBuffer, id(3, 1)), nullptr);
  tables.erase(ObjectType::kBuffer, id(3, 1));
  EXPECT_NE(tables.find(ObjectType::kBuffer, id(3, 2)), nullptr)
      << "erasing a stale name must not hit its successor";
}

TEST(ObjectTables, RefusesNamesThatAreMalformed) {
  ObjectTables tables(16);
  EXPECT_FALSE(tables.insert(ObjectType::kBuffer, id(16, 1), 1)) << "beyond the session's limit";
  EXPECT_FALSE(tables.insert(ObjectType::kBuffer, id(0, 0), 1)) << "generation 0";
  EXPECT_FALSE(tables.insert(ObjectType::kBuffer, id(0, 1, ObjectType::kImage), 1)) << "another type";
  EXPECT_FALSE(
      tables.insert(static_cast<ObjectType>(255), make_id(static_cast<ObjectType>(255), 1ull << 32), 1));
  EXPECT_TRUE(tables.insert(ObjectType::kBuffer, id(15, 1), 1));
}

TEST(ObjectTables, LookupsOfAnyNameStayInside) {
  ObjectTables tables(16);
  ASSERT_TRUE(tables.insert(ObjectType::kBuffer, id(1, 1), 1));
  for (const ObjectId name : {ObjectId{0}, ~ObjectId{0}, id(0xffffff, 1), id(16, 1), id(1, 0xffffffffu)}) {
    EXPECT_EQ(tables.find(ObjectType::kBuffer, name), nullptr);
    tables.erase(ObjectType::kBuffer, name);
  }
  EXPECT_EQ(tables.find(ObjectType::kImage, id(1, 1)), nullptr);
}

TEST(ObjectTables, AFailedObjectIsNamedButNotAlive) {
  ObjectTables tables;
  ASSERT_TRUE(tables.insert_failed(ObjectType::kPipeline, id(2, 1, ObjectType::kPipeline)));
  EXPECT_EQ(tables.find(ObjectType::kPipeline, id(2, 1, ObjectType::kPipeline)), nullptr);
  const protocol::HandleSlot* slot =
      tables.tables().find(ObjectType::kPipeline, id(2, 1, ObjectType::kPipeline));
  ASSERT_NE(slot, nullptr);
  EXPECT_EQ(slot->flags, protocol::kSlotFailed);
}

TEST(ObjectTables, SlotsDoNotMoveWhenATableGrows) {
  ObjectTables tables;
  ASSERT_TRUE(tables.insert(ObjectType::kBuffer, id(0, 1), 1));
  const protocol::HandleSlot* first = tables.find(ObjectType::kBuffer, id(0, 1));
  ASSERT_TRUE(tables.insert(ObjectType::kBuffer, id(900'000, 1), 2));
  EXPECT_EQ(tables.find(ObjectType::kBuffer, id(0, 1)), first);
}

}  // namespace
}  // namespace viaduct::host
