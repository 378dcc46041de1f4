// The small Vulkan helper that the pixel cases share.
//
// A Context is an instance, a device with every feature the driver offers (1.0 to 1.3) switched on, and one
// queue. Whatever is made through it is destroyed with it, in reverse order. It is plain Vulkan against
// libvulkan: it knows nothing of Viaduct, so a case that passes here passes on any conforming driver.
//
// Memory is chosen by what the specification promises, never by what software drivers happen to have: device
// buffers and images go to device-local memory that may not be mappable, host buffers to visible memory that
// may not be coherent (flush and invalidate are called where it is not). One thread uses a Context at a time,
// except where a case says otherwise. Failures are exceptions: Failure for a wrong result, Skip for a missing
// feature.
#pragma once

#include <vulkan/vulkan.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

namespace pixels {

struct Skip : std::runtime_error {
  using std::runtime_error::runtime_error;
};
struct Failure : std::runtime_error {
  using std::runtime_error::runtime_error;
};

void check(VkResult result, const char* what);
void expect(bool condition, const char* what);
void require(bool feature, const char* what);  // throws Skip

#define PIXELS_VK(expression) ::pixels::check((expression), #expression)

using Bytes = std::vector<std::byte>;
using Words = std::span<const uint32_t>;

enum class Residency { kDevice, kHost, kHostCoherent, kHostCached };

struct Buffer {
  VkBuffer handle = VK_NULL_HANDLE;
  VkDeviceMemory memory = VK_NULL_HANDLE;
  VkDeviceSize size = 0;
  std::byte* mapped = nullptr;  // null for kDevice
  bool coherent = false;
};

struct ImageOptions {
  VkFormat format = VK_FORMAT_R8G8B8A8_UNORM;
  VkExtent3D extent = {128, 128, 1};
  VkImageUsageFlags usage = VK_IMAGE_USAGE_COLOR_ATTACHMENT_BIT | VK_IMAGE_USAGE_TRANSFER_SRC_BIT;
  uint32_t mips = 1;
  uint32_t layers = 1;
  VkSampleCountFlagBits samples = VK_SAMPLE_COUNT_1_BIT;
  VkImageCreateFlags flags = 0;
  VkImageViewType view_type = VK_IMAGE_VIEW_TYPE_2D;
};

struct Image {
  VkImage handle = VK_NULL_HANDLE;
  VkDeviceMemory memory = VK_NULL_HANDLE;
  VkImageView view = VK_NULL_HANDLE;
  VkImageAspectFlags aspect = VK_IMAGE_ASPECT_COLOR_BIT;
  ImageOptions options;
};

struct Vertex {
  float position[3];
  float color[3];
  float uv[2];
};

struct PassOptions {
  VkFormat color = VK_FORMAT_R8G8B8A8_UNORM;
  VkFormat depth = VK_FORMAT_UNDEFINED;
  VkSampleCountFlagBits samples = VK_SAMPLE_COUNT_1_BIT;
  bool resolve = false;  // attachment order: color, [depth], [resolve]
  VkAttachmentLoadOp load = VK_ATTACHMENT_LOAD_OP_CLEAR;
};

struct PipelineOptions {
  Words vertex, fragment;
  VkPipelineLayout layout = VK_NULL_HANDLE;
  VkRenderPass pass = VK_NULL_HANDLE;
  uint32_t subpass = 0;
  bool vertex_input = true;     // binding 0: Vertex
  bool instance_input = false;  // binding 1: vec4 at location 3, one an instance
  VkPrimitiveTopology topology = VK_PRIMITIVE_TOPOLOGY_TRIANGLE_LIST;
  VkSampleCountFlagBits samples = VK_SAMPLE_COUNT_1_BIT;
  bool depth_test = false;
  VkCompareOp depth_compare = VK_COMPARE_OP_LESS;
  const VkStencilOpState* stencil = nullptr;
  std::vector<VkPipelineColorBlendAttachmentState> blend;  // empty: one attachment, no blending
  const VkSpecializationInfo* specialization = nullptr;    // of the fragment stage
  const void* next = nullptr;
  VkPipelineCache cache = VK_NULL_HANDLE;
  std::vector<VkDynamicState> dynamic;
};

struct Binding {
  uint32_t binding;
  VkDescriptorType type;
  uint32_t count = 1;
  VkShaderStageFlags stages = VK_SHADER_STAGE_ALL;
};

class Context {
 public:
  // `wished` device extensions are switched on where the driver has them; has() tells. `extra` are structs
  // for vkCreateDevice's chain, used if the driver has all of `wished`; the last one's pNext is written.
  explicit Context(const std::vector<const char*>& wished = {}, VkBaseOutStructure* extra = nullptr);
  ~Context();
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  VkInstance instance = VK_NULL_HANDLE;
  VkPhysicalDevice physical = VK_NULL_HANDLE;
  VkDevice device = VK_NULL_HANDLE;
  uint32_t family = 0;
  VkQueue queue = VK_NULL_HANDLE;
  VkCommandPool pool = VK_NULL_HANDLE;
  VkPhysicalDeviceProperties properties{};
  VkPhysicalDeviceMemoryProperties memory_properties{};
  VkPhysicalDeviceFeatures features{};
  VkPhysicalDeviceVulkan11Features features11{};
  VkPhysicalDeviceVulkan12Features features12{};
  VkPhysicalDeviceVulkan13Features features13{};

  bool has(const char* extension) const;
  void defer(std::function<void()> action) { cleanup_.push_back(std::move(action)); }

