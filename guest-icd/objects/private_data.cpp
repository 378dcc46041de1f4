// Entry points of private data (Vulkan 1.3, VK_EXT_private_data): kept in the guest, for every object type,
// by what names an object once and for all: its id, or its address where destruction makes the value
// forgotten.
#include "guest-icd/objects/private_data.hpp"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <new>
#include <unordered_map>
#include <vector>

#include "generated/guest/entrypoints.hpp"
#include "protocol/wire/object_id.hpp"

namespace viaduct::guest {
namespace {

class PrivateDataSlot {
 public:
  static PrivateDataSlot* from(VkPrivateDataSlot handle) noexcept {
    return reinterpret_cast<PrivateDataSlot*>(handle);
  }
  VkResult set(VkObjectType type, std::uint64_t object, std::uint64_t data) noexcept {
    const std::lock_guard lock(mutex_);
    try {
      values_[key(type, object)] = data;
      return VK_SUCCESS;
    } catch (const std::bad_alloc&) {
      return VK_ERROR_OUT_OF_HOST_MEMORY;
    }
  }
  std::uint64_t get(VkObjectType type, std::uint64_t object) noexcept {
    const std::lock_guard lock(mutex_);
    const auto at = values_.find(key(type, object));
    return at == values_.end() ? 0 : at->second;
  }
  void forget(std::uint64_t object) noexcept {
    const std::lock_guard lock(mutex_);
    values_.erase(object);
  }

 private:
  // Dispatchable handles are addresses, which are reused; their ids are not.
  static std::uint64_t key(VkObjectType type, std::uint64_t object) noexcept {
    switch (type) {
      case VK_OBJECT_TYPE_DEVICE:
      case VK_OBJECT_TYPE_QUEUE:
      case VK_OBJECT_TYPE_COMMAND_BUFFER:
        return protocol::dispatchable_id(reinterpret_cast<const void*>(object));
      default:
        return object;
    }
  }
  std::mutex mutex_;
  std::unordered_map<std::uint64_t, std::uint64_t> values_;
};

// All slots of the process, for forget_private_data. Leaked: an application may exit with slots alive.
struct Slots {
  std::atomic<std::size_t> count{0};
  std::mutex mutex;
  std::vector<PrivateDataSlot*> all;
};

Slots& slots() {
  static Slots* const instance = new Slots;
  return *instance;
}

}  // namespace

void forget_private_data(std::uint64_t handle) noexcept {
  Slots& known = slots();
  if (known.count.load(std::memory_order_acquire) == 0) return;
  const std::lock_guard lock(known.mutex);
  for (PrivateDataSlot* slot : known.all) slot->forget(handle);
}

namespace entry {

VKAPI_ATTR VkResult VKAPI_CALL vkCreatePrivateDataSlot(VkDevice, const VkPrivateDataSlotCreateInfo*,
                                                       const VkAllocationCallbacks*,
                                                       VkPrivateDataSlot* pPrivateDataSlot) noexcept {
  auto* slot = new (std::nothrow) PrivateDataSlot;
  if (slot == nullptr) return VK_ERROR_OUT_OF_HOST_MEMORY;
  try {
    const std::lock_guard lock(slots().mutex);
    slots().all.push_back(slot);
    slots().count.store(slots().all.size(), std::memory_order_release);
  } catch (const std::bad_alloc&) {
    delete slot;
    return VK_ERROR_OUT_OF_HOST_MEMORY;
  }
  *pPrivateDataSlot = reinterpret_cast<VkPrivateDataSlot>(slot);
  return VK_SUCCESS;
}

VKAPI_ATTR void VKAPI_CALL vkDestroyPrivateDataSlot(VkDevice, VkPrivateDataSlot privateDataSlot,
                                                    const VkAllocationCallbacks*) noexcept {
  PrivateDataSlot* slot = PrivateDataSlot::from(privateDataSlot);
  if (slot == nullptr) return;
  {
    const std::lock_guard lock(slots().mutex);
    std::erase(slots().all, slot);
    slots().count.store(slots().all.size(), std::memory_order_release);
  }
  // A slot can have private data too.
  forget_private_data(protocol::id_of(privateDataSlot));
  delete slot;
}

VKAPI_ATTR VkResult VKAPI_CALL vkSetPrivateData(VkDevice, VkObjectType objectType, uint64_t objectHandle,
                                                VkPrivateDataSlot privateDataSlot, uint64_t data) noexcept {
  return PrivateDataSlot::from(privateDataSlot)->set(objectType, objectHandle, data);
}

VKAPI_ATTR void VKAPI_CALL vkGetPrivateData(VkDevice, VkObjectType objectType, uint64_t objectHandle,
                                            VkPrivateDataSlot privateDataSlot, uint64_t* pData) noexcept {
  *pData = PrivateDataSlot::from(privateDataSlot)->get(objectType, objectHandle);
}

}  // namespace entry
}  // namespace viaduct::guest
