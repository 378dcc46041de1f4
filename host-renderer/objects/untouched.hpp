// Output structs that a driver leaves alone because it does not know them. Applications rely on it: they
// chain structs of extensions that may be missing, with the values in them that shall hold then (libplacebo
// does so with VkPhysicalDevicePortabilitySubsetPropertiesKHR, and divides by what it finds). So the reply
// must tell "answered with zeros" from "not answered".
//
// Decode thread only. Costs a second call of the driver when a struct of the chain is still zeros after the
// first.
#pragma once

#include <vulkan/vulkan.h>

namespace viaduct::host {

// Fills those structs that are all zeros with other bytes; returns whether there are any. Structs with
// members that are set on entry are not considered.
bool mark_zero_structs(void* chain) noexcept;

// After another query: those that hold these bytes still get an sType that replies leave out; the other
// structs stay.
void drop_marked_structs(void* chain) noexcept;

// query fills the output chain, whose structs are zeros on entry, and does the same each time.
template <class Query>
void query_and_drop_untouched(void* chain, Query query) {
  query();
  if (mark_zero_structs(chain)) {
    query();
    drop_marked_structs(chain);
  }
}

}  // namespace viaduct::host
