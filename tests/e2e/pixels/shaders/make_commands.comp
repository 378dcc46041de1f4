#version 450
layout(local_size_x = 1) in;
struct Draw { uint vertices, instances, first_vertex, first_instance; };
layout(set = 0, binding = 0) buffer Out { uint count; uint pad[3]; Draw draws[]; } target;
void main() {
  uint i = gl_GlobalInvocationID.x;
  target.draws[i] = Draw(3u, 1u + i % 3u, (i % 4u) * 3u, i);
  if (i == 0) target.count = gl_NumWorkGroups.x - 3u;
}
