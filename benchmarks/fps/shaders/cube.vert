#version 450
layout(location = 0) in vec3 position;
layout(location = 1) in vec3 normal;
layout(set = 0, binding = 0) uniform Frame { mat4 view_projection; vec4 eye; vec4 light; vec4 sky; } frame;
layout(push_constant) uniform Push { vec4 center; vec4 size; vec4 color; } push;  // center.w: turn about y
layout(location = 0) out vec3 out_world;
layout(location = 1) out vec3 out_normal;
layout(location = 2) out vec3 out_color;
void main() {
  float s = sin(push.center.w), c = cos(push.center.w);
  mat3 turn = mat3(c, 0, -s, 0, 1, 0, s, 0, c);
  out_world = turn * (position * push.size.xyz) + push.center.xyz;
  out_normal = turn * normal;
  out_color = push.color.rgb;
  gl_Position = frame.view_projection * vec4(out_world, 1.0);
}
