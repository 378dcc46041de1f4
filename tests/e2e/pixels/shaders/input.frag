#version 450
layout(input_attachment_index = 0, set = 0, binding = 0) uniform subpassInput albedo;
layout(input_attachment_index = 1, set = 0, binding = 1) uniform subpassInput normal;
layout(location = 0) out vec4 result;
void main() { result = vec4(subpassLoad(albedo).rgb * subpassLoad(normal).b + 0.1, 1.0); }
