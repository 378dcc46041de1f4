#version 450
layout(location = 0) in vec4 color;
layout(location = 0) out vec4 result;
layout(push_constant) uniform Push { layout(offset = 32) vec4 bands[6]; } push;
void main() { result = color * push.bands[int(gl_FragCoord.y / 8.0) % 6]; }
