#version 450
#extension GL_EXT_buffer_reference : require
#extension GL_EXT_buffer_reference_uvec2 : require
layout(local_size_x = 64) in;
layout(buffer_reference, std430) buffer Words { uint values[]; };
layout(push_constant) uniform Push { uvec2 from; uvec2 to; } push;
void main() {
  uint i = gl_GlobalInvocationID.x;
  Words source = Words(push.from);
  Words target = Words(push.to);
  target.values[i] = source.values[1023u - i] ^ (i * 2654435761u);
}
