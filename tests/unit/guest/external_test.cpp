// Descriptors that stand for exported payloads: whose they are, how long they keep anything, what they carry.
#include <gtest/gtest.h>

#include <fcntl.h>
#include <unistd.h>

#include <cstring>

#include "generated/guest/entrypoints.hpp"
#include "generated/protocol/commands.hpp"
#include "guest-icd/queue/submit.hpp"
#include "tests/unit/guest/device_fixture.hpp"

namespace viaduct::guest {
namespace {

using Kind = ExternalPayload::Kind;
using protocol::Command;
using test::DeviceFixture;
using test::Record;

bool is_open(int fd) { return ::fcntl(fd, F_GETFD) != -1; }

struct External : ::testing::Test {
  // Whatever is called succeeds.
  DeviceFixture fixture{[](const Record&) { return std::vector<std::byte>(16); }};
  VkDevice device = fixture.device.handle();
  ExternalHandles& handles = fixture.host.session().external_handles();

  std::size_t sent(Command command) {
    fixture.host.channel().flush();
    std::size_t count = 0;
    for (const Record& record : fixture.host.records()) {
      count += (record.command & 0x7fffffffu) == static_cast<std::uint32_t>(command);
    }
    return count;
  }
  VkFence fence(bool exportable) {
    const VkExportFenceCreateInfo exported{VK_STRUCTURE_TYPE_EXPORT_FENCE_CREATE_INFO, nullptr,
                                           VK_EXTERNAL_FENCE_HANDLE_TYPE_OPAQUE_FD_BIT};
    const VkFenceCreateInfo info{VK_STRUCTURE_TYPE_FENCE_CREATE_INFO, exportable ? &exported : nullptr, 0};
    VkFence made = VK_NULL_HANDLE;
    EXPECT_EQ(entry::vkCreateFence(device, &info, nullptr, &made), VK_SUCCESS);
    return made;
  }
  VkResult export_fence(VkFence from, int* fd) {
    const VkFenceGetFdInfoKHR info{VK_STRUCTURE_TYPE_FENCE_GET_FD_INFO_KHR, nullptr, from,
                                   VK_EXTERNAL_FENCE_HANDLE_TYPE_OPAQUE_FD_BIT};
    return entry::vkGetFenceFdKHR(device, &info, fd);
  }
  VkResult import_fence(VkFence to, int fd, VkFenceImportFlags flags) {
    const VkImportFenceFdInfoKHR info{VK_STRUCTURE_TYPE_IMPORT_FENCE_FD_INFO_KHR,  nullptr, to, flags,
                                      VK_EXTERNAL_FENCE_HANDLE_TYPE_OPAQUE_FD_BIT, fd};
    return entry::vkImportFenceFdKHR(device, &info);
  }
  VkSemaphore semaphore() {
    const VkSemaphoreCreateInfo info{VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO, nullptr, 0};
    VkSemaphore made = VK_NULL_HANDLE;
    EXPECT_EQ(entry::vkCreateSemaphore(device, &info, nullptr, &made), VK_SUCCESS);
    return made;
  }
  int export_semaphore(VkSemaphore from) {
    const VkSemaphoreGetFdInfoKHR info{VK_STRUCTURE_TYPE_SEMAPHORE_GET_FD_INFO_KHR, nullptr, from,
                                       VK_EXTERNAL_SEMAPHORE_HANDLE_TYPE_OPAQUE_FD_BIT};
    int fd = -1;
    EXPECT_EQ(entry::vkGetSemaphoreFdKHR(device, &info, &fd), VK_SUCCESS);
    return fd;
  }
  VkResult import_semaphore(VkSemaphore to, int fd) {
    const VkImportSemaphoreFdInfoKHR info{VK_STRUCTURE_TYPE_IMPORT_SEMAPHORE_FD_INFO_KHR,  nullptr, to, 0,
                                          VK_EXTERNAL_SEMAPHORE_HANDLE_TYPE_OPAQUE_FD_BIT, fd};
    return entry::vkImportSemaphoreFdKHR(device, &info);
  }
};

TEST_F(External, ADescriptorIsKnownByWhateverItWasDuplicatedTo) {
  int fd = -1;
  ASSERT_EQ(handles.hand_out({Kind::kMemory, 7}, &fd), VK_SUCCESS);
  EXPECT_NE(::fcntl(fd, F_GETFD) & FD_CLOEXEC, 0);
  const UniqueFd copy(::dup(fd));
  ::close(fd);
  const auto found = handles.find(copy.get(), Kind::kMemory);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->number, 7u);
  EXPECT_FALSE(handles.find(copy.get(), Kind::kSemaphore)) << "of another kind";
  EXPECT_FALSE(handles.find(-1, Kind::kMemory));
  EXPECT_FALSE(handles.find(0, Kind::kMemory)) << "somebody else's";
  ExternalHandles other;
  EXPECT_FALSE(other.find(copy.get(), Kind::kMemory)) << "of another session";
}

TEST_F(External, APayloadGoesWhenTheLastDescriptorIsClosed) {
  int fd = -1;
  ASSERT_EQ(handles.hand_out({Kind::kMemory, 7}, &fd), VK_SUCCESS);
  const int copy = ::dup(fd);
  ::close(fd);
  handles.collect(fixture.host.channel());
  EXPECT_EQ(handles.size(), 1u);
  EXPECT_EQ(sent(Command::viaductReleasePayload), 0u);
  ::close(copy);
  handles.collect(fixture.host.channel());
  EXPECT_EQ(handles.size(), 0u);
  EXPECT_EQ(sent(Command::viaductReleasePayload), 1u);
}

TEST_F(External, AnImportClosesTheDescriptorAndAFailedOneDoesNot) {
  VkSemaphore from = semaphore(), to = semaphore();
  const int fd = export_semaphore(from);
  VkFence wrong = fence(false);
  EXPECT_EQ(import_fence(wrong, fd, 0), VK_ERROR_INVALID_EXTERNAL_HANDLE);
  EXPECT_TRUE(is_open(fd));
  EXPECT_EQ(import_semaphore(to, fd), VK_SUCCESS);
  EXPECT_FALSE(is_open(fd));
  EXPECT_EQ(import_semaphore(to, fd), VK_ERROR_INVALID_EXTERNAL_HANDLE);
  EXPECT_EQ(sent(Command::viaductImportSemaphore), 1u);
  EXPECT_EQ(sent(Command::viaductReleasePayload), 1u) << "nobody can import it any more";
  entry::vkDestroyFence(device, wrong, nullptr);
}

TEST_F(External, DescriptorsAreLimited) {
  std::vector<UniqueFd> open;
  VkResult result = VK_SUCCESS;
  for (std::size_t i = 0; i <= ExternalHandles::kMost && result == VK_SUCCESS; ++i) {
    int fd = -1;
    result = handles.hand_out({Kind::kMemory, i + 1}, &fd);
    if (result == VK_SUCCESS) open.emplace_back(fd);
  }
  EXPECT_EQ(result, VK_ERROR_TOO_MANY_OBJECTS);
  EXPECT_LE(open.size(), ExternalHandles::kMost);
  open.clear();
  handles.collect(fixture.host.channel());
  EXPECT_EQ(handles.size(), 0u);
}

TEST_F(External, AFenceSharesItsPayloadForGoodOrUntilItIsReset) {
  VkFence source = fence(true), permanent = fence(false), temporary = fence(false);
  int first = -1, second = -1, none = -1;
  ASSERT_EQ(export_fence(source, &first), VK_SUCCESS);
  ASSERT_EQ(export_fence(source, &second), VK_SUCCESS);
  EXPECT_NE(export_fence(permanent, &none), VK_SUCCESS) << "not made for it";
  ASSERT_EQ(import_fence(permanent, first, 0), VK_SUCCESS);
  ASSERT_EQ(import_fence(temporary, second, VK_FENCE_IMPORT_TEMPORARY_BIT), VK_SUCCESS);
  Fence::from(source)->assign(fixture.queue(), 3);
  for (VkFence each : {source, permanent, temporary}) {
    EXPECT_EQ(entry::vkGetFenceStatus(device, each), VK_NOT_READY);
  }
  fixture.host.complete(fixture.queue().slot, 3);
  for (VkFence each : {source, permanent, temporary}) {
    EXPECT_EQ(entry::vkGetFenceStatus(device, each), VK_SUCCESS);
  }
  entry::vkResetFences(device, 1, &temporary);
  EXPECT_EQ(entry::vkGetFenceStatus(device, temporary), VK_NOT_READY);
  EXPECT_EQ(entry::vkGetFenceStatus(device, source), VK_SUCCESS) << "its own payload was reset";
  entry::vkDestroyFence(device, source, nullptr);
  EXPECT_EQ(entry::vkGetFenceStatus(device, permanent), VK_SUCCESS);
  entry::vkResetFences(device, 1, &permanent);
  EXPECT_EQ(entry::vkGetFenceStatus(device, permanent), VK_NOT_READY);
  for (VkFence each : {permanent, temporary}) entry::vkDestroyFence(device, each, nullptr);
}

// Whoever imported the semaphore waits on the host: a mark that only this one knows would leave it waiting.
TEST_F(External, AnExportedSemaphoreThatTheWindowSystemSignalsIsSignalledOnTheHost) {
  VkSemaphore before = semaphore(), plain = semaphore(), marked = semaphore();
  signal_from_wsi(fixture.device, plain, VK_NULL_HANDLE);
  EXPECT_EQ(sent(Command::viaductQueueSubmit), 0u);
  const UniqueFd fd(export_semaphore(before));
  signal_from_wsi(fixture.device, before, VK_NULL_HANDLE);
  EXPECT_EQ(sent(Command::viaductQueueSubmit), 1u);
  EXPECT_FALSE(Semaphore::from(fixture.device, before)->wsi_signaled);
  signal_from_wsi(fixture.device, marked, VK_NULL_HANDLE);
  const UniqueFd other(export_semaphore(marked));
  EXPECT_EQ(sent(Command::viaductQueueSubmit), 2u);
  EXPECT_FALSE(Semaphore::from(fixture.device, marked)->wsi_signaled);
}

TEST_F(External, ATimelineThatIsImportedIsKnownOnlyFromItsNewPayload) {
  const VkSemaphoreTypeCreateInfo type{VK_STRUCTURE_TYPE_SEMAPHORE_TYPE_CREATE_INFO, nullptr,
                                       VK_SEMAPHORE_TYPE_TIMELINE, 50};
  const VkSemaphoreCreateInfo info{VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO, &type, 0};
  VkSemaphore from = VK_NULL_HANDLE, to = VK_NULL_HANDLE;
  ASSERT_EQ(entry::vkCreateSemaphore(device, &info, nullptr, &from), VK_SUCCESS);
  ASSERT_EQ(entry::vkCreateSemaphore(device, &info, nullptr, &to), VK_SUCCESS);
  const UniqueFd binary(export_semaphore(semaphore()));
  EXPECT_EQ(import_semaphore(to, binary.get()), VK_ERROR_INVALID_EXTERNAL_HANDLE) << "of another type";
  EXPECT_EQ(import_semaphore(to, export_semaphore(from)), VK_SUCCESS);
  EXPECT_EQ(Semaphore::from(fixture.device, to)->known_value, 0u);
}

}  // namespace
}  // namespace viaduct::guest
