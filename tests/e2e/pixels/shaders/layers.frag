#version 450
layout(location = 1) in vec2 uv;
layout(set = 0, binding = 0) uniform sampler2DArray layers;
layout(set = 0, binding = 1) uniform samplerCube cube;
layout(set = 0, binding = 2) uniform sampler2D one;
layout(location = 0) out vec4 result;
void main() {
  vec3 direction = normalize(vec3(uv * 4.0 - 2.0, 1.0 - uv.x * 2.0 + uv.y));
  vec4 a = texture(layers, vec3(uv * 2.0, floor(uv.y * 6.0)));
  vec4 b = texture(cube, direction);
  vec4 c = texture(one, uv);
  result = uv.x < 0.33 ? a : uv.x < 0.66 ? b : c;
}