  // Index of a type allowed by `bits` that has `wanted`, preferring one with `preferred` too; UINT32_MAX if
  // none.
  uint32_t memory_type(uint32_t bits, VkMemoryPropertyFlags wanted,
                       VkMemoryPropertyFlags preferred = 0) const;
  Buffer buffer(VkDeviceSize size, VkBufferUsageFlags usage, Residency residency = Residency::kDevice);
  Image image(const ImageOptions& options);
  VkImageView view(const Image& image, VkImageViewType type, VkImageSubresourceRange range, VkFormat format);
  VkSampler sampler(VkFilter filter = VK_FILTER_LINEAR,
                    VkSamplerAddressMode mode = VK_SAMPLER_ADDRESS_MODE_REPEAT);
  VkShaderModule shader(Words words);
  VkFence fence(bool signaled = false);
  VkSemaphore semaphore();
  VkSemaphore timeline(uint64_t value = 0);
  VkEvent event();
  VkCommandPool command_pool();
  VkCommandBuffer command_buffer(VkCommandPool pool,
                                 VkCommandBufferLevel level = VK_COMMAND_BUFFER_LEVEL_PRIMARY);

  void flush(const Buffer& buffer);
  void invalidate(const Buffer& buffer);
  void upload(const Buffer& buffer, const void* data, std::size_t size);
  Bytes read(const Buffer& buffer);
  // Fills one mip and layer from tightly packed texels; leaves the image in `layout`.
  void upload_image(const Image& image, const void* data, std::size_t size, VkImageLayout layout,
                    uint32_t mip = 0, uint32_t layer = 0);
  Bytes read_image(const Image& image, VkImageLayout layout, uint32_t texel_size = 4, uint32_t mip = 0,
                   uint32_t layer = 0, VkImageAspectFlags aspect = 0);

  VkRenderPass render_pass(const PassOptions& options);
  VkFramebuffer framebuffer(VkRenderPass pass, std::vector<VkImageView> views, uint32_t width,
                            uint32_t height, uint32_t layers = 1);
  VkDescriptorSetLayout set_layout(const std::vector<Binding>& bindings);
  VkDescriptorSet descriptor_set(VkDescriptorSetLayout layout, const std::vector<Binding>& bindings);
  void write_buffer(VkDescriptorSet set, uint32_t binding, VkDescriptorType type, const Buffer& buffer);
  void write_image(VkDescriptorSet set, uint32_t binding, VkDescriptorType type, VkImageView view,
                   VkSampler sampler, VkImageLayout layout = VK_IMAGE_LAYOUT_SHADER_READ_ONLY_OPTIMAL,
                   uint32_t element = 0);
  VkPipelineLayout pipeline_layout(const std::vector<VkDescriptorSetLayout>& sets, uint32_t push_size = 0);
  VkPipeline pipeline(const PipelineOptions& options);
  VkPipeline compute(Words words, VkPipelineLayout layout,
                     const VkSpecializationInfo* specialization = nullptr,
                     VkPipelineCache cache = VK_NULL_HANDLE);

  // Records, submits, and waits for the end.
  void submit(const std::function<void(VkCommandBuffer)>& record);
  void submit_and_wait(VkCommandBuffer command_buffer);

 private:
  std::vector<std::function<void()>> cleanup_;
  std::vector<const char*> enabled_;
};

void begin(VkCommandBuffer command_buffer);    // ONE_TIME_SUBMIT
void barrier(VkCommandBuffer command_buffer);  // everything before, then everything after
void transition(VkCommandBuffer command_buffer, const Image& image, VkImageLayout from, VkImageLayout to,
                uint32_t first_mip = 0, uint32_t mips = VK_REMAINING_MIP_LEVELS);
void viewport(VkCommandBuffer command_buffer, uint32_t width, uint32_t height);
void begin_pass(VkCommandBuffer command_buffer, VkRenderPass pass, VkFramebuffer framebuffer, uint32_t width,
                uint32_t height, std::vector<VkClearValue> clears,
                VkSubpassContents contents = VK_SUBPASS_CONTENTS_INLINE);
VkClearValue clear_color(float r, float g, float b, float a = 1.0f);
VkClearValue clear_depth(float depth, uint32_t stencil = 0);

// Deterministic test data: the same bytes for the same seed everywhere.
Bytes noise(std::size_t size, uint32_t seed);

// What a case hands to main: the bytes that must be the same on every path.
class Output {
 public:
  void add(const Bytes& bytes) { bytes_.insert(bytes_.end(), bytes.begin(), bytes.end()); }
  void add(const void* data, std::size_t size) {
    auto* first = static_cast<const std::byte*>(data);
    bytes_.insert(bytes_.end(), first, first + size);
  }
  template <class T>
  void value(T value) {
    add(&value, sizeof value);
  }
  const Bytes& bytes() const { return bytes_; }

 private:
  Bytes bytes_;
};

struct Case {
  const char* name;
  const char* shows;
  void (*run)(Output&);
};
std::vector<Case>& cases();
struct Register {
  Register(const char* name, const char* shows, void (*run)(Output&)) {
    cases().push_back({name, shows, run});
  }
};

#define PIXELS_CASE(name, shows)                                             \
  static void run_##name(::pixels::Output& out);                             \
  static const ::pixels::Register register_##name{#name, shows, run_##name}; \
  static void run_##name([[maybe_unused]] ::pixels::Output& out)

}  // namespace pixels
