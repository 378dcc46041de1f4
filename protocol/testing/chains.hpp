// What the generated pNext functions of tests share.
#pragma once

#include <vulkan/vulkan.h>

#include <initializer_list>
#include <span>

#include "protocol/testing/digest.hpp"
#include "protocol/testing/rng.hpp"

namespace viaduct::protocol::testing {

// A few different structs of the allowed ones, each made by `make`; the Rng says how many and which.
template <class Make>
void* make_chain(Rng& rng, VkStructureType parent, std::initializer_list<VkStructureType> allowed,
                 Make make) {
  VkBaseOutStructure* head = nullptr;
  if (allowed.size() == 0) return nullptr;
  if (rng.enter()) {
    const std::span<const VkStructureType> choice(allowed.begin(), allowed.size());
    for (std::uint32_t i = rng.links(choice.size()); i != 0; --i) {
      const VkStructureType type = rng.choose_link(parent, choice);
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
void digest_link(Digest& d, VkStructureType parent, const VkBaseInStructure* link,
                 void (*digest)(Digest&, const T&)) {
  T v = *reinterpret_cast<const T*>(link);
  v.pNext = nullptr;
  d.u64(static_cast<std::uint64_t>(v.sType));
  d.link(parent, v.sType);
  digest(d, v);
}

}  // namespace viaduct::protocol::testing
