#include "transport/stream/frame.hpp"
