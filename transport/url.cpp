#include "transport/url.hpp"
