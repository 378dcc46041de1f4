// What a mirror needs of liblz4. The host links it; in an application's process it is loaded when a session
// asks for it, and a session without it compresses nothing.
#pragma once

#include <cstddef>

namespace viaduct::transport {

// Of lz4.h, by its types: LZ4_sizeofState(), LZ4_compress_fast_extState, LZ4_decompress_safe.
struct Lz4 {
  std::size_t state_bytes = 0;
  int (*compress)(void* state, const char* from, char* to, int size, int room, int acceleration) = nullptr;
  int (*decompress)(const char* from, char* to, int size, int room) = nullptr;
};

// liblz4.so.1 of the system, which then stays loaded; null where it is not there, or where VIADUCT_PERF says
// no_compression. Any thread.
const Lz4* loaded_lz4() noexcept;

}  // namespace viaduct::transport
