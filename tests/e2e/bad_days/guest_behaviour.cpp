// Programs whose shape is unusual rather than their Vulkan: `guest_behaviour MODE`. Every mode must behave
// through the driver as it does natively; test_bad_days.py runs each in both ways and compares status and
// output.
#include <dlfcn.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vulkan/vulkan.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <thread>
#include <vector>

#include "tests/e2e/bad_days/gpu.hpp"

namespace viaduct::bad_days {
namespace {

// Fills a buffer on the GPU and says whether the words arrived.
bool fill_works(const Gpu& gpu, uint32_t word) {
  MappedBuffer target(gpu, 4096);
  const VkFence fence = make_fence(gpu);
  const VkCommandBuffer commands = allocate_commands(gpu, gpu.pool);
  begin(commands);
  record_fill(commands, target, word);
  end(commands);
  require(submit(gpu, commands, fence), "vkQueueSubmit");
  require(vkWaitForFences(gpu.device, 1, &fence, VK_TRUE, UINT64_MAX), "vkWaitForFences");
  bool right = true;
  for (uint32_t i = 0; i < 1024; ++i) right = right && target.words[i] == word;
  vkDestroyFence(gpu.device, fence, nullptr);
  vkFreeCommandBuffers(gpu.device, gpu.pool, 1, &commands);
  target.destroy(gpu);
  return right;
}

int wait_for(pid_t child) {
  int status = 0;
  if (waitpid(child, &status, 0) != child) return -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

// A child that only leaves must not disturb its parent's session; one that execs neither.
int fork_and_leave() {
  Gpu gpu;
  std::printf("before %d\n", fill_works(gpu, 1));
  std::fflush(stdout);
  for (int i = 0; i < 3; ++i) {
    const pid_t child = fork();
    if (child == 0) {
      if (i == 0) _exit(0);
      if (i == 1) std::exit(0);  // runs the exit handlers of a copied process
      execl("/bin/true", "true", nullptr);
      _exit(9);
    }
    std::printf("child %d\n", wait_for(child));
    std::printf("parent %d\n", fill_works(gpu, 2));
    std::fflush(stdout);
  }
  gpu.destroy();
  return 0;
}

// A child that makes an instance of its own gets a session of its own, while the parent's goes on.
int fork_and_render() {
  Gpu gpu;
  std::fflush(stdout);
  const pid_t child = fork();
  if (child == 0) {
    Gpu own;
    const bool right = fill_works(own, 3);
    own.destroy();
    _exit(right ? 0 : 4);
  }
  const bool right = fill_works(gpu, 4);
  std::printf("child %d\nparent %d\n", wait_for(child), right);
  std::printf("parent again %d\n", fill_works(gpu, 5));
  gpu.destroy();
  return 0;
}

// Eight threads record and submit; the queue is guarded as the specification asks.
int threads() {
  Gpu gpu;
  std::mutex queue_lock;
  std::atomic<int> right{0};
  std::vector<std::thread> workers;
  for (uint32_t t = 0; t < 8; ++t) {
    workers.emplace_back([&gpu, &queue_lock, &right, t] {
      const VkCommandPool pool = make_pool(gpu);
      MappedBuffer target(gpu, 65536);
      const VkFence fence = make_fence(gpu);
      for (uint32_t round = 1; round <= 50; ++round) {
        const VkCommandBuffer commands = allocate_commands(gpu, pool);
        const uint32_t word = t << 16 | round;
        begin(commands);
        record_fill(commands, target, word);
        end(commands);
        {
          const std::lock_guard guard(queue_lock);
          require(submit(gpu, commands, fence), "vkQueueSubmit");
        }
        require(vkWaitForFences(gpu.device, 1, &fence, VK_TRUE, UINT64_MAX), "vkWaitForFences");
        if (target.words[0] == word && target.words[16383] == word) ++right;
        require(vkResetFences(gpu.device, 1, &fence), "vkResetFences");
        vkFreeCommandBuffers(gpu.device, pool, 1, &commands);
      }
      vkDestroyFence(gpu.device, fence, nullptr);
      target.destroy(gpu);
      vkDestroyCommandPool(gpu.device, pool, nullptr);
    });
  }
  for (std::thread& worker : workers) worker.join();
  std::printf("right %d\n", right.load());
  gpu.destroy();
  return 0;
}

// One thread waits for a timeline semaphore that another signals later.
int wait_then_signal() {
  Gpu gpu;
  const VkSemaphore timeline = make_timeline(gpu, 0);
  VkResult waited = VK_NOT_READY;
  std::atomic<bool> waiting{false};
  std::thread waiter([&] {
    const uint64_t value = 5;
    VkSemaphoreWaitInfo info{VK_STRUCTURE_TYPE_SEMAPHORE_WAIT_INFO};
    info.semaphoreCount = 1;
    info.pSemaphores = &timeline;
    info.pValues = &value;
    waiting = true;
    waited = vkWaitSemaphores(gpu.device, &info, 10'000'000'000);
  });
  while (!waiting) std::this_thread::yield();
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  std::printf("other work meanwhile %d\n", fill_works(gpu, 6));
  VkSemaphoreSignalInfo signal{VK_STRUCTURE_TYPE_SEMAPHORE_SIGNAL_INFO};
  signal.semaphore = timeline;
  signal.value = 5;
  require(vkSignalSemaphore(gpu.device, &signal), "vkSignalSemaphore");
  waiter.join();
  std::printf("waited %d\n", static_cast<int>(waited));
  vkDestroySemaphore(gpu.device, timeline, nullptr);
  gpu.destroy();
  return 0;
}

// Two instances live at once; destroying one leaves the other whole; a third comes after both.
int two_instances() {
  Gpu first;
  Gpu second;
  std::printf("first %d second %d\n", fill_works(first, 7), fill_works(second, 8));
  first.destroy();
  std::printf("second alone %d\n", fill_works(second, 9));
  second.destroy();
  Gpu third;
  std::printf("third %d\n", fill_works(third, 10));
  third.destroy();
  return 0;
}

// Leaves main with everything alive and work still running, and another thread inside a wait.
int leave_everything(bool with_thread) {
  static const Gpu gpu;
  static const MappedBuffer target(gpu, 1 << 20);
  const VkCommandBuffer commands = allocate_commands(gpu, gpu.pool);
  begin(commands);
  for (uint32_t i = 0; i < 200; ++i) record_fill(commands, target, i);
  end(commands);
  require(submit(gpu, commands, VK_NULL_HANDLE), "vkQueueSubmit");
  if (with_thread) {
    static const VkSemaphore never = make_timeline(gpu, 0);
    std::thread([] {
      const uint64_t value = 1;
      VkSemaphoreWaitInfo info{VK_STRUCTURE_TYPE_SEMAPHORE_WAIT_INFO};
      info.semaphoreCount = 1;
      info.pSemaphores = &never;
      info.pValues = &value;
      vkWaitSemaphores(gpu.device, &info, UINT64_MAX);
    }).detach();
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  std::printf("leaving\n");
  return 0;
}

// The loader is opened and closed again and again; nothing of the driver may stay behind and crash.
int reopen_library() {
  for (int i = 0; i < 4; ++i) {
    void* library = dlopen("libvulkan.so.1", RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr) return 3;
    const auto get = reinterpret_cast<PFN_vkGetInstanceProcAddr>(dlsym(library, "vkGetInstanceProcAddr"));
    const auto create = reinterpret_cast<PFN_vkCreateInstance>(get(nullptr, "vkCreateInstance"));
    const VkInstanceCreateInfo info{VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO};
    VkInstance instance = VK_NULL_HANDLE;
    if (create(&info, nullptr, &instance) != VK_SUCCESS) return 4;
    const auto enumerate =
        reinterpret_cast<PFN_vkEnumeratePhysicalDevices>(get(instance, "vkEnumeratePhysicalDevices"));
    uint32_t count = 0;
    enumerate(instance, &count, nullptr);
    reinterpret_cast<PFN_vkDestroyInstance>(get(instance, "vkDestroyInstance"))(instance, nullptr);
    dlclose(library);
    std::printf("round %d some devices %d\n", i, count > 0);
  }
  std::thread([] {}).join();  // thread-local destructors of a library that is gone would run here
  return 0;
}

int run(const char* mode) {
  if (std::strcmp(mode, "fork-and-leave") == 0) return fork_and_leave();
  if (std::strcmp(mode, "fork-and-render") == 0) return fork_and_render();
  if (std::strcmp(mode, "threads") == 0) return threads();
  if (std::strcmp(mode, "wait-then-signal") == 0) return wait_then_signal();
  if (std::strcmp(mode, "two-instances") == 0) return two_instances();
  if (std::strcmp(mode, "leave-everything") == 0) return leave_everything(false);
  if (std::strcmp(mode, "leave-while-waiting") == 0) return leave_everything(true);
  if (std::strcmp(mode, "reopen-library") == 0) return reopen_library();
  std::fprintf(stderr, "guest_behaviour: unknown mode '%s'\n", mode);
  return 2;
}

}  // namespace
}  // namespace viaduct::bad_days

int main(int argc, char** argv) { return viaduct::bad_days::run(argc > 1 ? argv[1] : ""); }
