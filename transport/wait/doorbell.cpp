#include "transport/wait/doorbell.hpp"
