// What `--help` lists stands in the manual, and the other way round.
#include <gtest/gtest.h>

#include <array>
#include <cctype>
#include <cstdio>
#include <fstream>
#include <memory>
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
  std::string plain;
  for (const char c : text.str()) {
    if (c == '-' && !plain.empty() && plain.back() == '\\') plain.pop_back();
    plain.push_back(c);
  }
  return plain;
}

// Every --word of the text.
std::set<std::string> options_in(const std::string& text) {
  std::set<std::string> found;
  for (std::size_t at = text.find("--"); at != std::string::npos; at = text.find("--", at)) {
    std::size_t end = at + 2;
    while (end < text.size() &&
           (std::islower(static_cast<unsigned char>(text[end])) != 0 || text[end] == '-'))
      ++end;
    const bool begins =
        at == 0 || (std::isalnum(static_cast<unsigned char>(text[at - 1])) == 0 && text[at - 1] != '-');
    if (begins && end > at + 2) found.insert(text.substr(at, end - at));
    at = end;
  }
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
