#include "transport/mirror/patch.hpp"

#include <bit>
#include <cstring>

#include "transport/region/layout.hpp"

namespace viaduct::transport {

namespace {

constexpr std::size_t kWord = sizeof(std::uint64_t);

std::uint64_t load_once(const std::byte* at) noexcept {
  return __atomic_load_n(reinterpret_cast<const std::uint64_t*>(at), __ATOMIC_RELAXED);
}
void store_once(std::byte* at, std::uint64_t value) noexcept {
  __atomic_store_n(reinterpret_cast<std::uint64_t*>(at), value, __ATOMIC_RELAXED);
}
void store_byte(std::byte* at, std::byte value) noexcept {
  __atomic_store_n(reinterpret_cast<unsigned char*>(at), static_cast<unsigned char>(value), __ATOMIC_RELAXED);
}

// A bit for each byte that is not zero.
std::uint8_t changed_bytes(std::uint64_t difference) noexcept {
  std::uint8_t mask = 0;
  for (unsigned i = 0; i < kWord; ++i) {
    if ((difference >> (8 * i) & 0xff) != 0) mask = static_cast<std::uint8_t>(mask | 1u << i);
  }
  return mask;
}

// The run that is being written.
class Runs {
 public:
  explicit Runs(std::vector<std::byte>& patch) : patch_(patch) {}

  void add(std::size_t word, std::uint64_t fresh, std::uint8_t mask) {
    const bool whole = mask == 0xff;
    if (count_ == 0 || word != next_ || whole != whole_) begin(word, whole);
    std::byte encoded[1 + kWord];
    std::size_t size = 0;
    if (whole) {
      std::memcpy(encoded, &fresh, kWord);
      size = kWord;
    } else {
      encoded[size++] = static_cast<std::byte>(mask);
      for (unsigned i = 0; i < kWord; ++i) {
        if ((mask >> i & 1) != 0) encoded[size++] = static_cast<std::byte>(fresh >> (8 * i));
      }
    }
    patch_.insert(patch_.end(), encoded, encoded + size);
    ++count_;
    next_ = word + 1;
    const std::uint32_t header = static_cast<std::uint32_t>(count_) | (whole ? kWholeWords : 0);
    std::memcpy(patch_.data() + header_, &header, sizeof(header));
  }

 private:
  void begin(std::size_t word, bool whole) {
    const auto first = static_cast<std::uint32_t>(word);
    header_ = patch_.size() + sizeof(first);
    patch_.resize(patch_.size() + 2 * sizeof(first));
    std::memcpy(patch_.data() + header_ - sizeof(first), &first, sizeof(first));
    whole_ = whole;
    count_ = 0;
  }

  std::vector<std::byte>& patch_;
  std::size_t header_ = 0;  // where the count is
  std::size_t count_ = 0;
  std::size_t next_ = 0;
  bool whole_ = false;
};

void add_page(const std::byte* bytes, std::byte* snapshot, std::size_t at, Runs& runs) {
  for (const std::size_t end = at + kPageSize; at < end; at += kWord) {
    const std::uint64_t fresh = load_once(bytes + at);
    const std::uint64_t known = load_once(snapshot + at);
    if (fresh == known) continue;
    store_once(snapshot + at, fresh);
    runs.add(at / kWord, fresh, changed_bytes(fresh ^ known));
  }
}

}  // namespace

std::size_t append_changes(const std::byte* bytes, std::byte* snapshot, std::size_t from, std::size_t size,
                           std::vector<std::byte>& patch, std::size_t most, std::uint8_t* quiet) {
  Runs runs(patch);
  std::size_t at = from;
  for (; at < from + size; at += kPageSize) {
    std::uint8_t* const looks = quiet == nullptr ? nullptr : quiet + at / kPageSize;
    if (std::memcmp(bytes + at, snapshot + at, kPageSize) == 0) {
      if (looks != nullptr && *looks != 0xff) ++*looks;
      continue;
    }
    if (patch.size() + kMaxPagePatch > most) break;
    if (looks != nullptr) *looks = 0;
    add_page(bytes, snapshot, at, runs);
  }
  return at;
}

bool apply_patch(std::span<const std::byte> patch, std::byte* bytes, std::byte* snapshot,
                 std::size_t size) noexcept {
  const std::size_t words = size / kWord;
  while (!patch.empty()) {
    std::uint32_t header[2];
    if (patch.size() < sizeof(header)) return false;
    std::memcpy(header, patch.data(), sizeof(header));
    patch = patch.subspan(sizeof(header));
    const std::size_t count = header[1] & ~kWholeWords;
    std::size_t at = std::size_t{header[0]} * kWord;
    if (count == 0 || header[0] >= words || count > words - header[0]) return false;
    if ((header[1] & kWholeWords) != 0) {
      if (patch.size() < count * kWord) return false;
      for (std::size_t i = 0; i < count; ++i, at += kWord) {
        std::uint64_t value;
        std::memcpy(&value, patch.data() + i * kWord, kWord);
        store_once(snapshot + at, value);
        store_once(bytes + at, value);
      }
      patch = patch.subspan(count * kWord);
      continue;
    }
    for (std::size_t i = 0; i < count; ++i, at += kWord) {
      if (patch.empty()) return false;
      const auto mask = static_cast<unsigned>(patch.front());
      const auto given = static_cast<std::size_t>(std::popcount(mask));
      if (patch.size() < 1 + given) return false;
      std::size_t next = 1;
      for (unsigned bit = 0; bit < kWord; ++bit) {
        if ((mask >> bit & 1) == 0) continue;
        snapshot[at + bit] = patch[next];
        store_byte(bytes + at + bit, patch[next]);
        ++next;
      }
      patch = patch.subspan(1 + given);
    }
  }
  return true;
}

}  // namespace viaduct::transport
