// What a tenant draws: a list of shaded boxes and a camera, both functions of the frame's number only, so
// that the native and the forwarded run draw the same pictures. Scenes:
//   cubes   some 300 boxes, each a draw of its own: a ground of waves and the tenant's number built of boxes
//   spin    the number alone: little of everything
//   record  the number, and 18,000 commands a frame that draw nothing: the recording-bound loop of DESIGN.md
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "fps/math.hpp"

namespace viaduct::bench {

struct Box {
  float center[3];
  float turn;  // radians about y
  float size[4];
  float color[4];
};
static_assert(sizeof(Box) == 48, "a Box is the push constant block of cube.vert");

struct FrameUniforms {
  Mat4 view_projection;
  float eye[4];
  float light[4];
  float sky[4];
};

enum class Scene { kCubes, kSpin, kRecord };

bool parse_scene(std::string_view name, Scene& scene);
const char* scene_name(Scene scene);

void build_boxes(Scene scene, uint32_t tenant, uint64_t frame, std::vector<Box>& boxes);
FrameUniforms build_uniforms(Scene scene, uint32_t tenant, uint64_t frame, float aspect);

}  // namespace viaduct::bench
