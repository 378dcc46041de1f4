// Replies as tables for people and as JSON for programs.
#pragma once

#include <string>

#include "generated/protocol/control/control.pb.h"

namespace viaduct::tools {

std::string status_table(const control::Status& status);
std::string status_json(const control::Status& status);
std::string gpus_table(const control::GpuList& list);
std::string gpus_json(const control::GpuList& list);

}  // namespace viaduct::tools
