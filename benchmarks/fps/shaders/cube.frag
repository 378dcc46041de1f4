#version 450
layout(location = 0) in vec3 world;
layout(location = 1) in vec3 normal;
layout(location = 2) in vec3 color;
layout(set = 0, binding = 0) uniform Frame { mat4 view_projection; vec4 eye; vec4 light; vec4 sky; } frame;
layout(location = 0) out vec4 result;
void main() {
  vec3 n = normalize(normal);
  vec3 to_eye = frame.eye.xyz - world;
  float distance_to_eye = length(to_eye);
  vec3 v = to_eye / distance_to_eye;
  vec3 h = normalize(v + frame.light.xyz);
  float diffuse = max(dot(n, frame.light.xyz), 0.0);
  float specular = pow(max(dot(n, h), 0.0), 32.0);
  float hemisphere = 0.5 + 0.5 * n.y;
  vec3 lit = color * (0.22 + 0.28 * hemisphere + 0.75 * diffuse) + vec3(0.35) * specular;
  float fog = 1.0 - exp(-0.0016 * distance_to_eye * distance_to_eye);
  result = vec4(mix(lit, frame.sky.rgb, clamp(fog, 0.0, 1.0)), 1.0);
}
