#version 450

layout(location = 0) out vec4 colour;

// Each pixel's own place, in whole 255ths.
void main() {
  ivec2 place = ivec2(gl_FragCoord.xy);
  colour = vec4(vec3(place.x * 4, place.y * 4, 128) / 255.0, 1.0);
}
