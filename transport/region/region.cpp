#include "transport/region/region.hpp"
