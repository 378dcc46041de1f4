#version 450

// A right triangle whose edges pass between the middles of pixels of a picture of 64 by 64, so that every driver
// covers the same ones: corners at (8, 8), (56.5, 8) and (8, 56.5).
const vec2 kCorners[3] = vec2[](vec2(-0.75, -0.75), vec2(0.765625, -0.75), vec2(-0.75, 0.765625));

void main() { gl_Position = vec4(kCorners[gl_VertexIndex], 0.0, 1.0); }
