// Every result that the registry lists for a command is given by the driver once; what the application is
// told, and what it is told next, is printed.
//
//   inject COMMAND RESULT told TOLD then NEXT     the driver gave RESULT, the call TOLD, the next submission
//   NEXT inject COMMAND RESULT not-given               no call of this kind reached the driver
#include <algorithm>
#include <cstdio>
#include <cstring>
#include <memory>

#include "generated/fake_driver/facts.hpp"
#include "generated/protocol/args.hpp"
#include "protocol/wire/object_id.hpp"
#include "tests/fake-driver/guest_call.hpp"

namespace viaduct::fake {
namespace {

using protocol::Command;

VkBuffer kept_buffer(const Guest& guest) {
  return protocol::handle_from_bits<VkBuffer>(guest.pool(protocol::ObjectType::kBuffer).front());
}

// Submits what was recorded last, without recording again.
VkResult submit_recorded(const Guest& guest) {
  VkSubmitInfo info{VK_STRUCTURE_TYPE_SUBMIT_INFO};
  info.commandBufferCount = 1;
  info.pCommandBuffers = &guest.commands;
  const VkResult result =
      guest.get<PFN_vkQueueSubmit>("vkQueueSubmit")(guest.queue, 1, &info, VK_NULL_HANDLE);
  return result != VK_SUCCESS ? result : guest.get<PFN_vkQueueWaitIdle>("vkQueueWaitIdle")(guest.queue);
}

struct Told {
  bool given = false;
  int told = 0;
};

// A call during which the driver gives `result` the first time that it is asked.
Told call_with(Guest& guest, const Subject& subject, VkResult result, uint64_t seed) {
  const char* name = subject.codec->name;
  const PFN_vkVoidFunction function = guest.find(name);
  if (function == nullptr) return {};
  Args args(guest, subject, seed);
  if (args.missing()) return {};
  std::vector<LoggedCall> calls;
  if (!guest.read_log(calls)) return {};
  guest.instruct("fail " + std::string(name) + " 0 " + std::to_string(result));
  subject.codec->recorded ? args.record(function) : args.call(function);
  if (!guest.read_log(calls)) give_up("the session was lost by an injected result");
  guest.instruct("clear");
  const auto given = std::any_of(calls.begin(), calls.end(), [&](const LoggedCall& call) {
    const auto& info = protocol::kCommandInfo[static_cast<std::size_t>(subject.codec->command)];
    return call.entry.name_hash == info.name_hash && call.entry.result == result;
  });
  const LoggedCall* logged = find_last(calls, name);
  // Objects that were made all the same are kept, those of a failure are not.
  if (given && logged != nullptr && result > 0) {
    args.expected_inputs();
    args.compare(*logged);
  }
  if (given && std::strncmp(name, "vkRelease", 9) == 0) guest.forget(args.last_type(), args.last_handle());
  return {given, args.result()};
}

// A guest of its own for each device that a result costs.
std::unique_ptr<Guest> fresh(const char* library, std::unique_ptr<Guest> old) {
  if (old != nullptr) {
    old->get<PFN_vkDestroyDevice>("vkDestroyDevice")(old->device, nullptr);
    old->get<PFN_vkDestroyInstance>("vkDestroyInstance")(old->instance, nullptr);
  }
  auto guest = std::make_unique<Guest>(library);
  collect_objects(*guest);
  return guest;
}

// What the host asks the driver in the course of a device's life, beside the commands that chance can call:
// the first result that is no success, wherever it is told.
VkResult live(const Guest& guest) {
  const float priority = 1.0F;
  VkDeviceQueueCreateInfo queues{VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO};
  queues.queueCount = 1;
  queues.pQueuePriorities = &priority;
  VkDeviceCreateInfo info{VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO};
  info.queueCreateInfoCount = 1;
  info.pQueueCreateInfos = &queues;
  VkDevice device = VK_NULL_HANDLE;
  VkResult result = guest.get<PFN_vkCreateDevice>("vkCreateDevice")(guest.physical, &info, nullptr, &device);
  if (result != VK_SUCCESS) return result;
  VkQueue queue = VK_NULL_HANDLE;
  guest.get<PFN_vkGetDeviceQueue>("vkGetDeviceQueue")(device, 0, 0, &queue);
  VkCommandPoolCreateInfo pool_info{VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO};
  VkCommandBufferAllocateInfo buffer_info{VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO};
  guest.get<PFN_vkCreateCommandPool>("vkCreateCommandPool")(device, &pool_info, nullptr,
                                                            &buffer_info.commandPool);
  buffer_info.commandBufferCount = 1;
  VkCommandBuffer buffer = VK_NULL_HANDLE;
  result = guest.get<PFN_vkAllocateCommandBuffers>("vkAllocateCommandBuffers")(device, &buffer_info, &buffer);
  VkFenceCreateInfo fence_info{VK_STRUCTURE_TYPE_FENCE_CREATE_INFO};
  VkFence fence = VK_NULL_HANDLE;
  guest.get<PFN_vkCreateFence>("vkCreateFence")(device, &fence_info, nullptr, &fence);
  const VkCommandBufferBeginInfo begin{VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO};
  VkSubmitInfo submit{VK_STRUCTURE_TYPE_SUBMIT_INFO};
  submit.commandBufferCount = 1;
  submit.pCommandBuffers = &buffer;
  const auto tell = [&result](VkResult next) {
    if (result == VK_SUCCESS) result = next;
  };
  for (int frame = 0; frame < 3; ++frame) {
    tell(guest.get<PFN_vkBeginCommandBuffer>("vkBeginCommandBuffer")(buffer, &begin));
    tell(guest.get<PFN_vkEndCommandBuffer>("vkEndCommandBuffer")(buffer));
    tell(guest.get<PFN_vkQueueSubmit>("vkQueueSubmit")(queue, 1, &submit, fence));
    tell(guest.get<PFN_vkWaitForFences>("vkWaitForFences")(device, 1, &fence, VK_TRUE, 20'000'000'000ull));
    tell(guest.get<PFN_vkResetFences>("vkResetFences")(device, 1, &fence));
    tell(guest.get<PFN_vkResetCommandBuffer>("vkResetCommandBuffer")(buffer, 0));
    tell(guest.get<PFN_vkResetCommandPool>("vkResetCommandPool")(device, buffer_info.commandPool, 0));
  }
  guest.get<PFN_vkDestroyFence>("vkDestroyFence")(device, fence, nullptr);
  guest.get<PFN_vkDestroyDevice>("vkDestroyDevice")(device, nullptr);
  return result;
}

// The same for an instance: how many devices it has, and how many extensions they.
VkResult enumerate(const Guest& guest, uint32_t& devices, uint32_t& extensions) {
  const VkInstanceCreateInfo info{VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO};
  VkInstance instance = VK_NULL_HANDLE;
  VkResult result = guest.get<PFN_vkCreateInstance>("vkCreateInstance")(&info, nullptr, &instance);
  if (result != VK_SUCCESS) return result;
  VkPhysicalDevice device = VK_NULL_HANDLE;
  devices = 1;
  result =
      guest.get<PFN_vkEnumeratePhysicalDevices>("vkEnumeratePhysicalDevices")(instance, &devices, &device);
  if (result == VK_SUCCESS && devices != 0) {
    result = guest.get<PFN_vkEnumerateDeviceExtensionProperties>("vkEnumerateDeviceExtensionProperties")(
        device, nullptr, &extensions, nullptr);
  }
  guest.get<PFN_vkDestroyInstance>("vkDestroyInstance")(instance, nullptr);
  return result;
}

// Commands that chance cannot call, each in the course of things. Prints the lines of inject(), and for lists
//   inject COMMAND RESULT lists TOLD DEVICES EXTENSIONS
void inject_in_course(Guest& guest, const CommandResults& one) {
  const char* name = protocol::kCommandInfo[static_cast<std::size_t>(one.command)].name;
  for (const VkResult result : one.results) {
    // What the host still waits for on this device must not be what gets the result.
    guest.get<PFN_vkDeviceWaitIdle>("vkDeviceWaitIdle")(guest.device);
    guest.instruct("fail " + std::string(name) + " 0 " + std::to_string(result));
    switch (one.command) {
      case Command::vkEnumeratePhysicalDevices:
      case Command::vkEnumerateDeviceExtensionProperties: {
        uint32_t devices = 0;
        uint32_t extensions = 0;
        const VkResult told = enumerate(guest, devices, extensions);
        std::printf("inject %s %d lists %d %u %u\n", name, result, told, devices, extensions);
        break;
      }
      default:
        std::printf("inject %s %d told 0 then %d\n", name, result, live(guest));
    }
    std::vector<LoggedCall> calls;
    if (!guest.read_log(calls)) give_up("the session was lost by an injected result");
    const bool given = std::any_of(calls.begin(), calls.end(), [&](const LoggedCall& call) {
      return call.entry.name_hash ==
                 protocol::kCommandInfo[static_cast<std::size_t>(one.command)].name_hash &&
             call.entry.result == result;
    });
    if (!given) std::printf("inject %s %d not-given\n", name, result);
    guest.instruct("clear");
  }
}

constexpr Command kInCourse[] = {Command::vkAllocateCommandBuffers,
                                 Command::vkBeginCommandBuffer,
                                 Command::vkEndCommandBuffer,
                                 Command::vkResetCommandBuffer,
                                 Command::vkResetCommandPool,
                                 Command::vkCreateFence,
                                 Command::vkResetFences,
                                 Command::vkWaitForFences,
                                 Command::vkEnumeratePhysicalDevices,
                                 Command::vkEnumerateDeviceExtensionProperties};

}  // namespace

int inject(const char* library) {
  std::unique_ptr<Guest> guest = fresh(library, nullptr);
  for (const CommandResults& one : kCommandResults) {
    const char* name = protocol::kCommandInfo[static_cast<std::size_t>(one.command)].name;
    if (std::find(std::begin(kInCourse), std::end(kInCourse), one.command) != std::end(kInCourse)) {
      inject_in_course(*guest, one);
    }
    if (is_directed(name) || guest->find(name) == nullptr) continue;
    const Subject& subject = subject_of(name);
    for (const VkResult result : one.results) {
      Told told;
      for (uint64_t seed = 7; seed < 71 && !told.given; ++seed)
        told = call_with(*guest, subject, result, seed);
      if (!told.given) {
        std::printf("inject %s %d not-given\n", name, result);
        continue;
      }
      const VkResult next =
          subject.codec->recorded ? submit_recorded(*guest) : submit_fill(*guest, kept_buffer(*guest));
      std::printf("inject %s %d told %d then %d\n", name, result, told.told, next);
      if (next != VK_SUCCESS) guest = fresh(library, std::move(guest));
    }
  }
  std::printf("finished\n");
  return 0;
}

}  // namespace viaduct::fake
