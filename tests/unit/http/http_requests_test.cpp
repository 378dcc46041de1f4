// Which requests the guard lets through, and what a change's body becomes.
#include <gtest/gtest.h>

#include "base/log_buckets.hpp"
#include "host-renderer/http/api.hpp"
#include "host-renderer/http/flat_json.hpp"
#include "host-renderer/http/guard.hpp"
#include "host-renderer/page/page_files.hpp"

namespace viaduct::host::http {
namespace {

const std::string kNone;
const std::string kToken = "a token of more than sixteen";

unsigned status_of(const std::string& token, const RequestHead& head) {
  const auto refused = refusal(token, head);
  return refused ? refused->status : 200;
}

RequestHead change() {
  return {.method = "POST",
          .path = "/api/policy",
          .host = "127.0.0.1:9477",
          .authorization = "Bearer a token of more than sixteen",
          .content_type = "application/json",
          .origin = "http://127.0.0.1:9477",
          .fetch_site = "same-origin",
          .request_header = "1"};
}

TEST(Guard, a_change_from_the_page_itself_passes) {
  EXPECT_EQ(status_of(kToken, change()), 200u);
  RequestHead script = change();  // curl sends neither
  script.origin = script.fetch_site = "";
  script.content_type = "Application/JSON; charset=utf-8";
  EXPECT_EQ(status_of(kToken, script), 200u);
}

TEST(Guard, where_there_is_no_token_everything_can_be_read_and_nothing_changed) {
  for (const char* host : {"127.0.0.1:9477", "localhost", "[::1]:9477", "10.0.0.1"}) {
    for (const char* path : {"/", "/api/status", "/metrics", "/health"})
      EXPECT_EQ(status_of(kNone, {.method = "GET", .path = path, .host = host}), 200u) << path;
    for (const char* path : {"/api/policy", "/api/tenant", "/api/kill", "/api/nothing"})
      for (const char* authorization : {"", "Bearer", "Bearer ", "Bearer a token of more than sixteen"}) {
        RequestHead head = change();
        head.path = path;
        head.host = host;
        head.origin = "";
        head.authorization = authorization;
        EXPECT_EQ(status_of(kNone, head), 403u) << path << authorization;
      }
  }
  const std::string told = refusal(kNone, change())->body;
  for (const char* word : {"http.token_file", "viaductctl"})
    EXPECT_NE(told.find(word), std::string::npos) << told;
}

TEST(Guard, a_change_from_another_site_is_refused) {
  for (const char* origin : {"http://evil.example", "null", "http://127.0.0.1:9478", "http://127.0.0.1",
                             "http://127.0.0.1:9477.evil.example", "file://", "127.0.0.1:9477"}) {
    RequestHead head = change();
    head.origin = origin;
    EXPECT_EQ(status_of(kToken, head), 403u) << origin;
  }
  for (const char* site : {"cross-site", "same-site", "none"}) {
    RequestHead head = change();
    head.fetch_site = site;
    EXPECT_EQ(status_of(kToken, head), 403u) << site;
  }
}

TEST(Guard, a_change_that_a_form_could_send_is_refused) {
  for (const char* type : {"", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data",
                           "text/plain; application/json", "application/jsonx"}) {
    RequestHead head = change();
    head.content_type = type;
    EXPECT_EQ(status_of(kToken, head), 415u) << type;
  }
  for (const char* value : {"", "0", "11"}) {
    RequestHead head = change();
    head.request_header = value;
    EXPECT_EQ(status_of(kToken, head), 403u) << value;
  }
}

TEST(Guard, a_name_that_points_here_changes_and_reads_nothing) {
  RequestHead head = change();
  head.host = "rebound.example:9477";
  head.origin = "http://rebound.example:9477";
  EXPECT_EQ(status_of(kNone, head), 403u);
  head.authorization = "";  // no page of another origin has it
  EXPECT_EQ(status_of(kToken, head), 401u);
  for (const char* path : {"/", "/api/status", "/metrics"})
    EXPECT_EQ(status_of(kNone, {.method = "GET", .path = path, .host = "rebound.example"}), 403u) << path;
}

TEST(Guard, only_the_pages_files_are_there_without_the_token) {
  for (const char* path : {"/", "/page.js", "/chart.js", "/page.css", "/icon.svg"})
    EXPECT_EQ(status_of(kToken, {.method = "GET", .path = path, .host = "gpu.example"}), 200u) << path;
  for (const char* path : {"/api/status", "/metrics", "/health", "/nothing", "/page.js/"})
    EXPECT_EQ(status_of(kToken, {.method = "GET", .path = path, .host = "gpu.example"}), 401u) << path;
  EXPECT_EQ(status_of(kToken, {.method = "POST", .path = "/", .host = "gpu.example"}), 401u);
}

TEST(Guard, a_change_wants_the_token_and_the_other_rules_too) {
  RequestHead head = change();
  for (const char* wrong :
       {"", "Bearer", "Bearer ", "Bearer a token of more than sixtee", "a token of more than sixteen"}) {
    head.authorization = wrong;
    EXPECT_EQ(status_of(kToken, head), 401u) << wrong;
  }
  head.authorization = "bearer a token of more than sixteen";
  EXPECT_EQ(status_of(kToken, head), 200u);
  head.origin = "http://evil.example";
  EXPECT_EQ(status_of(kToken, head), 403u);
  head.host = "gpu.example";  // a proxy with TLS stands before it
  head.origin = "https://gpu.example";
  EXPECT_EQ(status_of(kToken, head), 200u);
}

TEST(Guard, other_methods_and_places_take_no_change) {
  for (const char* method : {"PUT", "DELETE", "OPTIONS", "PATCH", "post", ""}) {
    RequestHead head = change();
    head.method = method;
    EXPECT_EQ(status_of(kToken, head), 405u) << method;
  }
  RequestHead head = change();
  head.path = "/metrics";
  EXPECT_EQ(status_of(kToken, head), 405u);
}

TEST(FlatJson, is_strings_and_whole_numbers) {
  const auto got = parse_flat_json(" {\"a\" : \"x\\n\\\"\\u00e9\\u20ac\" ,\r\n\"b\":4294967295, \"\": 0} ");
  ASSERT_TRUE(got) << got.error();
  EXPECT_EQ(std::get<std::string>(got->at("a")), "x\n\"\xc3\xa9\xe2\x82\xac");
  EXPECT_EQ(std::get<uint32_t>(got->at("b")), 4294967295u);
  EXPECT_EQ(std::get<uint32_t>(got->at("")), 0u);
  EXPECT_TRUE(parse_flat_json("{}"));
}

TEST(FlatJson, everything_else_is_an_error) {
  for (const char* wrong : {"",
                            " ",
                            "{",
                            "}",
                            "[]",
                            "1",
                            "\"a\"",
                            "{\"a\"}",
                            "{\"a\":}",
                            "{\"a\":1,}",
                            "{,}",
                            "{\"a\":1 \"b\":2}",
                            "{a:1}",
                            "{\"a\":1}x",
                            "{\"a\":-1}",
                            "{\"a\":1.5}",
                            "{\"a\":1e3}",
                            "{\"a\":01}",
                            "{\"a\":4294967296}",
                            "{\"a\":true}",
                            "{\"a\":null}",
                            "{\"a\":{}}",
                            "{\"a\":[1]}",
                            "{\"a\":\"x",
                            "{\"a\":\"\\",
                            "{\"a\":\"\\x\"}",
                            "{\"a\":\"\\u12\"}",
                            "{\"a\":\"\\u12",
                            "{\"a\":\"\\ud800\"}",
                            "{\"a\":\"\n\"}",
                            "{\"a\":1,\"a\":2}",
                            "{'a':1}"})
    EXPECT_FALSE(parse_flat_json(wrong)) << wrong;
}

TEST(FlatJson, any_cut_of_a_good_text_is_an_error) {
  const std::string whole = R"({"name": "a\u00e9\"", "share_percent": 40})";
  ASSERT_TRUE(parse_flat_json(whole));
  for (std::size_t size = 0; size < whole.size(); ++size)
    EXPECT_FALSE(parse_flat_json(whole.substr(0, size))) << size;
}

