// A guest that keeps to the handshake and to nothing else: raw access to its session's region.
//
// Used by one thread. Everything the peer says is believed (the host is trusted by these tests). Failures of
// the handshake end the program with status 3 and a line.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "transport/region/region.hpp"
#include "transport/stream/unix_stream.hpp"
#include "transport/wait/doorbell.hpp"

namespace viaduct::bad_days {

// Connects to $VIADUCT_URL.
std::unique_ptr<transport::Stream> connect_to_host();

// The hello of a well-behaved guest.
std::vector<std::byte> honest_hello();

class HostileSession {
 public:
  HostileSession();

  transport::RegionView region() const { return region_.view(); }
  // Writes the bytes into a chunk and publishes a descriptor for them, as an honest guest would. Waits while
  // the ring is full, at most a few seconds.
  void publish(std::span<const std::byte> bytes, transport::SpanKind kind = transport::SpanKind::stream,
               uint64_t command_buffer = 0);
  // Publishes a descriptor as it is, whatever it says. Its sequence is set unless it has one.
  void publish_raw(transport::RingDescriptor descriptor);
  // Makes the host look, even if it sleeps.
  void wake();
  // Waits until the session is over and says how: "status N" of the region, or "hang-up".
  std::string wait_for_end(int timeout_ms);
  // Whether the session is over already.
  bool over() const;

 private:
  std::unique_ptr<transport::Stream> stream_;
  transport::Region region_;
  std::unique_ptr<transport::EventDoorbell> to_host_;
  uint64_t published_ = 0;
  uint32_t next_chunk_ = 0;
};

// A record under construction.
class Record {
 public:
  // By name, as the guest numbers its commands; `reply` adds the header of a call, for reply slot 0.
  Record(const char* command, bool reply);
  Record& u32(uint32_t value);
  Record& u64(uint64_t value);
  // The finished bytes, padded to 8, with the size in the header unless another one is wanted.
  std::vector<std::byte> finish(uint32_t wrong_size = 0);

 private:
  std::vector<std::byte> bytes_;
};

}  // namespace viaduct::bad_days
