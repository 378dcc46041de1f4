#include "protocol/wire/intern.hpp"

#include <mutex>
#include <set>
#include <string>

namespace viaduct::protocol {

const char* read_interned(Reader& reader) {
  const std::uint32_t length = reader.u32();
  if (length == kNullString || !reader.ok()) return nullptr;
  const std::byte* bytes = reader.bytes(length);
  if (!reader.ok()) return nullptr;
  // Never destroyed: the application may hold the pointers while static objects go away.
  static std::mutex& mutex = *new std::mutex;
  static std::set<std::string>& strings = *new std::set<std::string>;
  const std::lock_guard lock(mutex);
  return strings.emplace(length == 0 ? "" : reinterpret_cast<const char*>(bytes), length).first->c_str();
}

}  // namespace viaduct::protocol
