#include "protocol/wire/peer_structs.hpp"

#include <algorithm>

namespace viaduct::protocol {

std::array<std::atomic<PeerForm>, kChainStructCount> g_peer_forms{};

void learn_peer_structs(std::span<const ChainStructInfo> peer) noexcept {
  for (std::size_t i = 0; i < kChainStructCount; ++i) {
    const ChainStructInfo& own = kChainStructs[i];
    const auto found = std::find_if(peer.begin(), peer.end(),
                                    [&](const ChainStructInfo& other) { return other.s_type == own.s_type; });
    PeerForm form = PeerForm::kSame;
    if (!peer.empty() && found == peer.end()) form = PeerForm::kUnknown;
    if (found != peer.end() && found->form_hash != own.form_hash) form = PeerForm::kOther;
    g_peer_forms[i].store(form, std::memory_order_relaxed);
  }
}

}  // namespace viaduct::protocol
