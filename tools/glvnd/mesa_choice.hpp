// Which driver Mesa loads in this process: Zink on Viaduct while the host answers, else what Mesa has itself,
// which is llvmpipe in a machine without a GPU.
//
// Mesa is told by its own environment variables, in this process and so in its children. Which of them came
// from here stands in VIADUCT_GL_SET, so that a child decides anew and a variable that the user has set is
// nobody's business: where one of MESA_LOADER_DRIVER_OVERRIDE, GALLIUM_DRIVER and LIBGL_ALWAYS_SOFTWARE is
// the user's own, or VIADUCT_GL=off, nothing is changed. In set-user-id programs nothing is done.
//
// Any thread may call these; as with every change of the environment, another thread that reads it at the
// same time is the caller's to avoid. libglvnd calls them when the program asks for its first display.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "tools/viaductctl/opengl.hpp"

namespace viaduct::tools {

// Asks the host, once in a process, with a deadline of a second, and decides. Where it falls back it says
// why, in one line at the level "warn".
void choose_mesa_driver();

// What a display of the machine's own screen (GBM) wants: Mesa's own driver, whatever was inherited.
void leave_mesa_alone();

// The steps of which they are made. forget_inherited unsets what an ancestor of this process has set;
// set_by_user says whether what is left steers Mesa already; apply_choice sets the variables and remembers
// which. The vendor libraries that `choice` names are left out, for libglvnd has chosen already.
void forget_inherited();
[[nodiscard]] bool set_by_user();
void apply_choice(const GlEnvironment& choice, const std::string& manifest);

}  // namespace viaduct::tools
