#version 450
layout(location = 0) in vec3 position;
layout(location = 1) in vec3 color;
layout(location = 2) in vec2 uv;
layout(push_constant) uniform Push { vec4 place; vec4 tint; } push;  // place: offset xy, scale xy
layout(location = 0) out vec4 out_color;
layout(location = 1) out vec2 out_uv;
void main() {
  gl_Position = vec4(position.xy * push.place.zw + push.place.xy, position.z, 1.0);
  out_color = vec4(color, 1.0) * push.tint;
  out_uv = uv;
}
