#version 450
layout(constant_id = 0) const float kShade = 0.5;
layout(location = 0) out vec4 result;
void main() { result = vec4(kShade, 1.0 - kShade, 0.25, 1.0); }
