#include "text.hpp"

#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstring>

namespace viaduct::bench {

std::string format(const char* text, ...) {
  char line[1024];
  va_list args;
  va_start(args, text);
  std::vsnprintf(line, sizeof line, text, args);
  va_end(args);
  return line;
}

std::string quote(const std::string& text) {
  std::string result = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\') result += '\\';
    if (static_cast<unsigned char>(c) >= 0x20) result += c;
  }
  return result + '"';
}

bool write_text(const std::string& path, const std::string& text) {
  std::FILE* file = std::fopen(path.c_str(), "w");
  bool written = file != nullptr && std::fputs(text.c_str(), file) >= 0;
  const int error = errno;
  if (file != nullptr) written = std::fclose(file) == 0 && written;
  if (!written)
    std::fprintf(stderr, "viaduct-bench: %s cannot be written: %s\n", path.c_str(), std::strerror(error));
  return written;
}

}  // namespace viaduct::bench
