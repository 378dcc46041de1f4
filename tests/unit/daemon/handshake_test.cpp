#include "protocol/control/handshake.hpp"

#include <gtest/gtest.h>

#include <random>

namespace viaduct::protocol {
namespace {

Hello sample_hello() {
  Hello hello;
  hello.registry_version = 0x40304bu;
  hello.pid = 4242;
  hello.program = "vkcube";
  hello.commands = {{1, 10}, {0xffffffffu, 11}, {0x12345678u, 0xffffffffu}};
  return hello;
}

TEST(Handshake, a_hello_arrives_as_it_was_sent) {
  const auto bytes = encode_hello(sample_hello());
  EXPECT_EQ(bytes.size(), 88u + 3 * 8);
  const auto hello = decode_hello(bytes);
  ASSERT_TRUE(hello);
  EXPECT_EQ(hello->protocol_version, kProtocolVersion);
  EXPECT_EQ(hello->registry_version, 0x40304bu);
  EXPECT_EQ(hello->pid, 4242u);
  EXPECT_EQ(hello->program, "vkcube");
  EXPECT_EQ(hello->commands, sample_hello().commands);
}

TEST(Handshake, a_hello_says_what_regions_the_guest_takes_and_carries_its_token) {
  Hello sent = sample_hello();
  sent.regions = 6;
  sent.token = std::string("\0secret\xff", 8);
  const auto got = decode_hello(encode_hello(sent));
  ASSERT_TRUE(got);
  EXPECT_FALSE(got->takes(RegionKind::memfd));
  EXPECT_TRUE(got->takes(RegionKind::ivshmem));
  EXPECT_TRUE(got->takes(RegionKind::none));
  EXPECT_EQ(got->token, sent.token);
  EXPECT_EQ(got->commands, sent.commands);
}

TEST(Handshake, kinds_of_region_that_nobody_knows_yet_are_ignored) {
  Hello sent = sample_hello();
  sent.regions = 0xffffffffu;
  const auto got = decode_hello(encode_hello(sent));
  ASSERT_TRUE(got);
  EXPECT_EQ(got->regions, kAllRegionKinds);
}

TEST(Handshake, a_hello_says_that_its_guest_knows_packed_messages_beside_the_kinds_of_region) {
  Hello sent = sample_hello();
  sent.regions = 4;
  EXPECT_FALSE(decode_hello(encode_hello(sent))->knows_packing);
  sent.knows_packing = true;
  const auto got = decode_hello(encode_hello(sent));
  ASSERT_TRUE(got);
  EXPECT_TRUE(got->knows_packing);
  EXPECT_EQ(got->regions, 4u);
}

TEST(Handshake, a_token_that_is_too_long_is_cut_when_sent_and_refused_when_received) {
  Hello sent = sample_hello();
  sent.token = std::string(300, 't');
  auto bytes = encode_hello(sent);
  const auto got = decode_hello(bytes);
  ASSERT_TRUE(got);
  EXPECT_EQ(got->token.size(), kMaxTokenBytes);
  bytes[84] = std::byte{1};  // 256 becomes 257
  bytes.push_back(std::byte{'t'});
  EXPECT_FALSE(decode_hello(bytes));
}

TEST(Handshake, tokens_are_the_same_only_byte_for_byte_and_never_when_empty) {
  EXPECT_TRUE(same_token("abc", "abc"));
  for (const char* other : {"abd", "ab", "abcd", "", "Abc"}) {
    EXPECT_FALSE(same_token(other, "abc")) << other;
    EXPECT_FALSE(same_token("abc", other)) << other;
  }
  EXPECT_FALSE(same_token("", ""));
}

TEST(Handshake, the_version_of_another_peer_can_be_named) {
  auto bytes = encode_hello(sample_hello());
  bytes[0] = std::byte{2};
  EXPECT_EQ(stated_version(bytes), 2u);
  EXPECT_EQ(stated_version(std::span(bytes).first(3)), 0u);
}

RegionOffer sample_offer() {
  RegionOffer offer;
  offer.file_size = 64u << 20;
  offer.slice_offset = 16u << 20;
  offer.slice_size = 32u << 20;
  offer.control_size = 8u << 20;
  offer.nonce_offset = 4096;
  offer.doorbell = 7;
  return offer;
}

TEST(Handshake, a_region_offer_arrives_as_it_was_sent) {
  const auto got = decode_region_offer(encode_region_offer(sample_offer()));
  ASSERT_TRUE(got);
  EXPECT_EQ(got->kind, RegionKind::ivshmem);
  EXPECT_EQ(got->file_size, 64u << 20);
  EXPECT_EQ(got->slice_offset, 16u << 20);
  EXPECT_EQ(got->slice_size, 32u << 20);
  EXPECT_EQ(got->control_size, 8u << 20);
  EXPECT_EQ(got->nonce_offset, 4096u);
  EXPECT_EQ(got->doorbell, 7u);
}

TEST(Handshake, a_region_offer_outside_of_its_file_or_out_of_step_is_refused) {
  const auto refused = [](void (*change)(RegionOffer&)) {
    RegionOffer offer = sample_offer();
    change(offer);
    return !decode_region_offer(encode_region_offer(offer));
  };
  EXPECT_TRUE(refused([](RegionOffer& o) { o.slice_offset = 48u << 20; }));
  EXPECT_TRUE(refused([](RegionOffer& o) { o.slice_offset = ~uint64_t{4095}; }));
  EXPECT_TRUE(refused([](RegionOffer& o) { o.slice_size = 128u << 20; }));
  EXPECT_TRUE(refused([](RegionOffer& o) { o.control_size = 33u << 20; }));
  EXPECT_TRUE(refused([](RegionOffer& o) { o.nonce_offset = (32u << 20) - 16; }));
  EXPECT_TRUE(refused([](RegionOffer& o) { o.nonce_offset = 4097; }));
  EXPECT_TRUE(refused([](RegionOffer& o) { o.slice_size -= 8; }));
  EXPECT_TRUE(refused([](RegionOffer& o) { o.slice_size = 0, o.control_size = 0, o.nonce_offset = 0; }));
  EXPECT_TRUE(refused([](RegionOffer& o) { o.kind = static_cast<RegionKind>(3); }));
}

TEST(Handshake, a_region_proof_arrives_as_it_was_sent) {
  RegionProof sent;
  sent.sight = Sight::no_access;
  sent.nonce.fill(std::byte{0xa5});
  sent.message = "resource2 cannot be opened: Permission denied\n";
  auto bytes = encode_region_proof(sent);
  const auto got = decode_region_proof(bytes);
  ASSERT_TRUE(got);
  EXPECT_EQ(got->sight, Sight::no_access);
  EXPECT_TRUE(same_nonce(got->nonce, sent.nonce));
  EXPECT_EQ(got->message, "resource2 cannot be opened: Permission denied?");
  bytes[4] = std::byte{6};
  EXPECT_FALSE(decode_region_proof(bytes));
}

TEST(Handshake, a_welcome_arrives_as_it_was_sent) {
  Welcome sent;
  sent.session_id = 7;
  sent.region_size = 5ull << 30;
  sent.control_size = 8 << 20;
  sent.registry_version = 3;
  sent.region = RegionKind::none;
  sent.driver_name = "llvmpipe";
  sent.commands = {{9, 90}, {8, 80}};
  sent.structs = {{7, 70}};
  const auto got = decode_welcome(encode_welcome(sent));
  ASSERT_TRUE(got);
  EXPECT_EQ(got->session_id, 7u);
  EXPECT_EQ(got->region_size, 5ull << 30);
  EXPECT_EQ(got->control_size, 8u << 20);
  EXPECT_EQ(got->registry_version, 3u);
  EXPECT_EQ(got->region, RegionKind::none);
  EXPECT_EQ(got->driver_name, "llvmpipe");
  EXPECT_EQ(got->commands, sent.commands);
  EXPECT_EQ(got->structs, sent.structs);
}

TEST(Handshake, a_refusal_arrives_as_it_was_sent) {
  const auto got = decode_refusal(encode_refusal({RefusalCode::limit, "no more sessions"}));
  ASSERT_TRUE(got);
  EXPECT_EQ(got->code, RefusalCode::limit);
  EXPECT_EQ(got->message, "no more sessions");
}

TEST(Handshake, a_refusal_is_cut_to_what_the_decoder_accepts) {
  const auto got = decode_refusal(encode_refusal({RefusalCode::limit, std::string(10'000, 'x')}));
  ASSERT_TRUE(got);
  EXPECT_EQ(got->message.size(), kMaxRefusalBytes);
}

TEST(Handshake, a_refusal_without_a_message_is_one) {
  const auto got = decode_refusal(encode_refusal({RefusalCode::limit, ""}));
  ASSERT_TRUE(got);
  EXPECT_TRUE(got->message.empty());
}

TEST(Handshake, every_truncation_is_refused) {
  const auto hello = encode_hello(sample_hello());
  for (std::size_t size = 0; size < hello.size(); ++size) {
    EXPECT_FALSE(decode_hello(std::span(hello).first(size))) << size;
  }
  Welcome sample;
  sample.commands = {{1, 3}, {2, 4}};
  sample.structs = {{5, 6}};
  const auto welcome = encode_welcome(sample);
  for (std::size_t size = 0; size < welcome.size(); ++size) {
    EXPECT_FALSE(decode_welcome(std::span(welcome).first(size))) << size;
  }
  const auto offer = encode_region_offer(sample_offer());
  for (std::size_t size = 0; size < offer.size(); ++size) {
    EXPECT_FALSE(decode_region_offer(std::span(offer).first(size))) << size;
  }
  const auto proof = encode_region_proof({.nonce = {}, .message = "why"});
  for (std::size_t size = 0; size < proof.size(); ++size) {
    EXPECT_FALSE(decode_region_proof(std::span(proof).first(size))) << size;
  }
  const auto query = encode_device_query({.token = "abc"});
  for (std::size_t size = 0; size < query.size(); ++size) {
    EXPECT_FALSE(decode_device_query(std::span(query).first(size))) << size;
  }
  const auto refusal = encode_refusal({RefusalCode::limit, "because"});
  for (std::size_t size = 0; size < refusal.size(); ++size) {
    EXPECT_FALSE(decode_refusal(std::span(refusal).first(size))) << size;
  }
}

TEST(Handshake, bytes_behind_the_last_hash_are_refused) {
  auto bytes = encode_hello(sample_hello());
  bytes.resize(bytes.size() + 4);
  EXPECT_FALSE(decode_hello(bytes));
}

TEST(Handshake, a_count_that_the_bytes_do_not_hold_is_refused) {
  auto bytes = encode_hello(sample_hello());
  for (const unsigned char high : {0x01, 0x40, 0xff}) {
    bytes[15] = std::byte{high};  // the count's high byte
    const auto hello = decode_hello(bytes);
    ASSERT_FALSE(hello);
    EXPECT_EQ(hello.error().code, Errc::bad_data);
  }
}

TEST(Handshake, another_version_is_incompatible_and_not_garbage) {
  auto bytes = encode_hello(sample_hello());
  bytes[0] = std::byte{99};
  const auto hello = decode_hello(bytes);
  ASSERT_FALSE(hello);
  EXPECT_EQ(hello.error().code, Errc::incompatible);
}

TEST(Handshake, a_program_name_without_an_end_is_cut_and_made_printable) {
  auto bytes = encode_hello(sample_hello());
  for (std::size_t i = 16; i < 80; ++i) bytes[i] = std::byte{0x1b};
  const auto hello = decode_hello(bytes);
  ASSERT_TRUE(hello);
  EXPECT_EQ(hello->program, std::string(63, '?'));
}

TEST(Handshake, a_long_program_name_is_cut_when_it_is_sent) {
  Hello sent = sample_hello();
  sent.program = std::string(200, 'p');
  const auto hello = decode_hello(encode_hello(sent));
  ASSERT_TRUE(hello);
  EXPECT_EQ(hello->program, std::string(63, 'p'));
}

TEST(Handshake, a_device_info_tells_what_is_lent) {
  const DeviceInfo ordinary;
  EXPECT_EQ(encode_device_info(ordinary).size(), 8u) << "as it was before there were flags";
  for (const bool vulkan : {false, true}) {
    for (const bool gl : {false, true}) {
      const auto info = decode_device_info(encode_device_info({.vulkan = vulkan, .gl_server = gl}));
      ASSERT_TRUE(info);
      EXPECT_EQ(info->vulkan, vulkan);
      EXPECT_EQ(info->gl_server, gl);
    }
  }
}

TEST(Handshake, a_question_for_the_device_and_its_answer_arrive_unchanged) {
  const auto query = decode_device_query(encode_device_query({.token = "mine"}));
  ASSERT_TRUE(query);
  EXPECT_EQ(query->token, "mine");
  DeviceInfo sent;
  sent.device_type = 4;
  const auto info = decode_device_info(encode_device_info(sent));
  ASSERT_TRUE(info);
  EXPECT_EQ(info->device_type, 4u);
}

TEST(Handshake, a_question_for_the_device_of_another_length_or_version_is_refused) {
  auto query = encode_device_query({});
  auto info = encode_device_info({});
  query[0] = info[0] = std::byte{99};
  EXPECT_EQ(decode_device_query(query).error().code, Errc::incompatible);
  EXPECT_EQ(decode_device_info(info).error().code, Errc::incompatible);
  query[0] = std::byte{kProtocolVersion};
  query.pop_back();
  info.push_back(std::byte{0});
  EXPECT_EQ(decode_device_query(query).error().code, Errc::bad_data);
  EXPECT_EQ(decode_device_info(info).error().code, Errc::bad_data);
}

TEST(Handshake, a_control_area_larger_than_the_region_is_refused) {
  Welcome sent;
  sent.region_size = 4096;
  sent.control_size = 8192;
  EXPECT_FALSE(decode_welcome(encode_welcome(sent)));
}

// What the decoders make of noise is checked by the sanitizers; what they accept must encode back to it.
TEST(Handshake, a_nonce_is_marked_and_never_the_same) {
  const auto first = make_nonce();
  const auto second = make_nonce();
  ASSERT_TRUE(first && second);
  EXPECT_TRUE(has_nonce_mark(*first));
  EXPECT_FALSE(same_nonce(*first, *second));
  EXPECT_FALSE(has_nonce_mark(Nonce{}));
}

TEST(Handshake, noise_is_refused_or_means_what_it_says) {
  std::mt19937 random(1);
  for (int round = 0; round < 20'000; ++round) {
    auto bytes = encode_hello(sample_hello());
    bytes.resize(random() % 140);
    const int flips = 1 + static_cast<int>(random() % 8);
    for (int i = 0; i < flips && !bytes.empty(); ++i)
      bytes[random() % bytes.size()] = static_cast<std::byte>(random());
    if (const auto hello = decode_hello(bytes)) {
      EXPECT_EQ(bytes.size(), 88 + 8 * hello->commands.size() + hello->token.size());
      EXPECT_LT(hello->program.size(), kProgramBytes);
    }
    if (const auto refusal = decode_refusal(bytes)) {
      EXPECT_LE(refusal->message.size(), bytes.size() - 8);
    }
  }
}

}  // namespace
}  // namespace viaduct::protocol
