#include "transport/mirror/linked_lz4.hpp"

#include <lz4.h>

namespace viaduct::transport {

const Lz4& linked_lz4() noexcept {
  static const Lz4 lz4{static_cast<std::size_t>(LZ4_sizeofState()), LZ4_compress_fast_extState,
                       LZ4_decompress_safe};
  return lz4;
}

}  // namespace viaduct::transport