TEST(Api, a_change_is_the_request_that_the_admin_socket_takes) {
  const auto policy = api_request("/api/policy", R"({"policy": "fixed-share"})");
  ASSERT_TRUE(policy);
  EXPECT_EQ(policy->set_policy().policy(), "fixed-share");
  const auto tenant = api_request("/api/tenant", R"({"name": "vm1", "share_percent": 40})");
  ASSERT_TRUE(tenant);
  EXPECT_EQ(tenant->set_tenant().name(), "vm1");
  EXPECT_EQ(tenant->set_tenant().share_percent(), 40u);
  EXPECT_FALSE(tenant->set_tenant().has_frames_per_second());
  const auto kill = api_request("/api/kill", R"({"session_id": 7})");
  ASSERT_TRUE(kill);
  EXPECT_EQ(kill->kill().session_id(), 7u);
}

TEST(Api, a_wrong_body_or_path_says_what_is_wrong) {
  EXPECT_EQ(api_request("/api/gpus", "{}").error().status, 404u);
  for (const auto& [path, body, word] :
       std::vector<std::array<std::string, 3>>{{"/api/policy", "{}", "policy"},
                                               {"/api/policy", R"({"policy": 1})", "wrong kind"},
                                               {"/api/tenant", R"({"share_percent": 1})", "name"},
                                               {"/api/tenant", R"({"name": "a", "share": 1})", "share"},
                                               {"/api/kill", R"({"session_id": "7"})", "wrong kind"},
                                               {"/api/kill", "session_id=7", "byte 0"}}) {
    const auto got = api_request(path, body);
    ASSERT_FALSE(got) << body;
    EXPECT_EQ(got.error().status, 400u);
    EXPECT_EQ(got.error().type, "application/json");
    EXPECT_NE(got.error().body.find(word), std::string::npos) << got.error().body;
  }
}

