#version 450
layout(push_constant) uniform Push { vec4 place; } push;
void main() { gl_Position = vec4(push.place.xy + vec2(gl_VertexIndex & 1, gl_VertexIndex >> 1), 0.0, 1.0); }
