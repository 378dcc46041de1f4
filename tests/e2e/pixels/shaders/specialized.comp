#version 450
layout(local_size_x_id = 0) in;
layout(constant_id = 1) const uint kMultiply = 1;
layout(constant_id = 2) const float kAdd = 0.0;
layout(set = 0, binding = 0) buffer Out { float values[]; } target;
void main() {
  uint i = gl_GlobalInvocationID.x;
  target.values[i] = float(i * kMultiply) + kAdd + float(gl_WorkGroupSize.x) / 1024.0;
}
