#include "transport/wait/parker.hpp"
