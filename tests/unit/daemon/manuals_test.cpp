// What `--help` lists stands in the manual, and the other way round.
#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <fstream>
#include <memory>
#include <regex>
#include <set>
#include <sstream>
#include <string>

namespace viaduct {
namespace {

std::string help_of(const std::string& program) {
  const std::string command = std::string(VIADUCT_BIN) + "/" + program + " --help";
  const std::unique_ptr<FILE, int (*)(FILE*)> pipe(::popen(command.c_str(), "r"), &::pclose);
  std::string text;
  std::array<char, 4096> buffer{};
  while (const std::size_t got = std::fread(buffer.data(), 1, buffer.size(), pipe.get()))
    text.append(buffer.data(), got);
  return text;
}

std::string manual_of(const std::string& page) {
  std::ifstream file(std::string(VIADUCT_MANUALS) + "/" + page);
  std::ostringstream text;
  text << file.rdbuf();
  // In roff a hyphen that is to stay one is written \-.
  return std::regex_replace(text.str(), std::regex(R"(\\-)"), "-");
}

std::set<std::string> options_in(const std::string& text) {
  std::set<std::string> found;
  const std::regex option(R"((^|[^-\w])(--[a-z][a-z-]*))");
  for (std::sregex_iterator at(text.begin(), text.end(), option), end; at != end; ++at)
    found.insert((*at)[2]);
  return found;
}

class Manuals : public testing::TestWithParam<std::pair<const char*, const char*>> {};

TEST_P(Manuals, and_help_name_the_same_options) {
  const auto [program, page] = GetParam();
  const auto help = options_in(help_of(program));
  const auto manual = options_in(manual_of(page));
  EXPECT_GE(help.size(), 4u);
  EXPECT_EQ(help, manual);
}

TEST_P(Manuals, begin_with_the_name_of_the_program) {
  const auto [program, page] = GetParam();
  EXPECT_NE(manual_of(page).find(".SH NAME\n" + std::string(program) + " "), std::string::npos);
}

INSTANTIATE_TEST_SUITE_P(Programs, Manuals,
                         testing::Values(std::pair{"viaductd", "viaductd.8"},
                                         std::pair{"viaductctl", "viaductctl.1"}));

}  // namespace
}  // namespace viaduct
