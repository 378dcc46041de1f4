#include "transport/wait/host_parker.hpp"
