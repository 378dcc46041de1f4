#include "transport/ring/ring.hpp"
