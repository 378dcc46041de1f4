#include "base/trace.hpp"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <fstream>
#include <sstream>
#include <string>
#include <thread>

namespace viaduct {
namespace {

// One test, since a process opens its trace once.
TEST(Trace, SpansOfAllThreadsLandInTheFileWithTheirSequenceNumbers) {
  const std::string path = testing::TempDir() + "viaduct_trace_test_" + std::to_string(::getpid()) + ".json";
  ::setenv("VIADUCT_TRACE", path.c_str(), 1);
  trace_start();
  ::unsetenv("VIADUCT_TRACE");
  { VIADUCT_TRACE_SPAN("decode", 4711); }
  std::thread([] { VIADUCT_TRACE_SPAN("record", 4712); }).join();
  trace_flush();
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  ::unlink(path.c_str());
  EXPECT_EQ(text.str().substr(0, 2), "[\n");
  EXPECT_NE(text.str().find("\"name\":\"decode\",\"ph\":\"X\""), std::string::npos) << text.str();
  EXPECT_NE(text.str().find("\"args\":{\"seq\":4711}"), std::string::npos);
  EXPECT_NE(text.str().find("\"args\":{\"seq\":4712}"), std::string::npos);
}

}  // namespace
}  // namespace viaduct
