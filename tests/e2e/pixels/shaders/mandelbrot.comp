#version 450
layout(local_size_x = 8, local_size_y = 8) in;
layout(set = 0, binding = 0, rgba8) uniform writeonly image2D target;
void main() {
  ivec2 size = imageSize(target);
  vec2 c = vec2(gl_GlobalInvocationID.xy) / vec2(size) * vec2(3.0, 2.0) - vec2(2.1, 1.0), z = vec2(0.0);
  uint n = 0;
  for (; n < 64 && dot(z, z) < 4.0; ++n) z = vec2(z.x * z.x - z.y * z.y, 2.0 * z.x * z.y) + c;
  imageStore(target, ivec2(gl_GlobalInvocationID.xy), vec4(n % 8 / 7.0, n % 16 / 15.0, n / 64.0, 1.0));
}
