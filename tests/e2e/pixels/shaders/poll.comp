#version 450
// Many groups poll a while each, because lavapipe ends a shader's loops after 65535 turns; eight invocations fill its
// vector, since it lets the empty ones run to that end.
layout(local_size_x = 8) in;
layout(set = 0, binding = 0) coherent buffer Shared { uint flag; uint data[255]; } source;
layout(set = 0, binding = 1) coherent buffer Out { uint seen; uint running; uint data[254]; } target;
void main() {
  if (atomicAdd(target.seen, 0u) != 0u) return;
  target.running = 1u;
  uint flag = 0;
  for (uint n = 0; flag == 0u && n < 50000u; ++n) flag = atomicAdd(source.flag, 0u);
  if (flag == 0u) return;
  memoryBarrierBuffer();
  for (int i = 0; i < 254; ++i) target.data[i] = source.data[i];
  atomicExchange(target.seen, flag);
}
