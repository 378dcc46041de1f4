#version 450
#extension GL_EXT_nonuniform_qualifier : require
layout(location = 1) in vec2 uv;
layout(set = 0, binding = 0) uniform sampler2D images[];
layout(location = 0) out vec4 result;
void main() {
  int cell = int(uv.x * 4.0) + 4 * int(uv.y * 4.0);
  result = texture(images[nonuniformEXT(cell * 5 % 16)], uv * 4.0);
}
