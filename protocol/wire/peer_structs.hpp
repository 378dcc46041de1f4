// Which structs of pNext chains the other side understands in the form in which this side writes them.
//
// A process has one session, so this is the process's: the guest learns it from the welcome, and from then on
// its chains leave out what the host does not know (the generated pnext code asks before each struct, in
// requests and replies alike). The host only ever answers what it was asked, so on its side everything stays
// known. Relaxed atomics: any thread may ask, and nobody encodes while a session is being opened.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <span>

#include "generated/protocol/chain_structs.hpp"

namespace viaduct::protocol {

enum class PeerForm : std::uint8_t {
  kSame,
  kUnknown,  // it has no such struct
  kOther,    // it has one that is encoded otherwise (a provisional extension that changed)
};

extern std::array<std::atomic<PeerForm>, kChainStructCount> g_peer_forms;

inline PeerForm peer_form(ChainStruct s) noexcept {
  return g_peer_forms[static_cast<std::size_t>(s)].load(std::memory_order_relaxed);
}
inline bool peer_knows(ChainStruct s) noexcept { return peer_form(s) == PeerForm::kSame; }

// The peer's structs. No structs at all: the peer's are the same as ours.
void learn_peer_structs(std::span<const ChainStructInfo> peer) noexcept;

}  // namespace viaduct::protocol
