// The codec of structs that travel as their bytes.
#pragma once

#include "protocol/testing/codec_table.hpp"

namespace viaduct::protocol::testing {

template <class T>
StructCodec flat_codec(const char* name) {
  const auto random = [](Rng& rng, void* v) { rng.value(*static_cast<T*>(v)); };
  const auto measure = [](SizeCounter& s, const void* v) { s.bytes(v, sizeof(T)); };
  const auto write = [](Writer& s, const void* v) { s.bytes(v, sizeof(T)); };
  return {name,
          sizeof(T),
          random,
          measure,
          write,
          [](Decoder& d, void* v) { d.raw(v, sizeof(T)); },
          nullptr,
          random,
          nullptr,
          nullptr,
          nullptr,
          measure,
          write,
          [](Reader& r, void* v) { r.raw(v, sizeof(T)); },
          [](Digest& d, const void* v) { d.bytes(v, sizeof(T)); }};
}

}  // namespace viaduct::protocol::testing
