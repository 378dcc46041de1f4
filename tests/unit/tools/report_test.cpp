#include "tools/report/report.hpp"

#include <gtest/gtest.h>

namespace viaduct::tools {
namespace {

Report mixed() {
  Report report;
  report.ok("one", "is well");
  report.warn("the second", "is so-so");
  report.wrong("third", "says \"no\"", "do this\nthen that");
  return report;
}

TEST(ReportTable, aligns_its_columns_and_puts_what_mends_below) {
  EXPECT_EQ(report_table(mixed(), "All is well."),
            "ok       one         is well\n"
            "warning  the second  is so-so\n"
            "WRONG    third       says \"no\"\n"
            "                     > do this\n"
            "                     > then that\n"
            "\n"
            "One thing is wrong; the lines that begin with > say what mends it.\n");
}

TEST(ReportTable, closes_with_the_good_word_where_nothing_is_wrong) {
  Report report;
  report.ok("one", "is well");
  EXPECT_EQ(report_table(report, "All is well."), "ok       one  is well\n\nAll is well.\n");
  report.warn("two", "is so-so");
  report.warn("three", "as well");
  EXPECT_TRUE(report_table(report, "All is well.").ends_with("\nAll is well. 2 things are worth knowing.\n"));
}

TEST(ReportJson, has_the_same_and_the_counts) {
  EXPECT_EQ(report_json(mixed()),
            "{\"checks\": [{\"check\": \"one\", \"state\": \"ok\", \"text\": \"is well\", \"mend\": \"\"}, "
            "{\"check\": \"the second\", \"state\": \"warning\", \"text\": \"is so-so\", \"mend\": \"\"}, "
            "{\"check\": \"third\", \"state\": \"wrong\", \"text\": \"says \\\"no\\\"\", "
            "\"mend\": \"do this\\u000athen that\"}], \"wrong\": 1, \"warnings\": 1}\n");
}

TEST(Report, only_what_is_wrong_makes_the_status_one) {
  Report report;
  report.ok("one", "is well");
  report.warn("two", "is so-so");
  EXPECT_EQ(report.exit_status(), 0);
  report.wrong("three", "is not", "do this");
  EXPECT_EQ(report.exit_status(), 1);
}

}  // namespace
}  // namespace viaduct::tools
