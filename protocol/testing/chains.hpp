// What the generated pNext functions of tests share.
#pragma once

#include <vulkan/vulkan.h>

#include <initializer_list>

#include "protocol/testing/digest.hpp"
#include "protocol/testing/rng.hpp"

namespace viaduct::protocol::testing {

// Up to two different structs of the allowed ones, each made by `make`.
template <class Make>
void* make_chain(Rng& rng, std::initializer_list<VkStructureType> allowed, Make make) {
  VkBaseOutStructure* head = nullptr;
  if (allowed.size() == 0) return nullptr;
  if (rng.enter()) {
    for (std::uint32_t i = rng.below(3); i != 0; --i) {
      const VkStructureType type = allowed.begin()[rng.below(static_cast<std::uint32_t>(allowed.size()))];
      bool there = false;
      for (auto* p = head; p != nullptr; p = p->pNext) there = there || p->sType == type;
      auto* made = there ? nullptr : static_cast<VkBaseOutStructure*>(make(rng, type));
      if (made == nullptr) continue;
      made->sType = type;
      made->pNext = head;
      head = made;
    }
  }
  rng.leave();
  return head;
}

// One struct of a chain, alone: the chain is the caller's business.
template <class T>
void* make_link(Rng& rng, void (*make)(Rng&, T&)) {
  T* p = rng.make<T>(1);
  make(rng, *p);
  p->pNext = nullptr;
  return p;
}

template <class T>
void change_link(Rng& rng, const VkBaseInStructure* link, void (*change)(Rng&, T&)) {
  auto& v = *reinterpret_cast<std::remove_const_t<T>*>(const_cast<VkBaseInStructure*>(link));
  const auto next = v.pNext;
  v.pNext = nullptr;
  change(rng, v);
  v.pNext = next;
}

template <class T>
void digest_link(Digest& d, const VkBaseInStructure* link, void (*digest)(Digest&, const T&)) {
  T v = *reinterpret_cast<const T*>(link);
  v.pNext = nullptr;
  d.u64(static_cast<std::uint64_t>(v.sType));
  digest(d, v);
}

}  // namespace viaduct::protocol::testing
