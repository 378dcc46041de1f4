#version 450
layout(location = 0) out float height;
void main() {
  vec2 corner = vec2((gl_VertexIndex << 1) & 2, gl_VertexIndex & 2);
  height = 1.0 - corner.y;
  gl_Position = vec4(corner * 2.0 - 1.0, 1.0, 1.0);
}
