#include "fps/scene.hpp"

namespace viaduct::bench {
namespace {

constexpr float kPi = 3.14159265f;

// 3 by 5 digits, a bit a box, the top row first.
constexpr uint16_t kDigits[10] = {0b111101101101111, 0b010110010010111, 0b111001111100111, 0b111001111001111,
                                  0b101101111001001, 0b111100111001111, 0b111100111101111, 0b111001001001001,
                                  0b111101111101111, 0b111101111001111};

float hue_of(uint32_t tenant) { return std::fmod(0.56f + 0.381966f * static_cast<float>(tenant - 1), 1.0f); }

void set_color(Box& box, Vec3 color) {
  box.color[0] = color.x;
  box.color[1] = color.y;
  box.color[2] = color.z;
  box.color[3] = 1.0f;
}

void add_number(uint32_t tenant, float time, std::vector<Box>& boxes) {
  uint32_t digits[4], count = 0;
  for (uint32_t n = tenant; count < 4 && (n || !count); n /= 10) digits[count++] = n % 10;
  float swing = std::sin(time * 0.9f) * 0.55f, bob = 3.6f + 0.25f * std::sin(time * 1.7f);
  float width = static_cast<float>(count) * 4.0f - 1.0f;
  for (uint32_t d = 0; d < count; ++d)
    for (uint32_t bit = 0; bit < 15; ++bit) {
      if (!(kDigits[digits[count - 1 - d]] >> (14 - bit) & 1)) continue;
      float x = static_cast<float>(d * 4 + bit % 3) - (width - 1) / 2, y = 2.0f - static_cast<float>(bit / 3);
      x *= 0.9f;
      Box box{};
      box.center[0] = x * std::cos(swing);
      box.center[1] = bob + y * 0.9f;
      box.center[2] = -x * std::sin(swing);
      box.turn = swing + 0.35f * std::sin(time * 2.3f + static_cast<float>(bit));
      box.size[0] = box.size[1] = box.size[2] = 0.41f;
      set_color(box, hsv(hue_of(tenant) + 0.03f * std::sin(time + y), 0.45f, 1.0f));
      boxes.push_back(box);
    }
}

void add_waves(uint32_t tenant, float time, std::vector<Box>& boxes) {
  constexpr int kColumns = 20, kRows = 14;
  for (int row = 0; row < kRows; ++row)
    for (int column = 0; column < kColumns; ++column) {
      float x = static_cast<float>(column) - (kColumns - 1) / 2.0f,
            z = static_cast<float>(row) - kRows / 2.0f;
      float radius = std::sqrt(x * x + z * z);
      float wave = std::sin(radius * 0.75f - time * 2.2f) * std::exp(-radius * 0.06f);
      float height = 0.55f + 0.45f * wave;
      Box box{};
      box.center[0] = x;
      box.center[1] = height / 2 - 0.6f;
      box.center[2] = z;
      box.turn = 0.25f * wave;
      box.size[0] = box.size[2] = 0.46f;
      box.size[1] = height;
      set_color(box, hsv(hue_of(tenant) + 0.10f * wave + 1.0f, 0.70f, 0.55f + 0.35f * wave));
      boxes.push_back(box);
    }
}

}  // namespace

bool parse_scene(std::string_view name, Scene& scene) {
  for (Scene candidate : {Scene::kCubes, Scene::kSpin, Scene::kRecord})
    if (name == scene_name(candidate)) {
      scene = candidate;
      return true;
    }
  return false;
}

const char* scene_name(Scene scene) {
  switch (scene) {
    case Scene::kCubes:
      return "cubes";
    case Scene::kSpin:
      return "spin";
    case Scene::kRecord:
      return "record";
  }
  return "";
}

void build_boxes(Scene scene, uint32_t tenant, uint64_t frame, std::vector<Box>& boxes) {
  float time = static_cast<float>(frame % 36000) / 60.0f;
  boxes.clear();
  add_number(tenant, time, boxes);
  if (scene == Scene::kCubes) add_waves(tenant, time, boxes);
}

FrameUniforms build_uniforms(Scene scene, uint32_t tenant, uint64_t frame, float aspect) {
  float time = static_cast<float>(frame % 36000) / 60.0f;
  float around = 0.35f * std::sin(time * 0.31f) + 0.1f * static_cast<float>(tenant);
  float away = scene == Scene::kCubes ? 13.5f : 9.0f;
  Vec3 eye{away * std::sin(around), scene == Scene::kCubes ? 6.2f + 0.6f * std::sin(time * 0.5f) : 4.0f,
           away * std::cos(around)};
  FrameUniforms result{};
  result.view_projection = multiply(perspective(kPi / 3.6f, aspect, 0.3f, 60.0f), look_at(eye, {0, 2.3f, 0}));
  Vec3 light = normalize({0.45f, 0.8f, 0.55f}), sky = hsv(hue_of(tenant) + 0.45f, 0.22f, 0.62f);
  float copies[3][4] = {{eye.x, eye.y, eye.z, 1}, {light.x, light.y, light.z, 0}, {sky.x, sky.y, sky.z, 1}};
  for (int i = 0; i < 4; ++i) {
    result.eye[i] = copies[0][i];
    result.light[i] = copies[1][i];
    result.sky[i] = copies[2][i];
  }
  return result;
}

}  // namespace viaduct::bench
