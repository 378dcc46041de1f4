#include "transport/region/arena_allocator.hpp"
