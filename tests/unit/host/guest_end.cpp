#include "tests/unit/host/guest_end.hpp"

#include "base/clock.hpp"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <chrono>

namespace viaduct::host::testing {
namespace {

constexpr int kPatienceMs = 20'000;  // sanitizers on a busy machine

template <class Done>
bool wait_until(const Done& done) {
  const Deadline deadline = Deadline::after_ms(kPatienceMs);
  while (!done()) {
    if (deadline.expired()) return false;
    std::this_thread::sleep_for(std::chrono::microseconds(50));
  }
  return true;
}

std::vector<protocol::Known> own_commands(Command other_form) {
  std::vector<protocol::Known> commands;
  for (std::uint32_t i = 0; i < protocol::kCommandCount; ++i) {
    const protocol::CommandInfo& info = protocol::kCommandInfo[i];
    const bool other = static_cast<Command>(i) == other_form;
    commands.push_back({info.name_hash, info.form_hash ^ (other ? 1u : 0u)});
  }
  return commands;
}

PFN_vkGetInstanceProcAddr fresh_driver(std::uint32_t api_version) {
  FakeVulkan::reset();
  FakeVulkan::get().api_version = api_version;
  return reinterpret_cast<PFN_vkGetInstanceProcAddr>(fake_get_instance_proc_addr);
}

}  // namespace

GuestEnd::GuestEnd(const GuestEndOptions& wanted)
    : memory_(static_cast<std::byte*>(::mmap(nullptr, kLayout.region_size, PROT_READ | PROT_WRITE,
                                             MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)),
              [](std::byte* memory) { ::munmap(memory, kLayout.region_size); }),
      driver_(fresh_driver(wanted.api_version)) {
  view_ = transport::RegionView(memory_.get(), kLayout);
  to_host_ = std::make_unique<transport::EventDoorbell>(*transport::EventDoorbell::create_eventfd());
  to_guest_ = std::make_unique<transport::EventDoorbell>(*transport::EventDoorbell::create_eventfd());
  EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets_), 0);
  waker_ = std::make_unique<transport::PeerWaker>(view_.guest().parked, *to_guest_);
  guest_memory_ = std::make_unique<GuestMemory>(view_, *waker_);
  SessionOptions options;
  options.max_objects = 4096;
  options.probes = wanted.probes;
  session_ = std::make_unique<Session>(driver_, *guest_memory_, stats_, options);
  executor_ = std::make_unique<Executor>(*session_, own_commands(wanted.other_form), wanted.recorder_threads,
                                         wanted.recorder_threads != 0);
  ring_ = std::make_unique<transport::RingConsumer>(view_, *waker_);
  producer_ = std::make_unique<transport::RingProducer>(view_, *to_host_);
  replies_ = std::make_unique<transport::ReplySlots>(view_);
  worker_ = std::thread([this] {
    const int watched[] = {executor_->attention_fd()};
    transport::HostParker parker(view_, *to_host_, sockets_[0], watched);
    outcome_ = run_session(*session_, *executor_, *ring_, parker);
    ended_ = true;
  });
}

GuestEnd::~GuestEnd() { finish(); }

const SessionOutcome& GuestEnd::finish() {
  if (sockets_[1] >= 0) {
    ::close(sockets_[1]);
    sockets_[1] = -1;
    worker_.join();
    executor_.reset();
    session_.reset();
    ::close(sockets_[0]);
  }
  return outcome_;
}

void GuestEnd::send(const Records& records, ObjectId command_buffer) {
  send_raw(records.bytes, command_buffer);
}

void GuestEnd::send_raw(const std::vector<std::byte>& bytes, ObjectId command_buffer) {
  const std::uint64_t room = kLayout.control_size - transport::RegionLayout::kChunkOffset;
  ASSERT_LE(bytes.size(), room);
  if (at_ + bytes.size() > room) {
    settle();
    at_ = 0;
  }
  const std::uint64_t offset = transport::RegionLayout::kChunkOffset + at_;
  std::memcpy(view_.bytes(offset), bytes.data(), bytes.size());
  at_ += (bytes.size() + 63) & ~std::uint64_t{63};
  transport::Span span;
  span.offset = offset;
  span.size = static_cast<std::uint32_t>(bytes.size());
  span.kind = command_buffer != 0 ? transport::SpanKind::command_buffer : transport::SpanKind::stream;
  span.command_buffer_id = command_buffer;
  ASSERT_TRUE(wait_until([&] { return ended() || !producer_->full(); }));
  if (!ended()) {
    ASSERT_NE(producer_->publish(span), 0u);
    producer_->wake_host();
  }
}

