#version 450
layout(location = 0) in vec3 position;
layout(location = 1) in vec3 color;
layout(location = 2) in vec2 uv;
layout(location = 3) in vec4 instance;
layout(location = 0) out vec4 out_color;
layout(location = 1) out vec2 out_uv;
void main() {
  float angle = instance.w * 6.2831853;
  mat2 turn = mat2(cos(angle), sin(angle), -sin(angle), cos(angle));
  gl_Position = vec4(turn * position.xy * instance.z + instance.xy, position.z, 1.0);
  out_color = vec4(fract(color + vec3(gl_InstanceIndex * 37 % 11, gl_InstanceIndex % 7, gl_InstanceIndex % 3) / 11.0), 1.0);
  out_uv = uv;
}
