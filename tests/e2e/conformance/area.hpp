// What the areas of the conformance programs share. An area asks an implementation questions in the way the
// conformance tests do and prints one line an answer; test_conformance.py holds the lines of a forwarded run
// against those of a native one. So a line may say only what both must agree on: results, whether something
// holds, counts; never a pointer, a time or a memory type's number.
//
// must() is for what the specification demands whatever the driver: a "WRONG" line fails the run.
#pragma once

#include "tests/e2e/pixels/vk.hpp"

namespace conformance {

using pixels::Buffer;
using pixels::Context;
using pixels::Image;
using pixels::ImageOptions;
using pixels::Residency;

void say(const char* format, ...) __attribute__((format(printf, 1, 2)));
/// Prints only what does not hold.
void must(bool holds, const char* format, ...) __attribute__((format(printf, 2, 3)));
/// As the specification spells it, for the results that areas meet; otherwise the number.
const char* name(VkResult result);
/// "what: result".
void say_result(const char* what, VkResult result);

struct Area {
  const char* name;
  void (*run)();
};
std::vector<Area>& areas();
struct Register {
  Register(const char* name, void (*run)()) { areas().push_back({name, run}); }
};

#define CONFORMANCE_AREA(area)                                       \
  static void run_##area();                                          \
  static const ::conformance::Register at_##area{#area, run_##area}; \
  static void run_##area()

}  // namespace conformance
