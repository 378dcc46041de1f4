#version 450
layout(local_size_x = 64) in;
layout(set = 0, binding = 0) readonly buffer In { uint values[]; } source;
layout(set = 0, binding = 1) buffer Out { uint total; uint sums[]; } target;
layout(set = 0, binding = 2) uniform Params { uint multiply; uint add; } params;
shared uint part[64];
void main() {
  uint i = gl_LocalInvocationID.x;
  part[i] = source.values[gl_GlobalInvocationID.x] * params.multiply + params.add;
  barrier();
  for (uint step = 32; step > 0; step >>= 1) {
    if (i < step) part[i] += part[i + step];
    barrier();
  }
  if (i == 0) {
    target.sums[gl_WorkGroupID.x] = part[0];
    atomicAdd(target.total, part[0] & 0xffffu);
  }
}
