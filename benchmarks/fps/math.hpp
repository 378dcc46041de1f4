// The few lines of linear algebra that the scenes need. Matrices are column-major; clip space is Vulkan's.
#pragma once

#include <array>
#include <cmath>

namespace viaduct::bench {

struct Vec3 {
  float x = 0, y = 0, z = 0;
};
inline Vec3 operator-(Vec3 a, Vec3 b) { return {a.x - b.x, a.y - b.y, a.z - b.z}; }
inline float dot(Vec3 a, Vec3 b) { return a.x * b.x + a.y * b.y + a.z * b.z; }
inline Vec3 cross(Vec3 a, Vec3 b) {
  return {a.y * b.z - a.z * b.y, a.z * b.x - a.x * b.z, a.x * b.y - a.y * b.x};
}
inline Vec3 normalize(Vec3 a) {
  float length = std::sqrt(dot(a, a));
  return {a.x / length, a.y / length, a.z / length};
}

using Mat4 = std::array<float, 16>;

inline Mat4 multiply(const Mat4& a, const Mat4& b) {
  Mat4 result{};
  for (std::size_t c = 0; c < 4; ++c)
    for (std::size_t r = 0; r < 4; ++r)
      for (std::size_t k = 0; k < 4; ++k) result[c * 4 + r] += a[k * 4 + r] * b[c * 4 + k];
  return result;
}

inline Mat4 look_at(Vec3 eye, Vec3 target) {
  Vec3 f = normalize(target - eye), s = normalize(cross(f, {0, 1, 0})), u = cross(s, f);
  return {s.x, u.x, -f.x, 0, s.y,          u.y,          -f.y,        0,
          s.z, u.z, -f.z, 0, -dot(s, eye), -dot(u, eye), dot(f, eye), 1};
}

inline Mat4 perspective(float vertical_angle, float aspect, float near, float far) {
  float t = 1.0f / std::tan(vertical_angle / 2);
  return {t / aspect, 0, 0, 0, 0, -t, 0, 0, 0, 0, far / (near - far), -1, 0, 0, near * far / (near - far), 0};
}

// hue in [0,1)
inline Vec3 hsv(float hue, float saturation, float value) {
  auto channel = [&](float n) {
    float k = std::fmod(n + hue * 6.0f, 6.0f);
    return value - value * saturation * std::fmax(0.0f, std::fmin(std::fmin(k, 4.0f - k), 1.0f));
  };
  return {channel(5), channel(3), channel(1)};
}

}  // namespace viaduct::bench
