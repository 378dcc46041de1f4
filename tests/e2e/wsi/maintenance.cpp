// Scenarios of the extensions that grew around swapchains.
#include <chrono>
#include <thread>

#include "tests/e2e/wsi/stage.hpp"

namespace wsi_window {
namespace {

constexpr std::uint64_t kSecond = 1'000'000'000;

VkResult capabilities(Stage& stage, const void* asked, void* answered) {
  const auto query = reinterpret_cast<PFN_vkGetPhysicalDeviceSurfaceCapabilities2KHR>(
      vkGetInstanceProcAddr(stage.gpu.instance, "vkGetPhysicalDeviceSurfaceCapabilities2KHR"));
  CHECK(query != nullptr);
  const VkPhysicalDeviceSurfaceInfo2KHR info{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SURFACE_INFO_2_KHR, asked,
                                             stage.surface()};
  VkSurfaceCapabilities2KHR out{};
  out.sType = VK_STRUCTURE_TYPE_SURFACE_CAPABILITIES_2_KHR;
  out.pNext = answered;
  return query(stage.gpu.physical, &info, &out);
}

std::vector<VkPresentModeKHR> compatible_modes(Stage& stage, VkPresentModeKHR mode) {
  const VkSurfacePresentModeEXT asked{VK_STRUCTURE_TYPE_SURFACE_PRESENT_MODE_EXT, nullptr, mode};
  VkSurfacePresentModeCompatibilityEXT answer{VK_STRUCTURE_TYPE_SURFACE_PRESENT_MODE_COMPATIBILITY_EXT,
                                              nullptr, 0, nullptr};
  CHECK_VK(capabilities(stage, &asked, &answer));
  CHECK(answer.presentModeCount >= 1);
  std::vector<VkPresentModeKHR> modes(answer.presentModeCount);
  answer.pPresentModes = modes.data();
  CHECK_VK(capabilities(stage, &asked, &answer));
  CHECK(answer.presentModeCount == modes.size());
  CHECK(std::find(modes.begin(), modes.end(), mode) != modes.end());
  return modes;
}

/// Acquires every image that can be had and gives them all back unseen; there is one to be had after that.
void release_all(Stage& stage, Chain& chain) {
  const auto release = stage.gpu.proc<PFN_vkReleaseSwapchainImagesEXT>("vkReleaseSwapchainImagesEXT");
  for (int round = 0; round < 3; ++round) {
    std::vector<std::uint32_t> held;
    std::uint32_t index = 0;
    const VkFence fence = stage.gpu.fence();
    // As long as an engine may be expected to have one: it may keep all but minImageCount's difference.
    while (held.size() < 2 && vkAcquireNextImageKHR(stage.gpu.device, chain.handle(), kSecond, VK_NULL_HANDLE,
                                                    fence, &index) == VK_SUCCESS) {
      CHECK_VK(vkWaitForFences(stage.gpu.device, 1, &fence, VK_TRUE, 5 * kSecond));
      CHECK_VK(vkResetFences(stage.gpu.device, 1, &fence));
      held.push_back(index);
    }
    CHECK(held.size() == 2);
    const VkReleaseSwapchainImagesInfoEXT info{VK_STRUCTURE_TYPE_RELEASE_SWAPCHAIN_IMAGES_INFO_EXT, nullptr,
                                               chain.handle(), static_cast<std::uint32_t>(held.size()),
                                               held.data()};
    CHECK_VK(release(stage.gpu.device, &info));
  }
}

/// Clears the image through a view of another format, by a render pass; PRESENT_SRC afterwards.
class ViewClear {
 public:
  ViewClear(Gpu& gpu, VkImage image, VkFormat format, VkExtent2D extent) : gpu_(gpu), extent_(extent) {
    VkImageViewCreateInfo view{};
    view.sType = VK_STRUCTURE_TYPE_IMAGE_VIEW_CREATE_INFO;
    view.image = image;
    view.viewType = VK_IMAGE_VIEW_TYPE_2D;
    view.format = format;
    view.subresourceRange = {VK_IMAGE_ASPECT_COLOR_BIT, 0, 1, 0, 1};
    CHECK_VK(vkCreateImageView(gpu.device, &view, nullptr, &view_));
    VkAttachmentDescription attachment{};
    attachment.format = format;
    attachment.samples = VK_SAMPLE_COUNT_1_BIT;
    attachment.loadOp = VK_ATTACHMENT_LOAD_OP_CLEAR;
    attachment.storeOp = VK_ATTACHMENT_STORE_OP_STORE;
    attachment.initialLayout = VK_IMAGE_LAYOUT_UNDEFINED;
    attachment.finalLayout = VK_IMAGE_LAYOUT_PRESENT_SRC_KHR;
    const VkAttachmentReference colour{0, VK_IMAGE_LAYOUT_COLOR_ATTACHMENT_OPTIMAL};
    VkSubpassDescription subpass{};
    subpass.pipelineBindPoint = VK_PIPELINE_BIND_POINT_GRAPHICS;
    subpass.colorAttachmentCount = 1;
    subpass.pColorAttachments = &colour;
    VkRenderPassCreateInfo pass{};
    pass.sType = VK_STRUCTURE_TYPE_RENDER_PASS_CREATE_INFO;
    pass.attachmentCount = 1;
    pass.pAttachments = &attachment;
    pass.subpassCount = 1;
    pass.pSubpasses = &subpass;
    CHECK_VK(vkCreateRenderPass(gpu.device, &pass, nullptr, &pass_));
    const VkFramebufferCreateInfo framebuffer{VK_STRUCTURE_TYPE_FRAMEBUFFER_CREATE_INFO,
                                              nullptr,
                                              0,
                                              pass_,
                                              1,
                                              &view_,
                                              extent.width,
                                              extent.height,
                                              1};
    CHECK_VK(vkCreateFramebuffer(gpu.device, &framebuffer, nullptr, &framebuffer_));
  }
  ~ViewClear() {
    vkDeviceWaitIdle(gpu_.device);
    vkDestroyFramebuffer(gpu_.device, framebuffer_, nullptr);
    vkDestroyRenderPass(gpu_.device, pass_, nullptr);
    vkDestroyImageView(gpu_.device, view_, nullptr);
  }
  void submit(float value, VkSemaphore acquired, VkSemaphore rendered) {
    const VkCommandBufferAllocateInfo allocate{VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO, nullptr,
                                               gpu_.pool, VK_COMMAND_BUFFER_LEVEL_PRIMARY, 1};
    VkCommandBuffer commands = VK_NULL_HANDLE;
    CHECK_VK(vkAllocateCommandBuffers(gpu_.device, &allocate, &commands));
    VkCommandBufferBeginInfo begin{};
    begin.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO;
    CHECK_VK(vkBeginCommandBuffer(commands, &begin));
    VkClearValue clear{};
    clear.color = {{value, value, value, 1}};
    const VkRenderPassBeginInfo pass{
        VK_STRUCTURE_TYPE_RENDER_PASS_BEGIN_INFO, nullptr, pass_, framebuffer_, {{0, 0}, extent_}, 1, &clear};
    vkCmdBeginRenderPass(commands, &pass, VK_SUBPASS_CONTENTS_INLINE);
    vkCmdEndRenderPass(commands);
    CHECK_VK(vkEndCommandBuffer(commands));
    const VkPipelineStageFlags stage = VK_PIPELINE_STAGE_COLOR_ATTACHMENT_OUTPUT_BIT;
    const VkSubmitInfo info{
        VK_STRUCTURE_TYPE_SUBMIT_INFO, nullptr, 1, &acquired, &stage, 1, &commands, 1, &rendered};
    CHECK_VK(vkQueueSubmit(gpu_.queue, 1, &info, VK_NULL_HANDLE));
  }

