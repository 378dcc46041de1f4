#include "tests/fake-driver/recorder.hpp"

#include <cstring>
#include <sstream>

#include "base/hash.hpp"

namespace viaduct::fake {
namespace {

// A log that nobody reads must not grow for ever: what the driver is told while it warms up is of no
// interest.
constexpr std::size_t kMaxLog = 8u << 20;

}  // namespace

Recorder& Recorder::get() {
  static Recorder recorder;
  return recorder;
}

void Recorder::add(Entry entry, std::span<const uint64_t> handles) {
  entry.handle_count = handles.size();
  const std::lock_guard guard(mutex_);
  if (log_.size() > kMaxLog) log_.clear();
  const auto* raw = reinterpret_cast<const std::byte*>(&entry);
  log_.insert(log_.end(), raw, raw + sizeof(entry));
  const auto* made = reinterpret_cast<const std::byte*>(handles.data());
  log_.insert(log_.end(), made, made + handles.size_bytes());
}

VkResult Recorder::next_result(std::string_view command) {
  const std::lock_guard guard(mutex_);
  const auto found = failures_.find(command);
  if (found == failures_.end()) return VK_SUCCESS;
  if (found->second.skip > 0) {
    --found->second.skip;
    return VK_SUCCESS;
  }
  const VkResult result = found->second.result;
  failures_.erase(found);
  return result;
}

VkResult Recorder::record(std::string_view command, uint64_t inputs) {
  Entry entry;
  entry.name_hash = fnv1a32(command);
  entry.result = next_result(command);
  entry.inputs = inputs;
  add(entry, {});
  return static_cast<VkResult>(entry.result);
}

void Recorder::instruct(std::string_view instruction) {
  std::istringstream words{std::string(instruction)};
  std::string verb;
  std::string command;
  uint32_t skip = 0;
  int result = 0;
  words >> verb >> command >> skip >> result;
  const std::lock_guard guard(mutex_);
  if (verb == "fail") failures_[command] = {skip, static_cast<VkResult>(result)};
  if (verb == "clear") {
    failures_.clear();
    log_.clear();
  }
}

std::size_t Recorder::read(std::span<std::byte> out, bool consume) {
  const std::lock_guard guard(mutex_);
  const std::size_t size = log_.size();
  if (!consume || out.size() < size) return size;
  if (size != 0) std::memcpy(out.data(), log_.data(), size);
  log_.clear();
  return size;
}

}  // namespace viaduct::fake
