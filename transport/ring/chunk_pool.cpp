#include "transport/ring/chunk_pool.hpp"
