#include "base/switches.hpp"

#include <cstdio>
#include <cstdlib>
#include <iterator>
#include <string_view>

namespace viaduct {
namespace detail {
std::atomic<std::uint64_t> perf_off_bits{0};
std::atomic<std::uint64_t> debug_on_bits{0};
}  // namespace detail

namespace {

struct Row {
  const char* word;
  const char* text;
};

constexpr Row kPerfRows[] = {
#define VIADUCT_ROW(name, text) {"no_" #name, text},
    VIADUCT_PERF_SWITCHES(VIADUCT_ROW)
#undef VIADUCT_ROW
};
constexpr Row kDebugRows[] = {
#define VIADUCT_ROW(name, text) {#name, text},
    VIADUCT_DEBUG_SWITCHES(VIADUCT_ROW)
#undef VIADUCT_ROW
};
static_assert(std::size(kPerfRows) < 63 && std::size(kDebugRows) < 63);

template <std::size_t N>
std::uint64_t parse(const char* variable, const char* text, const Row (&rows)[N], bool& help) noexcept {
  std::uint64_t bits = 0;
  std::string_view rest = text != nullptr ? text : "";
  while (!rest.empty()) {
    const std::size_t comma = rest.find(',');
    const std::string_view word = rest.substr(0, comma);
    rest = comma == std::string_view::npos ? std::string_view() : rest.substr(comma + 1);
    if (word.empty()) continue;
    if (word == "help") {
      help = true;
      continue;
    }
    bool known = false;
    for (std::size_t i = 0; i < N; ++i) {
      if (word == rows[i].word) {
        bits |= std::uint64_t{1} << i;
        known = true;
      }
    }
    if (!known) {
      std::fprintf(stderr, "viaduct: %s has no switch \"%.*s\" (VIADUCT_DEBUG=help lists them)\n", variable,
                   static_cast<int>(word.size()), word.data());
    }
  }
  return bits;
}

void apply(const char* debug, const char* perf) noexcept {
  bool help = false;
  const std::uint64_t debug_bits = parse("VIADUCT_DEBUG", debug, kDebugRows, help);
  const std::uint64_t perf_bits = parse("VIADUCT_PERF", perf, kPerfRows, help);
  detail::debug_on_bits.store(debug_bits | detail::kSwitchesRead, std::memory_order_relaxed);
  detail::perf_off_bits.store(perf_bits | detail::kSwitchesRead, std::memory_order_relaxed);
  if (help) print_switches();
}

}  // namespace

void detail::read_switches() noexcept {
  // Two threads may both read; they read the same thing, and only the first to come here prints.
  static std::atomic_flag entered = ATOMIC_FLAG_INIT;
  if (!entered.test_and_set()) {
    apply(std::getenv("VIADUCT_DEBUG"), std::getenv("VIADUCT_PERF"));
    return;
  }
  while ((perf_off_bits.load(std::memory_order_relaxed) & kSwitchesRead) == 0) {
  }
}

void print_switches() noexcept {
  std::fprintf(stderr, "VIADUCT_DEBUG=word,... turns on:\n  %-20s %s\n", "help", "print this list");
  for (const Row& row : kDebugRows) std::fprintf(stderr, "  %-20s %s\n", row.word, row.text);
  std::fprintf(stderr, "VIADUCT_PERF=word,... turns off:\n");
  for (const Row& row : kPerfRows) std::fprintf(stderr, "  %-20s %s\n", row.word, row.text);
  std::fprintf(stderr, "VIADUCT_MEMORY=auto|import|dmabuf|shadow forces how mapped memory is shared (worker)\n");
}

void set_switches_for_test(const char* debug, const char* perf) noexcept { apply(debug, perf); }

}  // namespace viaduct
