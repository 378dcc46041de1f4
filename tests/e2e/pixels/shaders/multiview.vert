#version 450
#extension GL_EXT_multiview : require
layout(location = 0) in vec3 position;
layout(location = 1) in vec3 color;
layout(location = 2) in vec2 uv;
layout(location = 0) out vec4 out_color;
void main() {
  float angle = float(gl_ViewIndex) * 0.7;
  gl_Position = vec4(mat2(cos(angle), sin(angle), -sin(angle), cos(angle)) * position.xy, 0.5, 1.0);
  out_color = vec4(color.gbr * (gl_ViewIndex + 1) / 3.0, 1.0);
}
