#include "transport/stream/token.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <string_view>

#include "base/unique_fd.hpp"

namespace viaduct::transport {

namespace {
constexpr const char* kStandardFile = "/etc/viaduct/token";
constexpr std::string_view kWhiteSpace = " \t\r\n";
}  // namespace

Result<std::string> read_token_file(const std::string& path) {
  const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
  if (!file) {
    const Errc code = errno == ENOENT || errno == ENOTDIR ? Errc::not_found
                      : errno == EACCES                   ? Errc::refused
                                                          : Errc::io;
    return fail(code, "the token's file (VIADUCT_TOKEN_FILE or /etc/viaduct/token)", errno);
  }
  std::string text(2 * kLongestToken, '\0');
  const ssize_t got = ::read(file.get(), text.data(), text.size());
  if (got < 0) return fail(Errc::io, "the token's file (VIADUCT_TOKEN_FILE or /etc/viaduct/token)", errno);
  text.resize(static_cast<std::size_t>(got));
  const std::size_t begin = text.find_first_not_of(kWhiteSpace);
  if (begin == std::string::npos) return fail(Errc::bad_data, "the token's file is empty");
  text = text.substr(begin, text.find_last_not_of(kWhiteSpace) - begin + 1);
  if (text.size() < kMinTokenBytes) return fail(Errc::bad_data, "the token is shorter than 16 bytes");
  if (text.size() > kLongestToken) return fail(Errc::bad_data, "the token is longer than 256 bytes");
  return text;
}

std::optional<std::string> token_file() {
  const char* named = ::secure_getenv("VIADUCT_TOKEN_FILE");
  if (named != nullptr && named[0] != '\0') return named;
  if (::access(kStandardFile, F_OK) == 0) return kStandardFile;
  return std::nullopt;
}

Result<std::string> token_for(const Url& url) {
  if (url.kind != UrlKind::tcp) return std::string();
  const auto file = token_file();
  return file ? read_token_file(*file) : std::string();
}

}  // namespace viaduct::transport