TEST(Api, the_answer_is_the_admin_sockets) {
  control::AdminReply reply;
  reply.set_text("done");
  EXPECT_EQ(api_answer(reply).body, "{\"text\": \"done\"}\n");
  reply.set_error("no \"such\" tenant");
  EXPECT_EQ(api_answer(reply).status, 422u);
  EXPECT_EQ(api_answer(reply).body, "{\"error\": \"no \\\"such\\\" tenant\"}\n");
}

TEST(StatusJson, has_a_tenant_of_two_sockets_once_and_its_frame_times_by_bucket) {
  control::Status status;
  for (const uint32_t id : {1u, 2u}) {
    control::TenantStatus& tenant = *status.add_tenants();
    tenant.set_name("alice");
    control::SessionStatus& session = *tenant.add_sessions();
    session.set_session_id(id);
    session.set_program("<script>\"\n");
    session.set_kind(id == 1 ? "vulkan" : "virgl");
    control::FrameTimes& times = *session.mutable_frame_times();
    times.set_first(17);
    for (const uint64_t count : {4, 0, 5}) times.add_counts(count);
  }
  EXPECT_NE(status_json(status, false).find("\"changes_possible\": false"), std::string::npos);
  const std::string text = status_json(status, true);
  EXPECT_NE(text.find("\"changes_possible\": true"), std::string::npos) << text;
  EXPECT_EQ(text.find("\"alice\""), text.rfind("\"alice\"")) << text;
  EXPECT_NE(text.find("\"session\": 2"), std::string::npos) << text;
  EXPECT_NE(text.find(R"("program": "<script>\"\u000a")"), std::string::npos) << text;
  const auto edge = [](std::size_t bucket) { return std::to_string(LogBuckets::end_of(bucket) / 1000); };
  const std::string times = "\"frame_times_us\": [[" + edge(17) + ", 4], [" + edge(19) + ", 5]]";
  EXPECT_NE(text.find(times), std::string::npos) << text;
  EXPECT_EQ(text.find("frame_times_us"), text.rfind("frame_times_us")) << "virgl counts nothing";
}

TEST(Page, needs_nothing_from_elsewhere_and_has_no_script_within) {
  ASSERT_NE(page::file_at("/"), nullptr);
  for (const char* path : {"/index.html", "", "//", "/page", "/../page.js"})
    EXPECT_EQ(page::file_at(path), nullptr);
  const std::string_view html = page::file_at("/")->text;
  for (const char* word : {"onclick", "onload", "style=", "<style", "javascript:", "http://", "https://"})
    EXPECT_EQ(html.find(word), std::string_view::npos) << word;
  for (const char* path : {"/page.js", "/chart.js"})
    for (const char* word :
         {"innerHTML", "outerHTML", "insertAdjacentHTML", "eval(", "document.write", "https://"})
      EXPECT_EQ(page::file_at(path)->text.find(word), std::string_view::npos) << path << " " << word;
}

}  // namespace
}  // namespace viaduct::host::http
