// Every command's and struct's codec behind one signature, so that tests, fuzzers and the recording fake
// driver can walk all of them. `args` is the command's generated args struct. Generated:
// generated/testing/codec_table.cpp.
#pragma once

#include <cstddef>
#include <span>

#include "generated/protocol/commands.hpp"
#include "protocol/testing/digest.hpp"
#include "protocol/testing/rng.hpp"
#include "protocol/wire/decoder.hpp"
#include "protocol/wire/reader.hpp"
#include "protocol/wire/writer.hpp"

namespace viaduct::protocol::testing {

struct CommandCodec {
  Command command;
  const char* name;
  std::size_t args_size;
  bool recorded;                          // needs the decoder's command buffer
  bool has_reply;                         // returns or writes anything
  void (*random_args)(Rng&, void* args);  // what an application passes
  void (*measure_request)(SizeCounter&, const void* args);
  void (*write_request)(Writer&, const void* args);
  bool (*decode)(Decoder&, void* args);
  void (*random_outputs)(Rng&, void* args);  // what a driver writes into decoded args
  void (*measure_reply)(SizeCounter&, const void* args);
  void (*write_reply)(Writer&, const void* args);
  bool (*read_reply)(Reader&, void* args);  // into the application's args
  void (*digest_inputs)(Digest&, const void* args);
  void (*digest_outputs)(Digest&, const void* args);
};

struct StructCodec {
  const char* name;
  std::size_t size;
  // As an input; null where the struct is only ever an output.
  void (*random)(Rng&, void*);
  void (*measure)(SizeCounter&, const void*);
  void (*write)(Writer&, const void*);
  void (*read)(Decoder&, void*);
  // As an output; null where it is only ever an input.
  void (*make_output)(Rng&, void*);    // the application's memory
  void (*random_output)(Rng&, void*);  // what the driver writes into it
  void (*measure_skeleton)(SizeCounter&, const void*);
  void (*write_skeleton)(Writer&, const void*);
  void (*read_skeleton)(Decoder&, void*);
  void (*measure_output)(SizeCounter&, const void*);
  void (*write_output)(Writer&, const void*);
  void (*fill)(Reader&, void*);
  void (*digest)(Digest&, const void*);
};

extern const std::span<const CommandCodec> kCommandCodecs;
extern const std::span<const StructCodec> kStructCodecs;

// What the registry has, and how much of it has no codec by policy: every struct and command is in one of the
// two.
struct Coverage {
  std::size_t registry_commands;  // aliases and platform commands excluded, internal ones included
  std::size_t commands_without_wire;
  std::size_t registry_structs;
  std::size_t structs_dropped;
  std::size_t unions_inside;  // encoded by the struct that holds their selector
};
extern const Coverage kCoverage;

}  // namespace viaduct::protocol::testing