std::vector<std::byte> GuestEnd::reply(std::uint32_t slot) {
  const std::uint64_t sequence = ++read_[slot];
  EXPECT_TRUE(wait_until([&] { return ended() || replies_->ready(slot, sequence); }));
  if (!replies_->ready(slot, sequence)) return {};
  const auto reply = replies_->read(slot);
  return {reply.bytes.begin(), reply.bytes.end()};
}

std::int32_t GuestEnd::completion(std::uint32_t slot, std::uint64_t value) {
  transport::Completion seen{};
  EXPECT_TRUE(wait_until([&] {
    seen = transport::load_completion(view_.completion(slot));
    return seen.value >= value || seen.result != 0;
  }));
  return seen.result;
}

void GuestEnd::settle() {
  // An answer to a query is behind everything that was sent before it; slot 63 is kept for that.
  if (ended()) return;
  Records query;
  std::uint32_t version = 0;
  query.add(VIADUCT_TEST_CALL(vkEnumerateInstanceVersion, &version), 63);
  const std::uint64_t offset = transport::RegionLayout::kChunkOffset;
  at_ = std::max<std::uint64_t>(at_, 64);
  const std::uint64_t sequence = ++read_[63];
  ASSERT_TRUE(wait_until([&] { return ended() || producer_->consumed() == producer_->published(); }));
  std::memcpy(view_.bytes(offset), query.bytes.data(), query.bytes.size());
  transport::Span span;
  span.offset = offset;
  span.size = static_cast<std::uint32_t>(query.bytes.size());
  if (ended()) return;
  ASSERT_NE(producer_->publish(span), 0u);
  producer_->wake_host();
  ASSERT_TRUE(wait_until([&] { return ended() || replies_->ready(63, sequence); }));
}

Records GuestEnd::device_records() {
  VkInstanceCreateInfo instance_info{};
  instance_info.sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO;
  const char* debug_utils = VK_EXT_DEBUG_UTILS_EXTENSION_NAME;
  instance_info.enabledExtensionCount = debug_utils_ ? 1 : 0;
  instance_info.ppEnabledExtensionNames = &debug_utils;
  const float priority = 1.0f;
  VkDeviceQueueCreateInfo queue_info{};
  queue_info.sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO;
  queue_info.queueCount = 1;
  queue_info.pQueuePriorities = &priority;
  VkDeviceCreateInfo device_info{};
  device_info.sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO;
  device_info.queueCreateInfoCount = 1;
  device_info.pQueueCreateInfos = &queue_info;
  device_info.enabledExtensionCount = static_cast<std::uint32_t>(device_extensions_.size());
  device_info.ppEnabledExtensionNames = device_extensions_.data();
  VkCommandPoolCreateInfo pool_info{};
  pool_info.sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO;
  VkCommandPool pool = handle<VkCommandPool>(ObjectType::kCommandPool);
  VkCommandBufferAllocateInfo buffers_info{};
  buffers_info.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO;
  buffers_info.commandPool = pool;
  buffers_info.commandBufferCount = 1;
  std::uint32_t one = 1;
  VkInstance made_instance = instance();
  VkPhysicalDevice made_gpu = gpu();
  VkDevice made_device = device();
  VkQueue made_queue = queue();
  VkCommandBuffer made_buffer = command_buffer();
  Records r;
  r.add(VIADUCT_TEST_CALL(vkCreateInstance, &instance_info, nullptr, &made_instance));
  r.add(VIADUCT_TEST_CALL(vkEnumeratePhysicalDevices, instance(), &one, &made_gpu));
  r.add(VIADUCT_TEST_CALL(vkCreateDevice, gpu(), &device_info, nullptr, &made_device));
  r.add(VIADUCT_TEST_CALL(viaductGetDeviceQueue, device(), 0, 0, 0, kSlot, 0, &made_queue));
  r.add(VIADUCT_TEST_CALL(vkCreateCommandPool, device(), &pool_info, nullptr, &pool));
  r.add(VIADUCT_TEST_CALL(vkAllocateCommandBuffers, device(), &buffers_info, &made_buffer));
  return r;
}

void GuestEnd::submit(std::uint64_t value, bool with_commands) {
  const VkCommandBuffer commands = command_buffer();
  VkSubmitInfo info{};
  info.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO;
  info.commandBufferCount = 1;
  info.pCommandBuffers = &commands;
  Records r;
  r.add(VIADUCT_TEST_CALL(viaductQueueSubmit, queue(), with_commands ? 1u : 0u,
                          with_commands ? &info : nullptr, value));
  send(r);
}

}  // namespace viaduct::host::testing
