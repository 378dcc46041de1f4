#include "base/switches.hpp"

#include <gtest/gtest.h>

namespace viaduct {
namespace {

TEST(Switches, OptimisationsAreOnUntilSwitchedOffByName) {
  set_switches_for_test(nullptr, "no_memo,no_import");
  EXPECT_TRUE(perf_enabled(PerfSwitch::spin));
  EXPECT_FALSE(perf_enabled(PerfSwitch::memo));
  EXPECT_FALSE(perf_enabled(PerfSwitch::import));
  set_switches_for_test(nullptr, nullptr);
  EXPECT_TRUE(perf_enabled(PerfSwitch::memo));
}

TEST(Switches, DebugWordsAreOffUntilNamedAndUnknownOnesAreReported) {
  testing::internal::CaptureStderr();
  set_switches_for_test("commands,,nonsense", "");
  const std::string text = testing::internal::GetCapturedStderr();
  EXPECT_TRUE(debug_enabled(DebugSwitch::commands));
  EXPECT_FALSE(debug_enabled(DebugSwitch::all_logs));
  EXPECT_NE(text.find("nonsense"), std::string::npos);
  set_switches_for_test("", "");
}

TEST(Switches, HelpListsEverySwitchOfBothTables) {
  testing::internal::CaptureStderr();
  set_switches_for_test("help", "");
  const std::string text = testing::internal::GetCapturedStderr();
#define VIADUCT_ROW(name, what) EXPECT_NE(text.find("no_" #name), std::string::npos);
  VIADUCT_PERF_SWITCHES(VIADUCT_ROW)
#undef VIADUCT_ROW
#define VIADUCT_ROW(name, what) EXPECT_NE(text.find(" " #name), std::string::npos);
  VIADUCT_DEBUG_SWITCHES(VIADUCT_ROW)
#undef VIADUCT_ROW
}

}  // namespace
}  // namespace viaduct
