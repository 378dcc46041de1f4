// Reading much from memory that is mapped uncached or write-combined (a device's BAR), where an ordinary load
// takes a bus transaction of its own: streaming loads fetch a line at a time. Correct for any memory.
#pragma once

#include <cstddef>

namespace viaduct {

// memcpy, with streaming loads where the processor has them (SSE4.1). The areas do not overlap. Any thread.
void copy_from_uncached(std::byte* to, const std::byte* from, std::size_t size) noexcept;

}  // namespace viaduct
