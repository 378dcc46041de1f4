#version 450
layout(location = 1) in vec2 uv;
layout(set = 0, binding = 0) uniform sampler2D image;
layout(location = 0) out vec4 result;
void main() { result = textureLod(image, uv, floor(gl_FragCoord.x / 16.0)); }
