// pixels: deterministic offscreen Vulkan programs in one binary.
//
//   pixels --list
//   pixels --case NAME [--out FILE]     exit status 0 passed, 1 failed, 2 usage, 77 skipped
//   pixels --all DIR [--except NAME]    every case, one file each; one line of standard output a case
//
// The bytes are what is compared between a native run and a forwarded one; standard output carries their
// hash.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <string>
#include <string_view>

#include "vk.hpp"

namespace {

constexpr int kSkipped = 77;

uint64_t fnv1a64(const pixels::Bytes& bytes) {
  uint64_t hash = 0xcbf29ce484222325ull;
  for (std::byte byte : bytes) hash = (hash ^ static_cast<uint64_t>(byte)) * 0x100000001b3ull;
  return hash;
}

bool all_same(const pixels::Bytes& bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [&](std::byte b) { return b == bytes.front(); });
}

bool write_file(const std::string& path, const pixels::Bytes& bytes) {
  std::FILE* file = std::fopen(path.c_str(), "wb");
  if (!file) return false;
  bool ok = std::fwrite(bytes.data(), 1, bytes.size(), file) == bytes.size();
  return std::fclose(file) == 0 && ok;
}

int run_case(const pixels::Case& entry, const std::string& path) {
  auto start = std::chrono::steady_clock::now();
  try {
    pixels::Output output;
    entry.run(output);
    pixels::expect(output.bytes().size() >= 4, "the case has output");
    pixels::expect(!all_same(output.bytes()), "the output is not one byte repeated");
    if (!path.empty()) pixels::expect(write_file(path, output.bytes()), "the output file can be written");
    auto took =
        std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - start);
    std::printf("OK %s %016llx %zu bytes\n", entry.name,
                static_cast<unsigned long long>(fnv1a64(output.bytes())), output.bytes().size());
    std::fprintf(stderr, "%s took %lld ms\n", entry.name, static_cast<long long>(took.count()));
  } catch (const pixels::Skip& skip) {
    std::printf("SKIP %s %s\n", entry.name, skip.what());
    return kSkipped;
  } catch (const std::exception& failure) {
    std::printf("FAIL %s %s\n", entry.name, failure.what());
    return 1;
  }
  return 0;
}

const pixels::Case* find(std::string_view name) {
  for (const auto& entry : pixels::cases())
    if (name == entry.name) return &entry;
  return nullptr;
}

}  // namespace

int main(int argc, char** argv) {
  auto& all = pixels::cases();
  std::sort(all.begin(), all.end(), [](auto& a, auto& b) { return std::string_view(a.name) < b.name; });
  std::string name, out, directory, except;
  bool list = false;
  for (int i = 1; i < argc; ++i) {
    std::string_view arg = argv[i];
    if (arg == "--list") {
      list = true;
    } else if (arg == "--case" && i + 1 < argc) {
      name = argv[++i];
    } else if (arg == "--out" && i + 1 < argc) {
      out = argv[++i];
    } else if (arg == "--all" && i + 1 < argc) {
      directory = argv[++i];
    } else if (arg == "--except" && i + 1 < argc) {
      except = argv[++i];
    } else {
      std::fprintf(stderr, "usage: pixels --list | --case NAME [--out FILE] | --all DIR [--except NAME]\n");
      return 2;
    }
  }
  if (list) {
    for (const auto& entry : all) std::printf("%s\t%s\n", entry.name, entry.shows);
    return 0;
  }
  if (!directory.empty()) {
    int worst = 0;
    for (const auto& entry : all) {
      if (entry.name == except) continue;
      int status = run_case(entry, directory + "/" + entry.name + ".bin");
      std::fflush(stdout);
      if (status == 1) worst = 1;
    }
    return worst;
  }
  const pixels::Case* entry = find(name);
  if (!entry) {
    std::fprintf(stderr, "pixels: no case named '%s' (--list shows them)\n", name.c_str());
    return 2;
  }
  return run_case(*entry, out);
}
