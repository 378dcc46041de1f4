#include "transport/ring/reply.hpp"
