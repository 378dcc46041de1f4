#version 450
layout(location = 0) in float height;
layout(set = 0, binding = 0) uniform Frame { mat4 view_projection; vec4 eye; vec4 light; vec4 sky; } frame;
layout(location = 0) out vec4 result;
void main() { result = vec4(mix(frame.sky.rgb, frame.sky.rgb * vec3(0.25, 0.3, 0.5), smoothstep(0.3, 1.0, height)), 1.0); }
