#include "host-renderer/http/flat_json.hpp"

#include <charconv>
#include <utility>

namespace viaduct::host::http {
namespace {

void append_utf8(std::string& out, uint32_t code) {
  if (code < 0x80) {
    out += static_cast<char>(code);
  } else if (code < 0x800) {
    out += static_cast<char>(0xc0 | code >> 6);
    out += static_cast<char>(0x80 | (code & 0x3f));
  } else {
    out += static_cast<char>(0xe0 | code >> 12);
    out += static_cast<char>(0x80 | (code >> 6 & 0x3f));
    out += static_cast<char>(0x80 | (code & 0x3f));
  }
}

// Fails stickily: after the first error everything reads as empty.
class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  tl::expected<FlatJson, std::string> object() {
    FlatJson out;
    expect('{');
    if (!take('}')) {
      do {
        std::string name = string();
        expect(':');
        auto value = this->value();
        if (error_.empty() && !out.emplace(std::move(name), std::move(value)).second)
          fail("a name stands twice");
      } while (error_.empty() && take(','));
      expect('}');
    }
    skip_space();
    if (at_ != text_.size()) fail("something follows the object");
    if (!error_.empty()) return tl::unexpected(error_);
    return out;
  }

 private:
  void fail(const char* what) {
    if (error_.empty()) error_ = "the JSON is wrong at byte " + std::to_string(at_) + ": " + what;
  }
  void skip_space() {
    while (at_ < text_.size() && std::string_view(" \t\r\n").find(text_[at_]) != std::string_view::npos)
      ++at_;
  }
  bool take(char wanted) {
    skip_space();
    if (!error_.empty() || at_ == text_.size() || text_[at_] != wanted) return false;
    ++at_;
    return true;
  }
  void expect(char wanted) {
    if (!take(wanted)) fail("an object of strings and whole numbers is wanted");
  }

  std::variant<std::string, uint32_t> value() {
    skip_space();
    if (at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9') return number();
    return string();
  }

  uint32_t number() {
    uint32_t out = 0;
    const char* begin = text_.data() + at_;
    const auto parsed = std::from_chars(begin, text_.data() + text_.size(), out);
    const auto length = static_cast<std::size_t>(parsed.ptr - begin);
    if (parsed.ec != std::errc() || (*begin == '0' && length > 1)) fail("no whole number of 32 bits");
    at_ += length;
    return out;
  }

  std::string string() {
    std::string out;
    expect('"');
    while (error_.empty()) {
      if (at_ == text_.size()) {
        fail("a string has no end");
        break;
      }
      const char c = text_[at_++];
      if (c == '"') return out;
      if (static_cast<unsigned char>(c) < 0x20) fail("a control character in a string");
      if (c == '\\')
        escape(out);
      else
        out += c;
    }
    return {};
  }

  void escape(std::string& out) {
    constexpr std::string_view kNames = "\"\\/bfnrt";
    constexpr std::string_view kMeant = "\"\\/\b\f\n\r\t";
    const char c = at_ < text_.size() ? text_[at_++] : '\0';
    if (c == 'u') return append_utf8(out, code());
    const std::size_t found = kNames.find(c);
    if (found == std::string_view::npos) return fail("an unknown escape");
    out += kMeant[found];
  }

  uint32_t code() {
    uint32_t out = 0;
    const std::string_view digits = text_.substr(at_, 4);
    const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), out, 16);
    if (parsed.ec != std::errc() || parsed.ptr != digits.data() + 4 || (out >= 0xd800 && out < 0xe000))
      fail("an unknown escape");
    at_ += digits.size();
    return out;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::string error_;
};

}  // namespace

tl::expected<FlatJson, std::string> parse_flat_json(std::string_view text) { return Parser(text).object(); }

}  // namespace viaduct::host::http