 private:
  Gpu& gpu_;
  VkExtent2D extent_;
  VkImageView view_ = VK_NULL_HANDLE;
  VkRenderPass pass_ = VK_NULL_HANDLE;
  VkFramebuffer framebuffer_ = VK_NULL_HANDLE;
};

}  // namespace

int ids(Stage& stage) {
  if (!stage.gpu.has("VK_KHR_present_id") || !stage.gpu.has("VK_KHR_present_wait")) return kSkipped;
  const auto wait = stage.gpu.proc<PFN_vkWaitForPresentKHR>("vkWaitForPresentKHR");
  VkSwapchainKHR old = VK_NULL_HANDLE;
  std::unique_ptr<Chain> previous;
  for (const VkPresentModeKHR mode : stage.modes()) {
    auto chain = std::make_unique<Chain>(stage.gpu, stage.surface(), kExtent, mode, old);
    previous.reset();
    for (std::uint64_t id = 5; id < 65; id += 5) {
      const VkPresentIdKHR present{VK_STRUCTURE_TYPE_PRESENT_ID_KHR, nullptr, 1, &id};
      stage.window().pump();
      CHECK_VK(chain->draw(0x100000 + static_cast<std::uint32_t>(id), &present));
      if (id % 2 == 0) continue;
      CHECK_VK(wait(stage.gpu.device, chain->handle(), id, 5 * kSecond));
      CHECK(
          becomes(stage.window(), 0x100000 + static_cast<std::uint32_t>(id), kExtent.width, kExtent.height));
    }
    CHECK_VK(wait(stage.gpu.device, chain->handle(), 60, 5 * kSecond));
    CHECK_VK(wait(stage.gpu.device, chain->handle(), 1, 0));
    CHECK_RESULT(wait(stage.gpu.device, chain->handle(), 61, kSecond / 20), VK_TIMEOUT);
    CHECK_RESULT(wait(stage.gpu.device, chain->handle(), 61, 0), VK_TIMEOUT);
    old = chain->handle();
    previous = std::move(chain);
  }
  return 0;
}

int await(Stage& stage) {
  if (!stage.gpu.has("VK_KHR_present_wait")) return kSkipped;
  const auto wait = stage.gpu.proc<PFN_vkWaitForPresentKHR>("vkWaitForPresentKHR");
  Chain chain(stage.gpu, stage.surface(), kExtent);
  const std::uint64_t id = 1;
  const VkPresentIdKHR present{VK_STRUCTURE_TYPE_PRESENT_ID_KHR, nullptr, 1, &id};
  CHECK_VK(chain.draw(0x445566, &present));
  CHECK_VK(wait(stage.gpu.device, chain.handle(), 1, 5 * kSecond));
  std::puts("running");
  std::fflush(stdout);
  std::printf("ended %d\n", wait(stage.gpu.device, chain.handle(), 2, UINT64_MAX));
  return 0;
}

int maintenance(Stage& stage) {
  if (!stage.gpu.has("VK_EXT_swapchain_maintenance1")) return kSkipped;
  const auto modes = compatible_modes(stage, VK_PRESENT_MODE_FIFO_KHR);
  for (const VkPresentModeKHR mode : modes) {
    CHECK(stage.has(mode));
    const auto back = compatible_modes(stage, mode);
    CHECK(std::find(back.begin(), back.end(), VK_PRESENT_MODE_FIFO_KHR) != back.end());
  }
  const VkSwapchainPresentModesCreateInfoEXT all{VK_STRUCTURE_TYPE_SWAPCHAIN_PRESENT_MODES_CREATE_INFO_EXT,
                                                 nullptr, static_cast<std::uint32_t>(modes.size()),
                                                 modes.data()};
  Chain chain(stage.gpu, stage.surface(), {.extent = kExtent, .next = &all});
  const VkFence fence = stage.gpu.fence();
  const VkSemaphore acquired = stage.gpu.semaphore();
  const VkSemaphore rendered = stage.gpu.semaphore();
  for (std::uint32_t i = 0; i < 24; ++i) {
    const VkPresentModeKHR mode = modes[(i / 4) % modes.size()];
    VkSwapchainPresentModeInfoEXT now{VK_STRUCTURE_TYPE_SWAPCHAIN_PRESENT_MODE_INFO_EXT, nullptr, 1, &mode};
    const VkSwapchainPresentFenceInfoEXT done{VK_STRUCTURE_TYPE_SWAPCHAIN_PRESENT_FENCE_INFO_EXT,
                                              i % 4 == 0 ? &now : nullptr, 1, &fence};
    std::uint32_t index = 0;
    stage.window().pump();
    CHECK_VK(chain.acquire(index, acquired));
    stage.gpu.clear(chain.images()[index], 0x200000 + i, acquired, rendered);
    CHECK_VK(chain.present(index, rendered, &done));
    // After the fence the semaphores are free: the next frame uses the same two.
    CHECK_VK(vkWaitForFences(stage.gpu.device, 1, &fence, VK_TRUE, 5 * kSecond));
    CHECK_VK(vkResetFences(stage.gpu.device, 1, &fence));
  }
  CHECK(becomes(stage.window(), 0x200017, kExtent.width, kExtent.height));
  release_all(stage, chain);
  CHECK_VK(chain.draw(0x2200ff));
  CHECK(becomes(stage.window(), 0x2200ff, kExtent.width, kExtent.height));
  Chain late(stage.gpu, stage.surface(),
             {.extent = kExtent,
              .old = chain.handle(),
              .flags = VK_SWAPCHAIN_CREATE_DEFERRED_MEMORY_ALLOCATION_BIT_EXT});
  for (std::uint32_t i = 0; i < 6; ++i) CHECK_VK(late.draw(0x220000 + i));
  CHECK(becomes(stage.window(), 0x220005, kExtent.width, kExtent.height));
  return 0;
}

int scaling(Stage& stage) {
  if (!stage.gpu.has("VK_EXT_swapchain_maintenance1")) return kSkipped;
  VkSurfacePresentScalingCapabilitiesEXT can{};
  can.sType = VK_STRUCTURE_TYPE_SURFACE_PRESENT_SCALING_CAPABILITIES_EXT;
  const VkSurfacePresentModeEXT asked{VK_STRUCTURE_TYPE_SURFACE_PRESENT_MODE_EXT, nullptr,
                                      VK_PRESENT_MODE_FIFO_KHR};
  CHECK_VK(capabilities(stage, &asked, &can));
  if ((can.supportedPresentScaling & VK_PRESENT_SCALING_ONE_TO_ONE_BIT_EXT) == 0) return kSkipped;
  CHECK(can.minScaledImageExtent.width <= 120 && can.minScaledImageExtent.height <= 80);
  CHECK(can.maxScaledImageExtent.width >= kExtent.width && can.maxScaledImageExtent.height >= kExtent.height);
  const VkSwapchainPresentScalingCreateInfoEXT one_to_one{
      VK_STRUCTURE_TYPE_SWAPCHAIN_PRESENT_SCALING_CREATE_INFO_EXT, nullptr,
      VK_PRESENT_SCALING_ONE_TO_ONE_BIT_EXT, VK_PRESENT_GRAVITY_MIN_BIT_EXT, VK_PRESENT_GRAVITY_MIN_BIT_EXT};
  constexpr VkExtent2D kHalf{120, 80};
  Chain chain(stage.gpu, stage.surface(), {.extent = kHalf, .next = &one_to_one});
  for (std::uint32_t i = 0; i < 6; ++i) {
    stage.window().pump();
    CHECK_VK(chain.draw(0x330000 + i));
  }
  // Where the swapchain decides the surface's size, that is what the surface shows.
  const bool fixed = stage.platform == "xcb" || stage.platform == "xlib";
  if (!fixed) {
    CHECK(becomes(stage.window(), 0x330005, kHalf.width, kHalf.height));
    return 0;
  }
  const auto corner = [&] {
    const auto pixels = stage.window().pixels(kExtent.width, kExtent.height);
    return pixels.empty() ? 0 : pixels[(kHalf.height - 1) * kExtent.width + kHalf.width - 1] & 0xffffff;
  };
  for (int i = 0; i < 400 && corner() != 0x330005; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  CHECK(corner() == 0x330005);
  const auto pixels = stage.window().pixels(kExtent.width, kExtent.height);
  CHECK((pixels[kHalf.height * kExtent.width] & 0xffffff) != 0x330005);
  return 0;
}

int views(Stage& stage) {
  if (!stage.gpu.has("VK_KHR_swapchain_mutable_format")) return kSkipped;
  const VkFormat formats[2] = {VK_FORMAT_B8G8R8A8_UNORM, VK_FORMAT_B8G8R8A8_SRGB};
  const VkImageFormatListCreateInfo list{VK_STRUCTURE_TYPE_IMAGE_FORMAT_LIST_CREATE_INFO, nullptr, 2,
                                         formats};
  Chain chain(stage.gpu, stage.surface(),
              {.extent = kExtent,
               .flags = VK_SWAPCHAIN_CREATE_MUTABLE_FORMAT_BIT_KHR,
               .usage = VK_IMAGE_USAGE_COLOR_ATTACHMENT_BIT,
               .next = &list});
  struct Case {
    VkFormat format;
    float value;
    std::uint32_t colour;
  };
  for (const Case& each :
       {Case{formats[0], 0x80 / 255.0f, 0x808080}, Case{formats[1], 0.2158605f, 0x808080}}) {
    const VkSemaphore acquired = stage.gpu.semaphore();
    const VkSemaphore rendered = stage.gpu.semaphore();
    std::uint32_t index = 0;
    CHECK_VK(chain.acquire(index, acquired));
    ViewClear clear(stage.gpu, chain.images()[index], each.format, kExtent);
    clear.submit(each.value, acquired, rendered);
    CHECK_VK(chain.present(index, rendered));
    CHECK(becomes(stage.window(), each.colour, kExtent.width, kExtent.height));
  }
  return 0;
}

}  // namespace wsi_window
