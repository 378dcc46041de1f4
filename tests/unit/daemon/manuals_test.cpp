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

#include "host-renderer/daemon/config.hpp"

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

// The example of a configuration that viaductd's manual shows.
std::string configuration_of_the_manual() {
  const std::string manual = manual_of("viaductd.8");
  const std::size_t begin = manual.find(".nf\n.RS\n", manual.find(".SH CONFIGURATION"));
  return manual.substr(begin + 8, manual.find(".RE", begin) - begin - 8);
}

// Its keys, "section.key" below a heading; tenants apart, whose names are anybody's.
std::set<std::string> keys_of_the_manual() {
  std::istringstream lines(configuration_of_the_manual());
  std::set<std::string> keys;
  std::string section;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("[")) section = line.substr(1, line.find(']') - 1) + ".";
    const std::size_t equals = line.find(" = ");
    if (equals != std::string::npos && !section.starts_with("tenants."))
      keys.insert(section + line.substr(0, equals));
  }
  return keys;
}

// The first column of the administrator's table of settings.
std::set<std::string> keys_of_the_administrators_page() {
  std::ifstream file(std::string(VIADUCT_DOCS) + "/administrator.md");
  std::set<std::string> keys;
  bool settings = false;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("## ")) settings = line == "## Settings";
    if (settings && line.starts_with("| `")) keys.insert(line.substr(3, line.find('`', 3) - 3));
  }
  return keys;
}

TEST(Settings, the_manuals_example_is_a_configuration) {
  const auto config = host::daemon::parse_config(configuration_of_the_manual(), "viaductd.8");
  EXPECT_TRUE(config) << config.error();
}

TEST(Settings, the_manual_and_the_administrators_page_tell_the_same_keys) {
  const auto manual = keys_of_the_manual();
  EXPECT_GE(manual.size(), 12u);
  EXPECT_EQ(manual, keys_of_the_administrators_page());
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
                                         std::pair{"viaductctl", "viaductctl.1"},
                                         std::pair{"viaduct-bench", "viaduct-bench.1"},
                                         std::pair{"viaduct-doctor", "viaduct-doctor.1"}));

}  // namespace
}  // namespace viaduct
