#include "transport/stream/unix_stream.hpp"
