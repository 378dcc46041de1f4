// Costs of the codec's parts, by Google Benchmark: the encoder's stores, the host's copy, check and patch of
// a whole chunk, and the lookup of a name.
#include <benchmark/benchmark.h>

#include <cstring>
#include <vector>

#include "base/arena.hpp"
#include "generated/protocol/args.hpp"
#include "generated/protocol/commands.hpp"
#include "generated/protocol/requests.hpp"
#include "protocol/wire/decoder.hpp"
#include "protocol/wire/record.hpp"
#include "protocol/wire/writer.hpp"

namespace viaduct::protocol {
namespace {

constexpr std::size_t kChunk = 16 * 1024;

// Live buffers and one pipeline layout, as a host has them.
class Tables {
 public:
  explicit Tables(std::uint32_t buffers) : buffers_(buffers, HandleSlot{1, kSlotAlive, 0x1000, nullptr}) {
    tables_.of(ObjectType::kBuffer).set(buffers_.data(), buffers);
    tables_.of(ObjectType::kPipelineLayout).set(&layout_, 1);
  }
  const HandleTables& get() const { return tables_; }

 private:
  std::vector<HandleSlot> buffers_;
  HandleSlot layout_{1, kSlotAlive, 0x2000, nullptr};
  HandleTables tables_;
};

ObjectId buffer_id(std::uint32_t index) {
  return make_id(ObjectType::kBuffer, std::uint64_t{1} << 32 | index);
}

template <class Body>
std::byte* write_record(std::byte* at, Command command, const Body& body) {
  SizeCounter counter(kPostHeaderSize);
  body(counter);
  const std::uint32_t header[2] = {static_cast<std::uint32_t>(command),
                                   static_cast<std::uint32_t>(counter.finish())};
  std::memcpy(at, header, sizeof header);
  Writer writer(at, kPostHeaderSize);
  body(writer);
  writer.finish();
  return at + header[1];
}

// Bind, push constants, draw; as often as they fit. The number of records.
struct Chunk {
  alignas(64) std::byte bytes[kChunk];
  std::size_t size = 0;
  std::int64_t records = 0;

  Chunk() {
    constexpr std::size_t kRound = 256;  // more than the three take
    const auto buffer = handle_from_bits<VkBuffer>(buffer_id(7));
    const auto layout =
        handle_from_bits<VkPipelineLayout>(make_id(ObjectType::kPipelineLayout, std::uint64_t{1} << 32));
    const VkDeviceSize offset = 0;
    const float place[4] = {};
    std::byte* at = bytes;
    while (at + kRound <= bytes + kChunk) {
      at = write_record(at, Command::vkCmdBindVertexBuffers, [&](auto& sink) {
        write_request_vkCmdBindVertexBuffers(sink, 0, 1, &buffer, &offset);
      });
      at = write_record(at, Command::vkCmdPushConstants, [&](auto& sink) {
        write_request_vkCmdPushConstants(sink, layout, VK_SHADER_STAGE_VERTEX_BIT, 0, sizeof place, place);
      });
      at = write_record(at, Command::vkCmdDraw,
                        [&](auto& sink) { write_request_vkCmdDraw(sink, 3, 1, 0, 0); });
      records += 3;
    }
    size = static_cast<std::size_t>(at - bytes);
  }
};

template <class Arguments, class Decode>
bool decode(std::span<const std::byte> record, Arena& arena, const HandleTables& tables, Decode decode_body) {
  Arguments arguments;
  Decoder decoder(record, kPostHeaderSize, arena, tables);
  decoder.set_command_buffer(buffer_id(1), reinterpret_cast<VkCommandBuffer>(&arena));
  const bool good = decode_body(decoder, arguments);
  benchmark::DoNotOptimize(arguments);
  arena.reset();
  return good;
}

bool decode_record(std::span<const std::byte> record, Command command, Arena& arena,
                   const HandleTables& tables) {
  switch (command) {
    case Command::vkCmdBindVertexBuffers:
      return decode<vkCmdBindVertexBuffers_args>(record, arena, tables, decode_vkCmdBindVertexBuffers);
    case Command::vkCmdPushConstants:
      return decode<vkCmdPushConstants_args>(record, arena, tables, decode_vkCmdPushConstants);
    default:
      return decode<vkCmdDraw_args>(record, arena, tables, decode_vkCmdDraw);
  }
}

void BM_EncodeDraw(benchmark::State& state) {
  alignas(64) static std::byte memory[kChunk];
  std::byte* at = memory;
  for (auto _ : state) {
    if (at + 64 > memory + kChunk) at = memory;
    at = write_record(at, Command::vkCmdDraw, [](auto& sink) { write_request_vkCmdDraw(sink, 3, 1, 0, 0); });
    benchmark::ClobberMemory();
  }
}
BENCHMARK(BM_EncodeDraw);

void BM_EncodeBindVertexBuffers(benchmark::State& state) {
  alignas(64) static std::byte memory[kChunk];
  const auto buffer = handle_from_bits<VkBuffer>(buffer_id(7));
  const VkDeviceSize offset = 0;
  std::byte* at = memory;
  for (auto _ : state) {
    if (at + 64 > memory + kChunk) at = memory;
    at = write_record(at, Command::vkCmdBindVertexBuffers, [&](auto& sink) {
      write_request_vkCmdBindVertexBuffers(sink, 0, 1, &buffer, &offset);
    });
    benchmark::ClobberMemory();
  }
}
BENCHMARK(BM_EncodeBindVertexBuffers);

// All that the worker does with a chunk short of calling the driver. Items are commands.
void BM_CopyCheckPatchAChunk(benchmark::State& state) {
  static const Chunk shared;
  alignas(64) static std::byte copy[kChunk];
  const Tables tables(64);
  Arena arena(std::size_t{1} << 20);
  for (auto _ : state) {
    std::memcpy(copy, shared.bytes, shared.size);
    std::size_t at = 0;
    while (at < shared.size) {
      RecordHeader header;
      std::memcpy(&header, copy + at, sizeof header);
      if (header.size < sizeof header || header.size % 8 != 0 || header.size > shared.size - at ||
          !decode_record({copy + at, header.size}, static_cast<Command>(header.command), arena, tables.get()))
        return state.SkipWithError("a record is refused");
      at += header.size;
    }
  }
  state.SetItemsProcessed(state.iterations() * shared.records);
}
BENCHMARK(BM_CopyCheckPatchAChunk);

// With so many objects alive, each looked up in turn.
void BM_HandleLookup(benchmark::State& state) {
  const auto count = static_cast<std::uint32_t>(state.range(0));
  const Tables tables(count);
  std::uint32_t index = 0;
  for (auto _ : state) {
    const HandleSlot* slot = tables.get().find(ObjectType::kBuffer, buffer_id(index));
    if (slot == nullptr) return state.SkipWithError("a live name is not found");
    auto driver = slot->driver;
    benchmark::DoNotOptimize(driver);
    index = (index + 7919) % count;
  }
}
BENCHMARK(BM_HandleLookup)->Arg(10)->Arg(1000)->Arg(100000);

}  // namespace
}  // namespace viaduct::protocol
