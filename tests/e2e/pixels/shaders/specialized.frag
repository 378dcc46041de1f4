#version 450
layout(constant_id = 0) const uint kMode = 0;
layout(constant_id = 1) const float kScale = 1.0;
layout(constant_id = 2) const bool kInvert = false;
layout(constant_id = 7) const int kBands = 1;
layout(location = 1) in vec2 uv;
layout(location = 0) out vec4 result;
void main() {
  vec3 c = kMode == 0 ? vec3(uv * kScale, 0.2) : kMode == 1 ? vec3(0.5 * kScale, uv.yx) : vec3(floor(uv.x * kBands) / kBands);
  result = vec4(kInvert ? 1.0 - c : c, 1.0);
}
